//! The command line.

use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, Utc};
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Tells every seller whom to contact, about what, when and why.
#[derive(Debug, Parser)]
#[command(name = "salient", version, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the command line can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the whole suite on a company's history, prints a seller's list and how good it was.
    Demo(Demo),
    /// Runs the whole suite in one process, empty and lasting.
    Up(Up),
    /// Sends a file's records to a running suite, by a mapping file.
    Import(Import),
    /// Writes records of a running suite as a file to the standard output.
    Export(Export),
    /// Prints a seller's list for today.
    Plan(Plan),
    /// Reacts to a recommendation.
    React(React),
    /// Prints the evidence behind a recommendation.
    Explain(Explain),
    /// Measures what share of past recommendations would have come true.
    Backtest(Backtest),
    /// Shows and repairs the flow of events.
    Events(Events),
    /// Exports what is held about a person, or erases them.
    Privacy(Privacy),
}

/// Which running suite to speak to.
#[derive(Args, Clone, Debug)]
pub struct Target {
    /// Session file that the running suite wrote.
    #[arg(long, env = "SALIENT_SESSION", value_name = "FILE")]
    pub session: Option<PathBuf>,
}

/// Options of `demo`.
#[derive(Args, Clone, Debug)]
pub struct Demo {
    /// A company's order lines: CSV, gzip or XLSX. Without it: a simulated company.
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,
    /// How the file's columns map to records; known publishers' files need none.
    #[arg(long, value_name = "FILE", requires = "data")]
    pub mapping: Option<PathBuf>,
    /// The day to plan, inside the data; by default 30 days before its end.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub as_of: Option<NaiveDate>,
    /// The seller whose list is printed; by default the one with the largest book.
    #[arg(long)]
    pub seller: Option<String>,
    /// Accounts of the simulated company.
    #[arg(long, default_value_t = 600, conflicts_with = "data", value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    pub accounts: u32,
    /// Seed of the simulated company.
    #[arg(long, default_value_t = 1, conflicts_with = "data")]
    pub seed: u64,
    /// Leave when the list and its quality are printed.
    #[arg(long)]
    pub once: bool,
    /// Print the list and its quality for a program.
    #[arg(long)]
    pub json: bool,
    /// Where the demo keeps its data.
    #[arg(long, value_name = "DIR", default_value = ".salient")]
    pub dir: PathBuf,
    /// Use a running suite instead of starting one; its session file.
    #[arg(long, value_name = "FILE")]
    pub connect: Option<PathBuf>,
}

/// Options of `up`.
#[derive(Args, Clone, Debug)]
pub struct Up {
    /// Where the suite keeps its data.
    #[arg(long, value_name = "DIR", default_value = ".salient/up")]
    pub dir: PathBuf,
}

/// Options of `import`.
#[derive(Args, Clone, Debug)]
pub struct Import {
    /// CSV, JSON Lines, Parquet, gzip or XLSX.
    pub file: PathBuf,
    /// How the file's columns map to records; known publishers' files need none.
    #[arg(long, value_name = "FILE")]
    pub mapping: Option<PathBuf>,
    /// Read and check everything, send nothing; with `--upload`: write nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Send the file itself and let the suite read it: CSV, JSON Lines or Parquet, one file. An
    /// upload that broke goes on where it was. Products and sellers are not taken.
    #[arg(long)]
    pub upload: bool,
    /// The suite.
    #[command(flatten)]
    pub target: Target,
}

/// Options of `export`.
#[derive(Args, Clone, Debug)]
pub struct Export {
    /// Which records.
    pub kind: Kind,
    /// As what.
    #[arg(long, default_value = "csv")]
    pub format: Format,
    /// What was stored and dated by this time (RFC 3339); now by the suite's clock if absent.
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<DateTime<Utc>>,
    /// Which of them, as in a list: `source = "crm"`.
    #[arg(long, default_value = "")]
    pub filter: String,
    /// The suite.
    #[command(flatten)]
    pub target: Target,
}

/// Kinds of records that can be exported.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Kind {
    /// Accounts as their sources sent them.
    Accounts,
    /// Contacts as their sources sent them.
    Contacts,
    /// Orders, a row a line.
    Orders,
    /// Interactions.
    Interactions,
    /// Opportunities.
    Opportunities,
    /// Accounts as unified profiles.
    AccountProfiles,
    /// Contacts as unified profiles.
    ContactProfiles,
}

/// What a file is.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    /// Values between commas.
    Csv,
    /// A JSON object a line.
    Jsonl,
    /// Apache Parquet.
    Parquet,
}

/// Options of `plan`.
#[derive(Args, Clone, Debug)]
pub struct Plan {
    /// The seller, for example `s05`.
    pub seller: String,
    /// The day; today by the suite's clock if absent.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub date: Option<NaiveDate>,
    /// Print it for a program.
    #[arg(long)]
    pub json: bool,
    /// The suite.
    #[command(flatten)]
    pub target: Target,
}

/// What a seller does with a recommendation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Action {
    /// Will do it.
    Accept,
    /// Later.
    Snooze,
    /// Not at all; needs `--reason`.
    Dismiss,
    /// Did it.
    Complete,
}

/// Why a recommendation is dismissed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the contract documents each reason")]
pub enum Reason {
    WrongPerson,
    BadTiming,
    AlreadyDone,
    NotRelevant,
    CustomerIssue,
    NoStock,
    DoNotContact,
    Other,
}

/// Options of `react`.
#[derive(Args, Clone, Debug)]
pub struct React {
    /// The recommendation: its name, or `SELLER/RANK` of today's list, for example `s05/3`.
    pub recommendation: String,
    /// What to do with it.
    pub action: Action,
    /// Why; needed with dismiss.
    #[arg(long, required_if_eq("action", "dismiss"))]
    pub reason: Option<Reason>,
    /// In your own words; needed with reason other.
    #[arg(long, default_value = "", required_if_eq("reason", "other"))]
    pub comment: String,
    /// With snooze: the day to come back.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub until: Option<NaiveDate>,
    /// The suite.
    #[command(flatten)]
    pub target: Target,
}

/// Options of `explain`.
#[derive(Args, Clone, Debug)]
pub struct Explain {
    /// The recommendation: its name, or `SELLER/RANK` of today's list, for example `s05/3`.
    pub recommendation: String,
    /// Print it for a program.
    #[arg(long)]
    pub json: bool,
    /// The suite.
    #[command(flatten)]
    pub target: Target,
}

/// Options of `backtest`.
#[derive(Args, Clone, Debug)]
pub struct Backtest {
    /// A company's order lines: CSV, gzip or XLSX. Without it: the simulated company.
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,
    /// How the file's columns map to records; known publishers' files need none.
    #[arg(long, value_name = "FILE", requires = "data")]
    pub mapping: Option<PathBuf>,
    /// The days to plan, each as if it were today.
    #[arg(long, value_name = "YYYY-MM-DD", value_delimiter = ',', num_args = 1..)]
    pub as_of: Vec<NaiveDate>,
    /// Recommendations a seller.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(i32).range(1..=100))]
    pub per_seller: i32,
    /// Print it for a program.
    #[arg(long)]
    pub json: bool,
}

/// Options of `events`.
#[derive(Args, Clone, Debug)]
pub struct Events {
    /// What to do.
    #[command(subcommand)]
    pub command: EventsCommand,
    /// The suite.
    #[command(flatten)]
    pub target: Target,
}

/// What `events` can do.
#[derive(Clone, Debug, Subcommand)]
pub enum EventsCommand {
    /// Counts of every service's events.
    Status,
    /// Events that a service could not apply.
    Dead {
        /// profile, scoring, recommendation or feedback.
        service: String,
    },
    /// Applies a service's dead letters again.
    Replay {
        /// profile, scoring, recommendation or feedback.
        service: String,
        /// Ids of the events; all if none is named.
        event_ids: Vec<String>,
    },
}

/// Options of `privacy`.
#[derive(Args, Clone, Debug)]
pub struct Privacy {
    /// What to do.
    #[command(subcommand)]
    pub command: PrivacyCommand,
    /// The suite.
    #[command(flatten)]
    pub target: Target,
}

/// What `privacy` can do.
#[derive(Clone, Debug, Subcommand)]
pub enum PrivacyCommand {
    /// Prints everything that every service holds about a person, as JSON.
    Export {
        /// The person: `contacts/{contact}` or the id alone.
        contact: String,
    },
    /// Erases a person from every service and prints the certificate; asked again, it prints the same
    /// certificate as it stands then.
    Erase {
        /// The person: `contacts/{contact}` or the id alone.
        contact: String,
    },
}
