//! Where things are.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

/// The workspace's folders.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// The root of the repository.
    pub root: PathBuf,
    /// Cargo's output.
    pub target: PathBuf,
}

impl Workspace {
    /// Asks cargo.
    pub fn find() -> Result<Self> {
        #[derive(serde::Deserialize)]
        struct Metadata {
            workspace_root: PathBuf,
            target_directory: PathBuf,
        }
        let output = cargo()
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .stderr(Stdio::inherit())
            .output()
            .context("run cargo metadata")?;
        ensure!(output.status.success(), "cargo metadata failed");
        let metadata: Metadata = serde_json::from_slice(&output.stdout)?;
        Ok(Self { root: metadata.workspace_root, target: metadata.target_directory })
    }

    /// Where the data sets for tests and figures lie, beside the repository.
    pub fn data(&self) -> PathBuf {
        self.root.join("../shared/data")
    }
}

/// The cargo that runs this program, as if it were called from the shell: what `cargo run` tells
/// its program of its package would make build scripts run again, and all that stands on them.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        let of_the_package = name.to_str().is_some_and(|name| {
            ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_", "CARGO_BIN_"]
                .iter()
                .any(|start| name.starts_with(start))
        });
        if of_the_package {
            command.env_remove(name);
        }
    }
    command
}
