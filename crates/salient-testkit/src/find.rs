//! Finds programs, a free port, and the account that Postgres may run as.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use crate::error::{Error, Result, io};

/// The full path of a program: from `PATH`, else from where distributions put
/// Postgres' own programs, the newest version first.
#[must_use]
pub fn find_program(name: &str) -> Option<PathBuf> {
    // Debian's wrappers in PATH start a Perl interpreter per call, so the
    // versioned directories go first.
    let mut places = versioned();
    places.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    places.extend(["/usr/local/bin", "/usr/bin", "/usr/sbin", "/opt/homebrew/bin"].map(Into::into));
    places.into_iter().map(|place| place.join(name)).find(|path| is_executable(path))
}

/// The error for a program that [`find_program`] did not find.
#[must_use]
pub fn missing(program: &'static str) -> Error {
    let install = match program {
        "redis-server" => {
            "Install Redis 6.2 or newer: `apt-get install redis-server` (Debian, Ubuntu), \
             `dnf install redis` (Fedora), `brew install redis` (macOS); \
             `cargo xtask test` does it by itself on Debian and Ubuntu"
        }
        _ => {
            "Install PostgreSQL 13 or newer with its client programs: \
             `apt-get install postgresql` (Debian, Ubuntu), \
             `dnf install postgresql-server` (Fedora), `brew install postgresql@17` (macOS); \
             `cargo xtask test` does it by itself on Debian and Ubuntu"
        }
    };
    Error::Missing {
        program,
        searched: "PATH, /usr/lib/postgresql/*/bin and /usr/local/bin".to_owned(),
        install,
    }
}

pub(crate) fn require(program: &'static str) -> Result<PathBuf> {
    find_program(program).ok_or_else(|| missing(program))
}

fn versioned() -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir("/usr/lib/postgresql") else {
        return Vec::new();
    };
    let mut versions: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort_unstable_by_key(|(version, _)| std::cmp::Reverse(*version));
    versions.into_iter().map(|(_, path)| path).collect()
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Below the ports that Linux gives to outgoing connections (from 32768): one that is free now is
/// not taken by a connection of somebody else before its server listens on it.
const PORTS: std::ops::Range<u16> = 12_000..32_000;

/// A loopback TCP port that was free a moment ago, and that this process gives to nobody else.
///
/// # Errors
/// When no port can be bound.
pub fn free_port() -> Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let width = PORTS.end - PORTS.start;
    // processes begin at different places, and go on from there
    let first = (std::process::id().wrapping_mul(2_654_435_761) >> 7) % u32::from(width);
    let mut last = None;
    for _ in 0..width {
        let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = PORTS.start + ((first + step) % u32::from(width)) as u16;
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) => return Ok(port),
            Err(error) => last = Some(error),
        }
    }
    let none = || std::io::Error::other("no port is free");
    Err(io("bind a free port on", "127.0.0.1")(last.unwrap_or_else(none)))
}

/// An unprivileged account, and the command line that switches to it.
#[derive(Debug, Clone)]
pub struct Account {
    /// The user id, which owns the server's files.
    pub uid: u32,
    /// The group id.
    pub gid: u32,
    /// What stands before the program to run it as this account.
    pub prefix: Vec<String>,
}

impl Account {
    /// The account to run Postgres as: `None` when this process is not root and
    /// can run it itself.
    ///
    /// # Errors
    /// When this is root and there is no account or no program to switch to it.
    pub fn for_postgres() -> Result<Option<Self>> {
        if id(&["-u"]) != Some(0) {
            return Ok(None);
        }
        for name in ["postgres", "nobody", "daemon"] {
            let (Some(uid), Some(gid)) = (id(&["-u", name]), id(&["-g", name])) else {
                continue;
            };
            let prefix = switch_to(name, uid, gid)
                .ok_or(Error::NoAccount("setpriv, runuser and su are all missing"))?;
            return Ok(Some(Self { uid, gid, prefix }));
        }
        Err(Error::NoAccount("there is no account postgres, nobody or daemon"))
    }
}

fn id(arguments: &[&str]) -> Option<u32> {
    let output =
        Command::new("id").args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

fn switch_to(name: &str, uid: u32, gid: u32) -> Option<Vec<String>> {
    let line = |program: &str, arguments: &[&str]| {
        let program = find_program(program)?;
        let mut line = vec![program.to_str()?.to_owned()];
        line.extend(arguments.iter().map(ToString::to_string));
        Some(line)
    };
    let (reuid, regid) = (format!("--reuid={uid}"), format!("--regid={gid}"));
    line("setpriv", &[&reuid, &regid, "--clear-groups", "--"])
        .or_else(|| line("runuser", &["-u", name, "--"]))
        .or_else(|| {
            let run = "exec \"$@\"";
            line("su", &["-s", "/bin/sh", "-c", run, "--", name, "sh"])
        })
}
