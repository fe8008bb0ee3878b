//! A whole process, from its flags to its exit code. The test binary starts itself again as the
//! service.

use std::{
    io::Read,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use salient_kit::{
    Grpc, Verifier,
    config::{AuthConfig, RuntimeConfig, ServerConfig, ServiceConfig, TelemetryConfig},
    process::{self, bind},
};
use serde::{Deserialize, Serialize};
use tonic::transport::Channel;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    server: ServerConfig,
    auth: AuthConfig,
    telemetry: TelemetryConfig,
    runtime: RuntimeConfig,
    fail: bool,
}

impl ServiceConfig for Config {
    fn server(&self) -> &ServerConfig {
        &self.server
    }

    fn telemetry(&self) -> &TelemetryConfig {
        &self.telemetry
    }

    fn runtime(&self) -> &RuntimeConfig {
        &self.runtime
    }
}

/// Not a test: the service's `main`, when this binary is started by [`start`].
#[test]
fn child() {
    let Ok(flags) = std::env::var("KIT_TEST_FLAGS") else { return };
    let command_line = std::iter::once("salient-hello").chain(flags.lines()).map(Into::into);
    let code = process::run_from("hello", command_line, async |config: Config, process| {
        anyhow::ensure!(!config.fail, "told to fail");
        let verifier = Verifier::try_new(&config.auth)?;
        let listener = bind(config.server.listen).await?;
        Grpc::builder("hello", &config.server, verifier).serve(listener, &process.lifecycle).await?;
        Ok(())
    });
    let failed = format!("{code:?}") != format!("{:?}", std::process::ExitCode::SUCCESS);
    std::process::exit(i32::from(failed));
}

const KEY: &str = r#"auth.keys=[{kid="a",algorithm="HS256",secret="0123456789abcdef0123456789abcdef"}]"#;

fn start(flags: &[&str]) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "process::child", "--nocapture"])
        .env("KIT_TEST_FLAGS", flags.join("\n"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn finish(mut child: Child) -> (i32, String) {
    let begin = Instant::now();
    let code = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status.code().unwrap_or(-1),
            None if begin.elapsed() > Duration::from_secs(20) => {
                child.kill().unwrap();
                panic!("the process does not end");
            }
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    (code, text)
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn wait_serving(port: u16) {
    let channel: Channel = salient_kit::client::channel(&format!("http://127.0.0.1:{port}")).unwrap();
    let mut health = HealthClient::new(channel);
    let begin = Instant::now();
    while health.check(HealthCheckRequest::default()).await.is_err() {
        assert!(begin.elapsed() < Duration::from_secs(20), "the service does not come up");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_signal_ends_a_process_with_zero() {
    for signal in ["TERM", "INT"] {
        let port = free_port();
        let listen = format!("server.listen=127.0.0.1:{port}");
        let child = start(&["--set", &listen, "--set", KEY, "--set", "telemetry.format=json"]);
        wait_serving(port).await;
        let pid = child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &pid]).status().unwrap().success());
        let (code, text) = tokio::task::spawn_blocking(|| finish(child)).await.unwrap();
        assert_eq!(code, 0, "{text}");
        let lines: Vec<serde_json::Value> =
            text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let said = |message: &str| lines.iter().any(|line| line["message"] == message);
        for message in ["serving gRPC", "ready", "signal received, shutting down", "shut down"] {
            assert!(said(message), "{message} is not in\n{text}");
        }
    }
}

#[tokio::test]
async fn a_process_that_cannot_start_says_why() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("server.listen={}", taken.local_addr().unwrap());
    let admin = format!("server.admin={}", taken.local_addr().unwrap());
    for (flags, expected) in [
        (vec!["--set", "server.lisen=x"], "did you mean server.listen?"),
        (vec!["--set", "telemetry.filter=a=loud", "--set", KEY], "telemetry.filter"),
        (vec![], "auth.keys: is empty"),
        (vec!["--set", &listen, "--set", KEY], "cannot listen on 127.0.0.1"),
        (vec!["--set", &admin, "--set", KEY], "cannot listen on 127.0.0.1"),
        (vec!["--set", "fail=true", "--set", KEY], "told to fail"),
    ] {
        let child = start(&flags);
        let (code, text) = tokio::task::spawn_blocking(|| finish(child)).await.unwrap();
        assert_ne!(code, 0, "{text}");
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
}

#[tokio::test]
async fn the_configuration_can_be_printed() {
    let child = start(&["--print-config", "--set", KEY, "--set", "server.max_in_flight=7"]);
    let (code, text) = tokio::task::spawn_blocking(|| finish(child)).await.unwrap();
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("server.max_in_flight = 7\n"), "{text}");
    assert!(!text.contains("0123456789abcdef"), "{text}");
}
