//! The contracts in `proto/`: buf's lint, and its check for breaking changes
//! against what the main branch has.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use salient_testkit::find_program;

use crate::process;
use crate::workspace::Workspace;

const VERSION: &str = "1.75.0";

/// Runs both checks.
pub fn check(workspace: &Workspace) -> Result<()> {
    let buf = buf(workspace)?;
    let proto = workspace.root.join("proto");
    process::check(Command::new(&buf).arg("lint").current_dir(&proto))?;
    for base in bases(&workspace.root) {
        let Some(old) = extract(workspace, &base)? else {
            continue;
        };
        process::check(Command::new(&buf).args(["breaking", "--against"]).arg(&old).current_dir(&proto))
            .with_context(|| format!("the contracts break those of commit {base}"))?;
    }
    Ok(())
}

/// buf from its npm package, which carries the program itself.
fn buf(workspace: &Workspace) -> Result<PathBuf> {
    let place = workspace.target.join("tools/buf");
    let program = place.join("node_modules/.bin/buf");
    let version = Command::new(&program).arg("--version").output();
    if version.is_ok_and(|output| output.stdout.trim_ascii() == VERSION.as_bytes()) {
        return Ok(program);
    }
    if find_program("npm").is_none() {
        bail!(
            "npm was not found, and the contract lint is installed with it. \
             Install Node.js 18 or newer with npm: `apt-get install npm` (Debian, Ubuntu), \
             `brew install node` (macOS)"
        );
    }
    fs::create_dir_all(&place)?;
    // Without a package file of its own npm would look for one further up.
    fs::write(place.join("package.json"), "{\"private\": true}\n")?;
    process::read(
        Command::new("npm")
            .args(["install", "--no-save", "--no-audit", "--no-fund"])
            .arg(format!("@bufbuild/buf@{VERSION}"))
            .current_dir(&place),
    )?;
    Ok(program)
}

/// The commits to compare with: where this work left the main branch, and when
/// that is this very commit, the one before it.
fn bases(root: &Path) -> Vec<String> {
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.args(arguments).current_dir(root);
        process::read(&mut git).ok().filter(|text| !text.is_empty())
    };
    let Some(head) = git(&["rev-parse", "--verify", "--quiet", "HEAD"]) else {
        return Vec::new();
    };
    let base = ["origin/main", "main"]
        .into_iter()
        .find_map(|branch| git(&["merge-base", "HEAD", branch]))
        .unwrap_or_else(|| head.clone());
    let mut bases = vec![base.clone()];
    if base == head {
        bases.extend(git(&["rev-parse", "--verify", "--quiet", "HEAD~1"]));
    }
    bases
}

/// The contracts of a commit, as files; `None` when it has none.
fn extract(workspace: &Workspace, commit: &str) -> Result<Option<PathBuf>> {
    let place = workspace.target.join("tools/contracts-base").join(commit);
    let proto = place.join("proto");
    if proto.join("buf.yaml").exists() {
        return Ok(Some(proto));
    }
    let exists = Command::new("git")
        .args(["cat-file", "-e", &format!("{commit}:proto/buf.yaml")])
        .current_dir(&workspace.root)
        .stderr(Stdio::null())
        .status()?;
    if !exists.success() {
        return Ok(None);
    }
    fs::create_dir_all(&place)?;
    let archive = place.join("proto.tar");
    let (output, archive) = (format!("--output={}", archive.display()), archive);
    process::check(
        Command::new("git")
            .args(["archive", "--format=tar", &output, commit, "proto"])
            .current_dir(&workspace.root),
    )?;
    process::check(Command::new("tar").arg("-xf").arg(archive).current_dir(&place))?;
    Ok(Some(proto))
}
