//! Why a private server could not be had.

use std::path::PathBuf;

/// What went wrong while a server was looked for, started or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A program is not installed; the text says what to install.
    #[error("{program} was not found in {searched}. {install}")]
    Missing {
        /// The program's file name.
        program: &'static str,
        /// The places that were searched.
        searched: String,
        /// What to do about it.
        install: &'static str,
    },
    /// Postgres refuses to run as root and no other account is there to run it.
    #[error(
        "Postgres does not run as root, and {0}: create a user named postgres, \
         or run as another user"
    )]
    NoAccount(&'static str),
    /// The server ended, or did not answer in time; its last log lines follow.
    #[error("{program} did not start: {cause}\n{log}")]
    Start {
        /// The program's file name.
        program: &'static str,
        /// What was seen.
        cause: String,
        /// The end of the server's log.
        log: String,
    },
    /// A client program (`psql`) reported an error.
    #[error("{program} failed: {output}")]
    Client {
        /// The program's file name.
        program: &'static str,
        /// What it printed.
        output: String,
    },
    /// An address in the environment is not one.
    #[error("{name} is not a usable address: {cause}")]
    Address {
        /// The variable's name.
        name: &'static str,
        /// What is wrong with it.
        cause: &'static str,
    },
    /// The operating system refused something.
    #[error("{what} {path}: {source}", path = path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// The refusal.
        source: std::io::Error,
    },
    /// The runtime stopped while a server was being started.
    #[error("the runtime stopped while a server was being started")]
    Stopped,
}

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

pub(crate) fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.into();
    move |source| Error::Io { what, path, source }
}
