//! House rules that no other tool knows.

use std::fs;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::process;
use crate::workspace::Workspace;

const ABOUT_LINES: usize = 400;
/// "About" ends here.
const MOST_LINES: usize = 500;

/// Reports long files, and fails on the very long ones.
pub fn check(workspace: &Workspace) -> Result<()> {
    let listed = process::read(
        Command::new("git")
            .args(["ls-files", "--cached", "--others", "--exclude-standard", "*.rs", "*.proto"])
            .current_dir(&workspace.root),
    )?;
    let mut too_long = 0;
    for file in listed.lines().filter(|file| !vendored(file)) {
        let Ok(text) = fs::read_to_string(workspace.root.join(file)) else {
            continue;
        };
        let lines = text.lines().count();
        if lines > ABOUT_LINES {
            eprintln!("lint: {file} has {lines} lines, more than {ABOUT_LINES}: split it");
        }
        too_long += usize::from(lines > MOST_LINES);
    }
    ensure!(too_long == 0, "{too_long} files have more than {MOST_LINES} lines");
    Ok(())
}

fn vendored(file: &str) -> bool {
    file.starts_with("proto/google/") || file.starts_with("proto/buf/")
}
