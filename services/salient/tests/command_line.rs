//! The `salient` command as a person types it: the demo, and what it invites to.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

fn salient(home: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_salient"));
    command.args(words).current_dir(home).stdin(Stdio::null());
    command
}

fn run(home: &Path, words: &[&str]) -> (bool, String, String) {
    let Output { status, stdout, stderr } = salient(home, words).output().unwrap();
    (status.success(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn succeeds(home: &Path, words: &[&str]) -> String {
    let (success, printed, complained) = run(home, words);
    assert!(success, "salient {}: {complained}", words.join(" "));
    printed
}

/// A demo that serves, ended when dropped.
struct Serving(Child);

impl Serving {
    fn start(home: &Path) -> (Self, String) {
        let mut child = salient(home, &["demo", "--accounts", "120"]).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let printed: Vec<String> =
            lines.map(Result::unwrap).take_while(|line| !line.contains("react")).collect();
        (Self(child), printed.join("\n"))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_demo_and_what_it_invites_to() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let (serving, printed) = Serving::start(home);
    for part in ["simulated", "likely", "why", "gateway", "Serving until Ctrl-C", "salient plan"] {
        assert!(printed.contains(part), "no {part:?} in:\n{printed}");
    }
    let seller = printed.split("salient plan ").nth(1).unwrap().split_whitespace().next().unwrap();
    let (first, second) = (format!("{seller}/1"), format!("{seller}/2"));

    let explained = succeeds(home, &["explain", &first]);
    assert!(explained.contains("likely within 30 days"), "{explained}");
    let plan = |home| -> serde_json::Value {
        serde_json::from_str(&succeeds(home, &["plan", seller, "--json"])).unwrap()
    };
    let before = plan(home);
    let item = before["recommendations"][0].clone();
    let said = succeeds(home, &["react", &first, "dismiss", "--reason", "not-relevant"]);
    let account = item["accountDisplayName"].as_str().unwrap();
    assert!(said.contains("rests until") && said.contains(account), "{said}");

    // the next plan is without it, and the seller is told so
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let after = loop {
        let after = plan(home);
        let gone =
            after["recommendations"].as_array().unwrap().iter().all(|other| other["name"] != item["name"]);
        if gone || std::time::Instant::now() > until {
            break after;
        }
    };
    assert!(after["recommendations"].as_array().unwrap().iter().all(|other| other["name"] != item["name"]));
    assert!(after["notices"].to_string().contains("rests until"), "{}", after["notices"]);
    let (success, _, complained) = run(home, &["react", &second, "dismiss"]);
    assert!(!success && complained.contains("reason"), "{complained}");
    assert!(succeeds(home, &["events", "status"]).contains("profile"));

    // a crash, and a second start that finds its data
    drop(serving);
    let again = succeeds(home, &["demo", "--accounts", "120", "--once"]);
    assert!(again.contains("recommendations from a book"), "{again}");
    let (_, _, told) = run(home, &["demo", "--accounts", "120", "--once"]);
    assert!(told.contains("is here already"), "{told}");
}

#[test]
fn what_cannot_be_done_is_refused_in_words() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    std::fs::write(home.join("columns.csv"), "a,b\n1,2\n").unwrap();
    let cases = [
        (vec!["plan", "s00"], "start one with"),
        (vec!["demo", "--data", "missing.csv"], "missing.csv"),
        (vec!["demo", "--once", "--data", "columns.csv"], "columns"),
        (vec!["demo", "--accounts", "7"], "100"),
        (vec!["react", "s00/1", "forget"], "dismiss"),
    ];
    for (words, told) in cases {
        let (success, _, complained) = run(home, &words);
        assert!(!success && complained.contains(told), "salient {}: {complained}", words.join(" "));
    }
}
