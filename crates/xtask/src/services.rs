//! The five services as processes: built, configured, started, asked for readiness.

use std::ffi::OsString;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use salient_testkit::free_port;
use toml::{Table, Value};

use crate::process;
use crate::token::Key;
use crate::workspace::{Workspace, cargo};

/// The services, each a binary `salient-NAME`; the gateway knows the addresses
/// of the others and stands last.
pub const SERVICES: [&str; 5] = ["profile", "scoring", "recommendation", "feedback", "gateway"];

/// Who reads the events of a service: its bus keeps them for these from the
/// first event on, whoever starts first. For one that does not read
/// them they would be kept for ever: this follows the services' `subscribe`.
fn readers(service: &str) -> &'static [&'static str] {
    match service {
        "profile" => &["scoring", "recommendation", "feedback"],
        "scoring" => &["profile", "recommendation"],
        "recommendation" => &["profile", "feedback"],
        "feedback" => &["profile", "recommendation"],
        _ => &[],
    }
}

/// Where a service keeps its state and meets the others.
#[derive(Debug, Clone)]
pub struct Backing {
    /// `sqlite:PATH` or `postgres://…`.
    pub store: String,
    /// `redis://…`, or nothing for the bus in the process.
    pub bus: Option<String>,
}

/// One service: where it listens, and what to start.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its short name, for example `profile`.
    pub name: &'static str,
    /// The address of its gRPC server (the gateway: HTTP).
    pub listen: SocketAddr,
    /// The address of `/readyz` and the metrics.
    pub admin: SocketAddr,
    /// Its program.
    pub program: PathBuf,
    /// Its configuration file.
    pub config: PathBuf,
}

/// Builds the services, with `more` for cargo beside them, and returns the
/// directory they are in. One call for all: other packages would be other features, and a second
/// build of what they share.
pub fn build(workspace: &Workspace, release: bool, more: &[&str]) -> Result<PathBuf> {
    let mut command = cargo();
    command.args(["build", "--quiet", "--bins"]);
    command.args(more);
    for name in SERVICES {
        command.args(["-p", &format!("salient-{name}")]);
    }
    if release {
        command.arg("--release");
    }
    eprintln!("building the services");
    process::check(&mut command)?;
    Ok(workspace.target.join(if release { "release" } else { "debug" }))
}

impl Service {
    /// Chooses free ports for a service.
    pub fn place(name: &'static str, binaries: &Path, directory: &Path) -> Result<Self> {
        let address = || Ok::<_, anyhow::Error>(SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?)));
        Ok(Self {
            name,
            listen: address()?,
            admin: address()?,
            program: binaries.join(format!("salient-{name}")),
            config: directory.join(format!("{name}.toml")),
        })
    }

    /// Writes the configuration file, readable by nobody else: it holds keys.
    pub fn configure(
        &self,
        key: &Key,
        backing: &Backing,
        others: &[Self],
        clock_at: Option<&str>,
    ) -> Result<()> {
        let mut config = Table::new();
        let text = |text: &str| Value::from(text.to_owned());
        let mut server = Table::new();
        server.insert("listen".to_owned(), text(&self.listen.to_string()));
        server.insert("admin".to_owned(), text(&self.admin.to_string()));
        config.insert("server".to_owned(), server.into());

        if self.name == "gateway" {
            // It hands tokens on and checks none.
            let upstreams: Table = others
                .iter()
                .map(|other| (other.name.to_owned(), text(&format!("http://{}", other.listen))))
                .collect();
            config.insert("upstreams".to_owned(), upstreams.into());
        } else {
            let mut auth = Table::new();
            auth.insert("keys".to_owned(), vec![Value::try_from(key)?].into());
            config.insert("auth".to_owned(), auth.into());
            let mut store = Table::new();
            store.insert("url".to_owned(), text(&backing.store));
            store.insert("migrate".to_owned(), true.into());
            config.insert("store".to_owned(), store.into());
            if let Some(url) = &backing.bus {
                let mut bus = Table::new();
                bus.insert("url".to_owned(), text(url));
                let groups: Vec<Value> = readers(self.name).iter().map(|name| text(name)).collect();
                bus.insert("groups".to_owned(), groups.into());
                config.insert("bus".to_owned(), bus.into());
            }
            if let Some(at) = clock_at {
                let mut clock = Table::new();
                clock.insert("at".to_owned(), text(at));
                config.insert("clock".to_owned(), clock.into());
            }
        }
        write_private(&self.config, &toml::to_string(&config)?)
    }

    /// The command line that starts it.
    pub fn command(&self) -> Vec<OsString> {
        vec![self.program.clone().into(), "--config".into(), self.config.clone().into()]
    }

    /// Whether it says that it can take requests.
    pub fn ready(&self) -> bool {
        self.ask_ready().unwrap_or(false)
    }

    fn ask_ready(&self) -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&self.admin, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let host = self.admin;
        let request = format!("GET /readyz HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut status = [0_u8; 12];
        stream.read_exact(&mut status)?;
        Ok(&status == b"HTTP/1.1 200")
    }
}

/// Writes a file that only its owner may read.
pub fn write_private(path: &Path, text: &str) -> Result<()> {
    // A rename: a reader sees all of it or the one before.
    let next = path.with_extension("new");
    let _ = fs::remove_file(&next);
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&next)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(&next, path))
        .with_context(|| format!("write {}", path.display()))
}

/// Fails unless the program is there, with what to do about it.
pub fn require_program(service: &Service) -> Result<()> {
    ensure!(
        service.program.exists(),
        "{} is not there: the package salient-{} has no binary",
        service.program.display(),
        service.name
    );
    Ok(())
}
