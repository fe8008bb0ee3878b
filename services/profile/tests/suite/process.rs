//! The binary.

use std::process::Command;

#[test]
fn the_configuration_can_be_printed() {
    let output = Command::new(env!("CARGO_BIN_EXE_salient-profile"))
        .args(["--print-config", "--set", "store.url=postgres://u:secret@db/profile"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    assert!(text.contains("retention.request_ids_days = 30"), "{text}");
    assert!(text.contains("postgres://u:") && !text.contains("secret@"), "{text}");
}

#[test]
fn a_bad_key_stops_the_start() {
    let output = Command::new(env!("CARGO_BIN_EXE_salient-profile"))
        .args(["--set", "store.max_connection=3", "--set", "bus.uri=x"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(text.contains("store.max_connection") && text.contains("bus.uri"), "{text}");
}
