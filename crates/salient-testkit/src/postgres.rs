//! A private Postgres server.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;

use crate::error::{Error, Result, io};
use crate::find::{Account, free_port, require};
use crate::guard::{Guard, GuardSpec};

/// The variable that names a running server to use instead of a private one,
/// for example `postgres://user:password@127.0.0.1:5432/postgres`.
pub const POSTGRES_URL: &str = "SALIENT_TEST_POSTGRES_URL";

const USER: &str = "salient";
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// Another process may take the free port first.
const START_ATTEMPTS: usize = 5;

static SHARED: OnceCell<Postgres> = OnceCell::const_new();

/// How a private server is run.
#[derive(Debug, Clone, Default)]
pub struct PostgresOptions {
    /// Where its data lives and stays; `None` is a temporary directory.
    pub directory: Option<PathBuf>,
    /// Whether commits reach the disk; tests do without.
    pub durable: bool,
}

/// A Postgres server on a loopback port.
#[derive(Debug)]
pub struct Postgres {
    address: Address,
    guard: Option<Guard>,
    psql: PathBuf,
}

impl Postgres {
    /// The server of this test process, started on first use.
    ///
    /// # Errors
    /// When Postgres is not installed (the message says what to install) or
    /// does not start.
    pub async fn shared() -> Result<&'static Self> {
        SHARED
            .get_or_try_init(|| async {
                if let Ok(url) = std::env::var(POSTGRES_URL) {
                    return Self::running(&url);
                }
                blocking(|| Self::start(&PostgresOptions::default())).await
            })
            .await
    }

    /// Starts a private server and waits until it answers. Blocks.
    ///
    /// # Errors
    /// When Postgres is not installed or does not start.
    pub fn start(options: &PostgresOptions) -> Result<Self> {
        let mut attempt = 1;
        loop {
            match Self::try_start(options) {
                Err(Error::Start { log, .. })
                    if attempt < START_ATTEMPTS && log.contains("already in use") =>
                {
                    attempt += 1;
                }
                other => return other,
            }
        }
    }

    /// The address of the server's own database, `postgres`.
    #[must_use]
    pub fn url(&self) -> String {
        self.address.url("postgres")
    }

    /// Creates an empty database with a name of its own and returns its address.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn database(&self) -> Result<String> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        self.named_database(&format!("t{}_{number}_{}", std::process::id(), secret(4)?)).await
    }

    /// Creates the database `name` unless it is there, and returns its address.
    ///
    /// # Errors
    /// When the name has anything but lower-case letters, digits and `_`, or
    /// the server refuses.
    pub async fn named_database(&self, name: &str) -> Result<String> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if name.is_empty() || !name.chars().all(plain) {
            return Err(Error::Client {
                program: "psql",
                output: format!("{name:?} is not a plain database name"),
            });
        }
        let (address, psql, name) = (self.address.clone(), self.psql.clone(), name.to_owned());
        blocking(move || {
            let query = format!("select 1 from pg_database where datname = '{name}'");
            let on_server = |sql: &str| run(address.psql(&psql, "postgres").args(["-c", sql]));
            if on_server(&query)?.is_empty() {
                on_server(&format!("create database {name}"))?;
            }
            Ok(address.url(&name))
        })
        .await
    }

    /// Runs SQL text in the database at `url` (one of this server's) with
    /// `psql` and returns what it printed, unaligned and without headings.
    ///
    /// # Errors
    /// When `psql` fails; its message is in the error.
    pub fn query(&self, url: &str, sql: &str) -> Result<String> {
        run(self.psql(url).args(["-c", sql]))
    }

    /// A `psql` that is ready to connect to the database at `url` (one of this
    /// server's) and stops at the first error; the caller adds what to run.
    #[must_use]
    pub fn psql(&self, url: &str) -> Command {
        let database = url.rsplit('/').next().unwrap_or("postgres");
        self.address.psql(&self.psql, database)
    }

    /// Stops a server that this value started and waits until it is gone.
    pub fn stop(mut self) {
        if let Some(guard) = &mut self.guard {
            guard.stop();
        }
    }

    fn running(url: &str) -> Result<Self> {
        Ok(Self { address: Address::parse(url)?, guard: None, psql: require("psql")? })
    }

    fn try_start(options: &PostgresOptions) -> Result<Self> {
        let (server, initdb, psql) = (require("postgres")?, require("initdb")?, require("psql")?);
        let account = Account::for_postgres()?;
        let directory = match &options.directory {
            Some(directory) => directory.clone(),
            None => temporary()?,
        };
        let password = prepare(&directory, account.as_ref())?;
        let address =
            Address { host: "127.0.0.1".to_owned(), port: free_port()?, user: USER.to_owned(), password };
        let mut spec = GuardSpec::new(
            command(&server, address.port, options.durable),
            &directory,
            directory.join("log"),
        );
        spec.prefix = account.map(|account| account.prefix).unwrap_or_default();
        spec.first = Some(format!(
            "[ -e data/PG_VERSION ] || '{}' --pgdata=data --username={USER} --pwfile=password \
             --auth=password --encoding=UTF8 --locale=C --no-sync",
            initdb.display()
        ));
        // Postgres' own words: INT is the fast shutdown, QUIT the immediate one.
        spec.signal = if options.durable { "INT" } else { "QUIT" };
        spec.remove = options.directory.is_none().then(|| directory.clone());
        let mut guard = Guard::start(&spec)?;
        wait_until_ready(&mut guard, &address, &psql)?;
        Ok(Self { address, guard: Some(guard), psql })
    }
}

fn command(server: &Path, port: u16, durable: bool) -> Vec<OsString> {
    let port = format!("port={port}");
    let mut settings = vec![
        port.as_str(),
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "max_connections=300",
        "shared_buffers=256MB",
        "timezone=UTC",
        "log_timezone=UTC",
    ];
    if durable {
        settings.push("max_wal_size=4GB");
    } else {
        // many small databases on a small disk: the log is cut early, which costs little without fsync
        settings.push("max_wal_size=256MB");
        settings.extend(["fsync=off", "synchronous_commit=off", "full_page_writes=off"]);
    }
    let mut command: Vec<OsString> = vec![server.into(), "-D".into(), "data".into()];
    for setting in settings {
        command.extend(["-c".into(), setting.into()]);
    }
    command
}

fn wait_until_ready(guard: &mut Guard, address: &Address, psql: &Path) -> Result<()> {
    let begin = Instant::now();
    loop {
        let mut cause = None;
        if let Some(status) = guard.ended() {
            cause = Some(format!("it ended with {status}"));
        } else if begin.elapsed() > START_TIMEOUT {
            cause = Some(format!("it did not answer in {START_TIMEOUT:?}"));
        }
        if let Some(cause) = cause {
            return Err(Error::Start { program: "postgres", cause, log: guard.log_tail(20) });
        }
        // A connection costs less than a process: psql asks once somebody listens.
        if std::net::TcpStream::connect((address.host.as_str(), address.port)).is_ok()
            && run(address.psql(psql, "postgres").args(["-c", "select 1"])).is_ok()
        {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Makes the directory ready for the account that will own it, and returns the
/// password: the one it was created with when it holds data already.
fn prepare(directory: &Path, account: Option<&Account>) -> Result<String> {
    fs::create_dir_all(directory).map_err(io("create", directory))?;
    let file = directory.join("password");
    let password = match fs::read_to_string(&file) {
        Ok(password) => password.trim().to_owned(),
        Err(_) => secret(16)?,
    };
    fs::write(&file, format!("{password}\n")).map_err(io("write", &file))?;
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(&file, private).map_err(io("protect", &file))?;
    let private = fs::Permissions::from_mode(0o700);
    fs::set_permissions(directory, private).map_err(io("protect", directory))?;
    if let Some(account) = account {
        for path in [directory, &file] {
            chown(path, Some(account.uid), Some(account.gid)).map_err(io("hand over", path))?;
        }
    }
    Ok(password)
}

pub(crate) fn temporary() -> Result<PathBuf> {
    // The guard removes it: only the guard knows when the server is gone.
    tempfile::Builder::new()
        .prefix("salient-")
        .tempdir()
        .map(tempfile::TempDir::keep)
        .map_err(io("create a directory in", std::env::temp_dir()))
}

/// `bytes` random bytes in hexadecimal.
pub(crate) fn secret(bytes: usize) -> Result<String> {
    use std::io::Read as _;
    let mut buffer = vec![0_u8; bytes];
    fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut buffer))
        .map_err(io("read", "/dev/urandom"))?;
    Ok(buffer.iter().map(|byte| format!("{byte:02x}")).collect())
}

pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(Error::Stopped))
}

#[derive(Debug, Clone)]
struct Address {
    host: String,
    port: u16,
    user: String,
    password: String,
}

impl Address {
    fn url(&self, database: &str) -> String {
        let Self { host, port, user, password } = self;
        let colon = if password.is_empty() { "" } else { ":" };
        format!("postgres://{user}{colon}{password}@{host}:{port}/{database}")
    }

    fn parse(url: &str) -> Result<Self> {
        let bad = |cause| Error::Address { name: POSTGRES_URL, cause };
        let rest = url
            .strip_prefix("postgres://")
            .or_else(|| url.strip_prefix("postgresql://"))
            .ok_or(bad("it does not begin with postgres://"))?;
        let authority = rest.split(['/', '?']).next().unwrap_or(rest);
        let (login, place) =
            authority.rsplit_once('@').ok_or(bad("it names no user (postgres://USER:PASSWORD@HOST:PORT)"))?;
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let (host, port) = place.rsplit_once(':').unwrap_or((place, "5432"));
        Ok(Self {
            host: host.to_owned(),
            port: port.parse().map_err(|_| bad("its port is not a number"))?,
            user: user.to_owned(),
            password: password.to_owned(),
        })
    }

    fn psql(&self, psql: &Path, database: &str) -> Command {
        let mut command = Command::new(psql);
        // In the environment, not in the arguments, where everybody could read
        // the password.
        command
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
            .env("PGHOST", &self.host)
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", &self.user)
            .env("PGPASSWORD", &self.password)
            .env("PGDATABASE", database)
            .env("PGCONNECT_TIMEOUT", "10");
        command
    }
}

fn run(psql: &mut Command) -> Result<String> {
    let output = psql.stdin(Stdio::null()).output().map_err(io("run", psql.get_program()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    Err(Error::Client { program: "psql", output: String::from_utf8_lossy(&output.stderr).trim().to_owned() })
}
