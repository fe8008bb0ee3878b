//! The servers start, are empty, and are gone when their owner is.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use salient_testkit::{Guard, GuardSpec, Postgres, PostgresOptions, Redis, RedisOptions};

fn port_of(url: &str) -> u16 {
    let place = url.rsplit('@').next().unwrap();
    let port = place.split('/').next().unwrap().rsplit(':').next().unwrap();
    port.parse().unwrap()
}

fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

#[tokio::test]
async fn each_database_is_fresh() {
    let server = Postgres::shared().await.unwrap();
    let (one, two) = (server.database().await.unwrap(), server.database().await.unwrap());
    assert_ne!(one, two);
    server.query(&one, "create table t (x int)").unwrap();
    let tables = "select count(*) from information_schema.tables where table_schema = 'public'";
    assert_eq!(server.query(&one, tables).unwrap(), "1");
    assert_eq!(server.query(&two, tables).unwrap(), "0");
}

#[tokio::test]
async fn a_named_database_is_made_once() {
    let server = Postgres::shared().await.unwrap();
    let first = server.named_database("named_once").await.unwrap();
    assert_eq!(first, server.named_database("named_once").await.unwrap());
    let refused = server.named_database("x; drop database y").await;
    assert!(refused.unwrap_err().to_string().contains("plain database name"));
}

#[tokio::test]
async fn redis_prefixes_differ() {
    let redis = Redis::shared().await.unwrap();
    assert!(listens(port_of(redis.url())));
    assert_ne!(redis.prefix(), redis.prefix());
}

#[test]
fn a_stopped_server_is_gone() {
    let redis = Redis::start(&RedisOptions::default()).unwrap();
    let port = port_of(redis.url());
    assert!(listens(port));
    redis.stop();
    assert!(!listens(port));
}

#[test]
fn kept_data_is_there_after_a_restart() {
    let root = tempfile::tempdir().unwrap();
    let options = PostgresOptions { directory: Some(root.path().join("postgres")), durable: true };
    // The server's own account must be able to enter it.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(root.path(), open).unwrap();
    let first = Postgres::start(&options).unwrap();
    first.query(&first.url(), "create table kept (x int)").unwrap();
    first.stop();
    let second = Postgres::start(&options).unwrap();
    let count = second.query(&second.url(), "select count(*) from kept");
    assert_eq!(count.unwrap(), "0");
    second.stop();
}

#[test]
fn a_program_that_ends_says_so_in_its_log() {
    let root = tempfile::tempdir().unwrap();
    let command = ["sh", "-c", "echo it is broken; exit 3"].map(Into::into);
    let log = root.path().join("log");
    let mut spec = GuardSpec::new(command.to_vec(), root.path(), log);
    spec.pid_file = Some(root.path().join("pid"));
    let mut guard = Guard::start(&spec).unwrap();
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = guard.ended() {
            break status;
        }
        assert!(begin.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(10));
    };
    assert_eq!(status.code(), Some(3));
    assert_eq!(guard.log_tail(1), "it is broken");
    assert!(!root.path().join("pid").exists());
}

#[test]
fn a_program_that_does_not_heed_is_killed() {
    let root = tempfile::tempdir().unwrap();
    let script = "trap '' TERM; echo $$; while :; do sleep 0.1; done";
    let command = ["sh", "-c", script].map(Into::into);
    let log = root.path().join("log");
    let mut spec = GuardSpec::new(command.to_vec(), root.path(), log);
    spec.pid_file = Some(root.path().join("pid"));
    spec.grace_seconds = 1;
    let mut guard = Guard::start(&spec).unwrap();
    let begin = Instant::now();
    while guard.log_tail(1).is_empty() {
        assert!(begin.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(10));
    }
    let id = wait_for(&root.path().join("pid"), Duration::from_secs(10));
    assert_eq!(id.trim(), guard.log_tail(1));
    guard.stop();
    let ask = format!("kill -0 {} 2>/dev/null", id.trim());
    let exists = Command::new("sh").args(["-c", &ask]).status();
    assert!(!exists.unwrap().success());
}

/// Not a test by itself: the owner that the next test kills.
#[test]
fn owner() {
    let Ok(note) = std::env::var("SALIENT_TESTKIT_OWNER_NOTE") else {
        return;
    };
    let postgres = Postgres::start(&PostgresOptions::default()).unwrap();
    let redis = Redis::start(&RedisOptions::default()).unwrap();
    let ports = format!("{} {}", port_of(&postgres.url()), port_of(redis.url()));
    std::fs::write(format!("{note}.tmp"), ports).unwrap();
    std::fs::rename(format!("{note}.tmp"), note).unwrap();
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn servers_end_with_a_killed_owner() {
    let root = tempfile::tempdir().unwrap();
    let note = root.path().join("ports");
    let temporary = root.path().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    for path in [root.path(), &temporary] {
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(path, open).unwrap();
    }
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "owner"])
        .env("SALIENT_TESTKIT_OWNER_NOTE", &note)
        .env("TMPDIR", &temporary)
        .spawn()
        .unwrap();
    let ports = wait_for(&note, Duration::from_secs(60));
    let ports: Vec<u16> = ports.split(' ').map(|port| port.parse().unwrap()).collect();
    assert!(ports.iter().all(|port| listens(*port)));

    owner.kill().unwrap();
    owner.wait().unwrap();

    let begin = Instant::now();
    let left = || std::fs::read_dir(&temporary).unwrap().count();
    while ports.iter().any(|port| listens(*port)) || left() > 0 {
        assert!(begin.elapsed() < Duration::from_secs(20), "still there");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn wait_for(note: &Path, limit: Duration) -> String {
    let begin = Instant::now();
    loop {
        if let Ok(text) = std::fs::read_to_string(note) {
            return text;
        }
        assert!(begin.elapsed() < limit, "{} was not written", note.display());
        std::thread::sleep(Duration::from_millis(20));
    }
}
