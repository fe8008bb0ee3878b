//! What a crash does: nothing that a seller sees.
//!
//! The suite runs as five processes on Postgres and Redis. Each service in turn is killed with
//! `kill -9` in the middle of its work and started again; the demo must end with the list of a
//! suite in which nothing died, and no store may hold anything twice.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use salient_tests::try_call;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use xtask::suite::Suite;

const DAY: &str = "2026-05-31";
const COMPANY: [&str; 4] = ["--accounts", "150", "--as-of", DAY];
const GLANCE: Duration = Duration::from_millis(5);

/// The programs, which are built beside the tests.
fn binaries() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let directory = here.ancestors().nth(2).unwrap().to_owned();
    let salient = directory.join("salient");
    assert!(salient.exists(), "{} is not there: `cargo build --bins` makes it", salient.display());
    directory
}

/// What the demo prints that is the same wherever it runs: no ids, no times.
fn story(output: &[u8]) -> Value {
    let mut story: Value = serde_json::from_slice(output).unwrap();
    let plan = story["plan"].as_object_mut().unwrap();
    plan.retain(|key, _| !["policy", "planTime"].contains(&key.as_str()));
    for item in plan["recommendations"].as_array_mut().unwrap() {
        let kept = [
            "accountDisplayName",
            "contactDisplayName",
            "action",
            "product",
            "channel",
            "windowStartTime",
            "windowEndTime",
            "amount",
            "expectedValue",
            "probability",
            "rank",
            "why",
            "play",
        ];
        item.as_object_mut().unwrap().retain(|key, _| kept.contains(&key.as_str()));
    }
    story
}

/// What the suite in one process prints.
async fn reference() -> &'static Value {
    static REFERENCE: OnceCell<Value> = OnceCell::const_new();
    REFERENCE
        .get_or_init(|| async {
            let folder = tempfile::tempdir().unwrap();
            let output = Command::new(binaries().join("salient"))
                .args(["demo", "--once", "--json"])
                .args(COMPANY)
                .current_dir(folder.path())
                .stderr(Stdio::inherit())
                .output()
                .unwrap();
            assert!(output.status.success());
            let story = story(&output.stdout);
            assert!(story["plan"]["recommendations"].as_array().unwrap().len() >= 5);
            story
        })
        .await
}

/// The demo against a running suite.
fn demo(session: &Path) -> Child {
    Command::new(binaries().join("salient"))
        .args(["demo", "--json", "--connect"])
        .arg(session)
        .args(COMPANY)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Holds of no store that it has anything twice, and of each that it has something.
fn nothing_is_doubled(suite: &Suite) {
    let doubles = [
        ("profile", "accounts", "tenant, source, source_id"),
        ("profile", "orders", "tenant, source, source_id"),
        ("profile", "interactions", "tenant, source, source_id"),
        ("scoring", "accounts", "tenant, sort_key"),
        ("recommendation", "orders", "tenant, sort_key"),
        ("recommendation", "recommendations", "tenant, account, product"),
        ("feedback", "recommendations", "tenant, account, product"),
    ];
    for (service, table, key) in doubles {
        let query = format!("select count(*), count(distinct ({key})) from {table}");
        let answer = suite.query(service, &query).unwrap();
        let (all, different) = answer.trim().split_once('|').unwrap();
        assert!(all != "0" && all == different, "{service}, {table} by {key}: {answer}");
    }
    let orders = |service, those: &str| {
        suite.query(service, &format!("select count(*) from orders where {those}")).unwrap()
    };
    for service in ["scoring", "recommendation"] {
        assert_eq!(orders(service, "true"), orders("profile", "true"), "orders of {service}");
    }
    // a return is no outcome: feedback keeps none
    assert_eq!(orders("feedback", "true"), orders("profile", "kind <> 2"), "orders of feedback");
    let dead = |service| suite.query(service, "select count(*) from dead_letters").unwrap();
    for service in ["scoring", "recommendation", "feedback"] {
        assert_eq!(dead(service).trim(), "0", "dead letters of {service}");
    }
}

/// Runs the demo and kills `service` each time when the next of `moments` has come: a query of
/// its database that answers `t`.
async fn survives(service: &str, moments: &[&str]) {
    let reference = reference().await;
    let folder = tempfile::tempdir().unwrap();
    let mut suite = Suite::start(&binaries(), folder.path(), Some(DAY)).await.unwrap();
    let mut demo = demo(&suite.session());
    for moment in moments {
        while suite.query(service, moment).unwrap().trim() != "t" {
            assert!(demo.try_wait().unwrap().is_none(), "the demo ended before {moment:?} came");
            std::thread::sleep(GLANCE);
        }
        suite.kill(service).unwrap();
        suite.restart(service).unwrap();
    }
    let output = demo.wait_with_output().unwrap();
    assert!(output.status.success());
    nothing_is_doubled(&suite);
    suite.stop();
    assert_eq!(&story(&output.stdout), reference);
}

#[tokio::test]
async fn five_processes_make_the_list_of_one() {
    survives("profile", &[]).await;
}

#[tokio::test]
async fn profile_dies_during_the_import() {
    let few = "select count(*) > 500 from orders";
    let many = "select count(*) > 2000 from orders";
    survives("profile", &[few, many]).await;
}

#[tokio::test]
async fn scoring_dies_while_it_learns_of_orders_and_while_it_trains() {
    let learning = "select count(*) > 500 from orders";
    let training = "select count(*) > 0 from runs where state = 2";
    survives("scoring", &[learning, training]).await;
}

#[tokio::test]
async fn recommendation_dies_while_it_learns_of_orders_and_while_it_plans() {
    let learning = "select count(*) > 500 from orders";
    let planning = "select count(*) > 0 from runs where state = 2";
    survives("recommendation", &[learning, planning]).await;
}

#[tokio::test]
async fn feedback_dies_while_it_learns_of_orders_and_of_recommendations() {
    let orders = "select count(*) > 500 from orders";
    let recommendations = "select count(*) > 0 from recommendations";
    survives("feedback", &[orders, recommendations]).await;
}

/// Sends accounts through the gateway, a batch after the other, each until it is answered.
async fn import(gateway: String, token: String) -> Vec<Value> {
    let uri = format!("{gateway}/v1/accounts:upsert");
    let mut names = Vec::new();
    for batch in 0..60 {
        let account = |number: i32| {
            json!({
                "sourceKey": {"source": "crm", "id": format!("{batch}-{number}")},
                "displayName": format!("Account {batch} {number}"),
            })
        };
        let accounts: Vec<Value> = (0..20).map(account).collect();
        let request =
            json!({"requestId": format!("00000000-0000-4000-8000-{batch:012}"), "accounts": accounts});
        let answer = loop {
            match try_call("POST", &uri, &token, Some(&request)).await {
                Ok((200, answer)) => break answer,
                Ok((status, answer)) => assert_eq!(status, 503, "{answer}"),
                Err(_) => tokio::time::sleep(GLANCE).await,
            }
        };
        names.extend(answer["names"].as_array().unwrap().iter().cloned());
    }
    names
}

#[tokio::test]
async fn gateway_dies_while_records_come_through_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut suite = Suite::start(&binaries(), folder.path(), Some(DAY)).await.unwrap();
    let session: Value = serde_json::from_slice(&std::fs::read(suite.session()).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let sender =
        tokio::spawn(import(text(&session["services"]["gateway"]), text(&session["tokens"]["integration"])));
    for moment in ["select count(*) > 200 from accounts", "select count(*) > 700 from accounts"] {
        while suite.query("profile", moment).unwrap().trim() != "t" {
            assert!(!sender.is_finished(), "everything was taken before {moment:?} came");
            tokio::time::sleep(GLANCE).await;
        }
        suite.kill("gateway").unwrap();
        suite.restart("gateway").unwrap();
    }
    // every batch has the answer of the first time it was taken, and is there once
    let mut names: Vec<String> = sender.await.unwrap().iter().map(text).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 1_200);
    let stored = suite.query("profile", "select count(*), count(distinct source_id) from accounts").unwrap();
    assert_eq!(stored.trim(), "1200|1200");
    suite.stop();
}

/// An erasure during which every service dies is completed, and nobody finds the person any more.
#[tokio::test]
async fn an_erasure_outlives_every_service() {
    let folder = tempfile::tempdir().unwrap();
    let mut suite = Suite::start(&binaries(), folder.path(), Some(DAY)).await.unwrap();
    let loaded = demo(&suite.session()).wait_with_output().unwrap();
    assert!(loaded.status.success());
    let one = "select id::text || '|' || email from contacts where email <> '' order by id limit 1";
    let found = suite.query("profile", one).unwrap();
    let (contact, email) = found.trim().split_once('|').unwrap();
    let mut erase = Command::new(binaries().join("salient"));
    erase.args(["privacy", "--session"]).arg(suite.session()).args(["erase", contact]);
    let services = ["scoring", "recommendation", "feedback"];
    for service in services {
        suite.kill(service).unwrap();
    }
    // nobody can confirm while all others are away
    let mut waiting = erase.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while suite.query("profile", "select count(*) = 1 from erasures").unwrap().trim() != "t" {
        assert!(waiting.try_wait().unwrap().is_none(), "nobody waits for the certificate");
        std::thread::sleep(GLANCE);
    }
    suite.kill("profile").unwrap();
    waiting.wait().unwrap();
    for service in ["profile"].into_iter().chain(services) {
        suite.restart(service).unwrap();
    }
    let mut tries = 0;
    let certificate = loop {
        tries += 1;
        assert!(tries < 5, "the erasure is not completed");
        let output = erase.stdout(Stdio::piped()).stderr(Stdio::inherit()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        if output.status.success() && !text.contains("not yet") {
            break text;
        }
    };
    for service in ["profile", "scoring", "recommendation", "feedback", "complete"] {
        assert!(certificate.contains(service), "{certificate}");
    }
    for (service, query) in [
        ("profile", format!("select count(*) from contacts where email = '{email}'")),
        ("recommendation", format!("select count(*) from contacts where contact = '{contact}'")),
        ("recommendation", format!("select count(*) from recommendations where frozen like '%{contact}%'")),
        ("recommendation", format!("select count(*) from pools where drafts like '%{contact}%'")),
    ] {
        assert_eq!(suite.query(service, &query).unwrap().trim(), "0", "{query}");
    }
    suite.stop();
}
