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

/// The cargo that runs this program.
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}
