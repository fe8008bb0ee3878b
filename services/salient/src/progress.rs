//! Bars on a terminal, plain lines elsewhere, nothing when a program reads.

use std::{
    io::IsTerminal as _,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

/// How progress is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// Bars that move.
    Bars,
    /// A line when a step begins to matter and when it ends.
    Lines,
    /// Nothing.
    Silent,
}

impl Telling {
    /// Bars on a terminal, lines elsewhere; nothing when standard output is for a program.
    #[must_use]
    pub fn choose(json: bool) -> Self {
        if json {
            Self::Silent
        } else if std::io::stderr().is_terminal() && std::io::stdout().is_terminal() {
            Self::Bars
        } else {
            Self::Lines
        }
    }

    /// Begins a step; `total` is its size if it is known.
    #[must_use]
    pub fn step(self, name: &str, total: Option<u64>) -> Step {
        let bar = (self == Self::Bars).then(|| {
            let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
            let template = if total.is_some() {
                "  {msg:28} {bar:32} {percent:>3} %  {elapsed}"
            } else {
                "  {msg:28} {spinner} {prefix}"
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.set_message(name.to_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Step { telling: self, name: name.to_owned(), bar, started: Instant::now() }
    }
}

/// A step that is going on.
#[derive(Debug)]
pub struct Step {
    telling: Telling,
    name: String,
    bar: Option<ProgressBar>,
    started: Instant,
}

impl Step {
    /// How much of the total is done.
    pub fn at(&self, position: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(position);
        }
    }

    /// What is going on right now; on bars only.
    pub fn note(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_prefix(text.to_owned());
        }
    }

    /// Ends the step with what came out.
    pub fn done(self, outcome: &str) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        if self.telling != Telling::Silent {
            eprintln!("  {:28} {outcome}  ({:.1} s)", self.name, self.started.elapsed().as_secs_f64());
        }
    }
}
