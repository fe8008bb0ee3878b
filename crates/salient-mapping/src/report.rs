//! What became of the lines of a file.

use std::fmt;
use std::sync::Arc;

use super::error::Refusal;

/// Lines that are named for each category of skipped lines.
const NAMED: usize = 5;
/// Refused lines that are kept with their details; all are counted.
const DETAILED: usize = 1_000;

/// Lines left out by a rule of the mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The rule's name, for example "no customer".
    pub category: String,
    /// How many lines.
    pub lines: u64,
    /// The first of them.
    pub first: Vec<u64>,
}

/// A line that could not be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedLine {
    /// The file.
    pub file: Arc<str>,
    /// The line, from 1; the header is line 1.
    pub line: u64,
    /// The column, or "line" when it is about the whole line.
    pub field: String,
    /// What stands there.
    pub found: String,
    /// What is wrong with it.
    pub problem: String,
    /// What would be accepted.
    pub accepted: String,
}

impl RefusedLine {
    pub(crate) fn new(file: &Arc<str>, line: u64, refusal: Refusal) -> Self {
        let Refusal { field, found, problem, accepted } = refusal;
        Self { file: file.clone(), line, field, found, problem, accepted }
    }
}

impl fmt::Display for RefusedLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} line {}: {}: {}", self.file, self.line, self.field, self.problem)?;
        write!(f, "; found {:?}; accepted: {}", self.found, self.accepted)
    }
}

/// A file that ends before its end. The lines before stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub file: Arc<str>,
    /// The last line that was read whole.
    pub after_line: u64,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is damaged after line {}: {}", self.file, self.after_line, self.problem)
    }
}

/// Orders of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderCounts {
    /// Source lines taken.
    pub lines: u64,
    /// Orders.
    pub orders: u64,
    /// Accounts with such an order.
    pub accounts: u64,
    /// Products on such an order.
    pub products: u64,
}

/// What became of an import, line by line and record by record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Lines read, headers not counted.
    pub rows: u64,
    /// Purchases.
    pub purchases: OrderCounts,
    /// Returns.
    pub returns: OrderCounts,
    /// Accounts.
    pub accounts: u64,
    /// Products.
    pub products: u64,
    /// Contacts.
    pub contacts: u64,
    /// Interactions.
    pub interactions: u64,
    /// Opportunities.
    pub opportunities: u64,
    /// Sellers.
    pub sellers: u64,
    /// Lines of an order that carried the same product as another line of it, and were added to it.
    pub merged_lines: u64,
    /// Lines left out by rules, in the order of the rules.
    pub skipped: Vec<Skipped>,
    /// All lines that could not be taken.
    pub refused: u64,
    /// The first of them.
    pub refused_lines: Vec<RefusedLine>,
    /// Files that end before their end.
    pub damage: Vec<Damage>,
    /// What a reader should know besides.
    pub notices: Vec<String>,
    /// True when the receiver of the batches ended the import early.
    pub stopped: bool,
}

impl Report {
    /// True when every line was either taken or left out by a rule.
    pub fn is_clean(&self) -> bool {
        self.refused == 0 && self.damage.is_empty() && !self.stopped
    }

    /// Counts a category from now on, so that it stands in the order of the rules even with 0 lines.
    pub(crate) fn category(&mut self, name: &str) -> usize {
        if let Some(known) = self.skipped.iter().position(|skipped| skipped.category == name) {
            return known;
        }
        self.skipped.push(Skipped { category: name.to_owned(), lines: 0, first: Vec::new() });
        self.skipped.len() - 1
    }

    pub(crate) fn skip(&mut self, category: usize, line: u64) {
        if let Some(skipped) = self.skipped.get_mut(category) {
            skipped.lines += 1;
            if skipped.first.len() < NAMED {
                skipped.first.push(line);
            }
        }
    }

    pub(crate) fn refuse(&mut self, refused: RefusedLine) {
        self.refused += 1;
        if self.refused_lines.len() < DETAILED {
            self.refused_lines.push(refused);
        }
    }
}

/// 541909 as "541,909".
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rows > 0 {
            writeln!(f, "{:>11}  lines read", grouped(self.rows))?;
        }
        for (name, counts) in [("purchases", &self.purchases), ("returns", &self.returns)] {
            if counts.lines > 0 {
                writeln!(
                    f,
                    "{:>11}  lines of {} {name}, {} accounts, {} products",
                    grouped(counts.lines),
                    grouped(counts.orders),
                    grouped(counts.accounts),
                    grouped(counts.products),
                )?;
            }
        }
        for skipped in self.skipped.iter().filter(|skipped| skipped.lines > 0) {
            let first: Vec<String> = skipped.first.iter().map(u64::to_string).collect();
            let more = if skipped.lines > skipped.first.len() as u64 { ", …" } else { "" };
            writeln!(
                f,
                "{:>11}  left out: {} (lines {}{more})",
                grouped(skipped.lines),
                skipped.category,
                first.join(", "),
            )?;
        }
        writeln!(f, "{:>11}  refused", grouped(self.refused))?;
        for refused in self.refused_lines.iter().take(10) {
            writeln!(f, "             {refused}")?;
        }
        if self.refused > 10 {
            writeln!(f, "             … and {} more", grouped(self.refused - 10))?;
        }
        if self.merged_lines > 0 {
            writeln!(
                f,
                "{:>11}  lines added to another line of the same order and product",
                grouped(self.merged_lines)
            )?;
        }
        let records = [
            (self.accounts, "accounts"),
            (self.products, "products"),
            (self.contacts, "contacts"),
            (self.interactions, "interactions"),
            (self.opportunities, "opportunities"),
            (self.sellers, "sellers"),
        ];
        let records: Vec<String> = records
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, name)| format!("{} {name}", grouped(*count)))
            .collect();
        if !records.is_empty() {
            writeln!(f, "    records  {}", records.join(", "))?;
        }
        for damage in &self.damage {
            writeln!(f, "    DAMAGED  {damage}")?;
        }
        for notice in &self.notices {
            writeln!(f, "       note  {notice}")?;
        }
        if self.stopped {
            writeln!(f, "    stopped  before the end")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(
            ["0", "999", "1,000", "541,909", "1,000,000"],
            [0, 999, 1_000, 541_909, 1_000_000].map(grouped)
        );
    }

    #[test]
    fn refused_lines_are_counted_beyond_the_detailed_ones() {
        let mut report = Report::default();
        let file: Arc<str> = "a.csv".into();
        for line in 0..2_000 {
            let refusal = Refusal::new("Quantity", b"x", "no number", "a whole number");
            report.refuse(RefusedLine::new(&file, line, *refusal));
        }
        assert_eq!((report.refused, report.refused_lines.len()), (2_000, DETAILED));
        assert!(!report.is_clean());
        let text = report.to_string();
        assert!(text.contains("a.csv line 0: Quantity: no number; found \"x\"; accepted: a whole number"));
        assert!(text.contains("and 1,990 more"));
    }
}
