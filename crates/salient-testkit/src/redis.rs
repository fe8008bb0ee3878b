//! A private Redis server.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;

use crate::error::{Error, Result, io};
use crate::find::{free_port, require};
use crate::guard::{Guard, GuardSpec};
use crate::postgres::{blocking, secret, temporary};

/// The variable that names a running server to use instead of a private one,
/// for example `redis://:password@127.0.0.1:6379/`.
pub const REDIS_URL: &str = "SALIENT_TEST_REDIS_URL";

const START_TIMEOUT: Duration = Duration::from_secs(30);
const START_ATTEMPTS: usize = 5;

static SHARED: OnceCell<Redis> = OnceCell::const_new();

/// How a private server is run.
#[derive(Debug, Clone, Default)]
pub struct RedisOptions {
    /// Where its data lives and stays; `None` is a temporary directory, and
    /// then nothing is written to it either.
    pub directory: Option<PathBuf>,
}

/// A Redis server on a loopback port.
#[derive(Debug)]
pub struct Redis {
    url: String,
    guard: Option<Guard>,
}

impl Redis {
    /// The server of this test process, started on first use.
    ///
    /// # Errors
    /// When Redis is not installed (the message says what to install) or does
    /// not start.
    pub async fn shared() -> Result<&'static Self> {
        SHARED
            .get_or_try_init(|| async {
                if let Ok(url) = std::env::var(REDIS_URL) {
                    return Ok(Self { url, guard: None });
                }
                blocking(|| Self::start(&RedisOptions::default())).await
            })
            .await
    }

    /// Starts a private server and waits until it answers. Blocks.
    ///
    /// # Errors
    /// When Redis is not installed or does not start.
    pub fn start(options: &RedisOptions) -> Result<Self> {
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

    /// The address, with its password.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A key prefix that no other test uses: tests share one server.
    #[must_use]
    pub fn prefix(&self) -> String {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        format!("t{}-{number}", std::process::id())
    }

    /// Stops a server that this value started and waits until it is gone.
    pub fn stop(mut self) {
        if let Some(guard) = &mut self.guard {
            guard.stop();
        }
    }

    fn try_start(options: &RedisOptions) -> Result<Self> {
        let server = require("redis-server")?;
        let directory = match &options.directory {
            Some(directory) => directory.clone(),
            None => temporary()?,
        };
        fs::create_dir_all(&directory).map_err(io("create", &directory))?;
        let (port, password) = (free_port()?, secret(16)?);
        let append = if options.directory.is_some() { "yes" } else { "no" };
        // In a file, not on the command line, where everybody could read the password.
        let settings = format!(
            "bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave \"\"\n\
             appendonly {append}\ndaemonize no\nmaxclients 1000\n"
        );
        let file = directory.join("redis.conf");
        fs::write(&file, settings).map_err(io("write", &file))?;
        let mut spec = GuardSpec::new(vec![server.into(), file.into()], &directory, directory.join("log"));
        spec.remove = options.directory.is_none().then(|| directory.clone());
        let mut guard = Guard::start(&spec)?;
        wait_until_ready(&mut guard, port, &password)?;
        Ok(Self { url: format!("redis://:{password}@127.0.0.1:{port}/"), guard: Some(guard) })
    }
}

fn wait_until_ready(guard: &mut Guard, port: u16, password: &str) -> Result<()> {
    let begin = Instant::now();
    loop {
        let mut cause = None;
        if let Some(status) = guard.ended() {
            cause = Some(format!("it ended with {status}"));
        } else if begin.elapsed() > START_TIMEOUT {
            cause = Some(format!("it did not answer in {START_TIMEOUT:?}"));
        }
        if let Some(cause) = cause {
            return Err(Error::Start { program: "redis-server", cause, log: guard.log_tail(20) });
        }
        if answers(port, password).unwrap_or(false) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn answers(port: u16, password: &str) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.write_all(format!("AUTH {password}\r\nPING\r\n").as_bytes())?;
    let expected = b"+OK\r\n+PONG\r\n";
    let mut answer = [0_u8; 12];
    stream.read_exact(&mut answer)?;
    Ok(&answer == expected)
}
