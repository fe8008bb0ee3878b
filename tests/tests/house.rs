//! The house: who may depend on whom, and what the pure rooms may not know.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The one program that composes the services' libraries.
const ALL_IN_ONE: &str = "salient";

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap().to_owned()
}

#[derive(Debug)]
struct Package {
    /// `crates`, `services` or `tests`.
    wing: String,
    /// Every workspace package it names, also for its own tests and build.
    needs: BTreeSet<String>,
}

fn packages() -> BTreeMap<String, Package> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo metadata: {said}");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let root = PathBuf::from(metadata["workspace_root"].as_str().unwrap());
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|package| {
            let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
            let manifest = PathBuf::from(text(&package["manifest_path"]));
            let wing = manifest.strip_prefix(&root).unwrap().components().next();
            let wing = wing.unwrap().as_os_str().to_str().unwrap().to_owned();
            let needs = package["dependencies"].as_array().unwrap();
            let ours = needs.iter().filter(|need| need["path"].is_string());
            let needs = ours.map(|need| text(&need["name"])).collect();
            (text(&package["name"]), Package { wing, needs })
        })
        .collect()
}

/// What is wrong with who depends on whom.
fn wrong_ways(packages: &BTreeMap<String, Package>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, package) in packages {
        for need in &package.needs {
            let needed = packages.get(need).map_or("", |needed| needed.wing.as_str());
            let allowed = match (package.wing.as_str(), needed) {
                ("crates", wing) => wing == "crates",
                ("services", "services") => name == ALL_IN_ONE,
                ("services", wing) => wing == "crates",
                _ => true,
            };
            if !allowed {
                wrong.push(format!("{name} ({}) depends on {need} ({needed})", package.wing));
            }
        }
    }
    wrong
}

#[test]
fn dependencies_point_one_way() {
    let packages = packages();
    let services = packages.values().filter(|package| package.wing == "services");
    assert!(services.count() >= 6, "the services were not found");
    assert_eq!(wrong_ways(&packages), Vec::<String>::new());
}

#[test]
fn a_wrong_way_is_seen() {
    let mut packages = packages();
    let mut plant = |name: &str, need: &str| {
        let package = packages.get_mut(name).unwrap();
        package.needs.insert(need.to_owned());
    };
    plant("salient-core", "salient-profile");
    plant("salient-scoring", "salient-profile");
    let wrong = [
        "salient-core (crates) depends on salient-profile (services)",
        "salient-scoring (services) depends on salient-profile (services)",
    ];
    assert_eq!(wrong_ways(&packages), wrong);
}

fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The lines of a file that name one of these crates, as `file:line: text`.
fn mentions(file: &Path, crates: &[&str]) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    let names = |line: &str| {
        let code = line.trim_start();
        !code.starts_with("//") && crates.iter().any(|name| code.contains(&format!("{name}::")))
    };
    text.lines()
        .enumerate()
        .filter(|(_, line)| names(line))
        .map(|(number, line)| format!("{}:{}: {}", file.display(), number + 1, line.trim()))
        .collect()
}

#[test]
fn domains_know_no_database_server_or_runtime() {
    let crates = ["sqlx", "salient_store", "tonic", "salient_kit", "tokio"];
    let mut found = Vec::new();
    for service in fs::read_dir(root().join("services")).unwrap() {
        let source = service.unwrap().path().join("src");
        let files = rust_files(&source.join("domain"));
        let single = source.join("domain.rs");
        let files = files.into_iter().chain(single.exists().then_some(single));
        found.extend(files.flat_map(|file| mentions(&file, &crates)));
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn stores_know_no_wire() {
    let mut found = Vec::new();
    for service in fs::read_dir(root().join("services")).unwrap() {
        let store = service.unwrap().path().join("src/store");
        for file in rust_files(&store) {
            found.extend(mentions(&file, &["tonic"]));
        }
    }
    assert_eq!(found, Vec::<String>::new());
}
