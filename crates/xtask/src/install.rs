//! Finds Postgres and Redis, or installs them where that can be done unasked.

use std::process::{Command, Stdio};

use anyhow::{Result, bail, ensure};
use salient_testkit::{find_program, missing};

/// Debian starts a service when its package is installed, unless a policy says
/// no. An existing policy is somebody's decision and stays.
const APT: &str = r#"
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 130' INT TERM HUP
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi
apt-get update -qq >&2 || echo "apt-get update failed; trying with the package lists at hand" >&2
apt-get install -y -qq --no-install-recommends "$@" </dev/null >&2
"#;

/// Sees to it that Postgres and Redis are installed.
pub fn ensure_servers() -> Result<()> {
    let lacking = lacking();
    if lacking.is_empty() {
        return Ok(());
    }
    let words = || lacking.iter().map(|(program, _)| missing(program).to_string());
    let Some(prefix) = may_install() else {
        bail!("{}", words().collect::<Vec<_>>().join("\n"));
    };
    let mut packages: Vec<&str> = lacking.iter().map(|(_, package)| *package).collect();
    packages.dedup();
    eprintln!("installing {} with apt-get; their system services are not started", packages.join(" and "));
    let line: Vec<&str> =
        prefix.iter().copied().chain(["sh", "-euc", APT, "install"]).chain(packages).collect();
    let status = Command::new(line[0]).args(&line[1..]).status()?;
    ensure!(status.success(), "apt-get ended with {status}");
    if let Some((program, _)) = self::lacking().first() {
        bail!("{}", missing(program));
    }
    Ok(())
}

fn lacking() -> Vec<(&'static str, &'static str)> {
    let wanted = [
        ("postgres", "postgresql"),
        ("initdb", "postgresql"),
        ("psql", "postgresql"),
        ("redis-server", "redis-server"),
    ];
    wanted.into_iter().filter(|(program, _)| find_program(program).is_none()).collect()
}

/// What stands before a command to run it as root: nothing, or sudo that asks
/// for no password. `None` where packages cannot be installed unasked.
fn may_install() -> Option<&'static [&'static str]> {
    let quiet = |program: &str, arguments: &[&str]| {
        Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()
            .filter(|output| output.status.success())
    };
    find_program("apt-get")?;
    if quiet("id", &["-u"])?.stdout.trim_ascii() == b"0" {
        return Some(&[]);
    }
    quiet("sudo", &["-n", "true"]).map(|_| ["sudo", "-n"].as_slice())
}
