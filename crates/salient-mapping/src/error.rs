//! Why an import cannot start. What is wrong with single lines is in the [`super::Report`].

use std::path::PathBuf;

/// An import that cannot start, or cannot go on at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be opened or read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not one that can be read.
    #[error("{}: {problem}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why, and what would be accepted.
        problem: String,
    },
    /// The file has no header.
    #[error("{}: the file is empty; a first line with column names is needed", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A column that the mapping needs is not there, or is there twice.
    #[error(
        "{}: {problem}; the header found is: {}", path.display(), found.join(", ")
    )]
    Column {
        /// The file.
        path: PathBuf,
        /// Which column, and what is wrong with it.
        problem: String,
        /// The header found.
        found: Vec<String>,
    },
    /// No mapping was given and none of Salient's own fits.
    #[error(
        "{}: no mapping was given, and the header fits none of Salient's own ({known}); write a mapping file; {what} found: {}",
        path.display(), found.join(", ")
    )]
    NoMapping {
        /// The file or folder.
        path: PathBuf,
        /// Names of the mappings that were tried.
        known: String,
        /// "columns" or "files".
        what: &'static str,
        /// The columns or files that were found.
        found: Vec<String>,
    },
    /// The mapping file is wrong.
    #[error("mapping {mapping}: {at}: {problem}")]
    Mapping {
        /// The mapping file, or the name of a built-in one.
        mapping: String,
        /// Where in the mapping.
        at: String,
        /// What is wrong there, and what would be accepted.
        problem: String,
    },
}

impl Error {
    pub(crate) fn io(path: &std::path::Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    pub(crate) fn unreadable(path: &std::path::Path, problem: impl Into<String>) -> Self {
        Self::Unreadable { path: path.to_owned(), problem: problem.into() }
    }
}

/// The result of importing.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a line is refused: the field, what was found, and what would be accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) field: String,
    pub(crate) found: String,
    pub(crate) problem: String,
    pub(crate) accepted: String,
}

impl Refusal {
    pub(crate) fn new(
        field: &str,
        found: &[u8],
        problem: impl Into<String>,
        accepted: impl Into<String>,
    ) -> Box<Self> {
        // a swallowed half file must not become a message of half a file
        let mut shown = String::from_utf8_lossy(&found[..found.len().min(80)]).into_owned();
        if found.len() > 80 {
            shown.push('…');
        }
        Box::new(Self {
            field: field.to_owned(),
            found: shown,
            problem: problem.into(),
            accepted: accepted.into(),
        })
    }
}

/// A value of a line, or why the line is refused. Boxed: it is rare, and values are many.
pub(crate) type Cell<T> = std::result::Result<T, Box<Refusal>>;
