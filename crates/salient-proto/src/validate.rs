//! Messages that know their own rules.

/// A rule that a message breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field, for example `orders[3].lines[0].quantity`.
    pub field: String,
    /// What would be accepted.
    pub description: String,
}

/// The way from the checked message to the field at hand.
#[derive(Debug, Default)]
pub struct Path(Vec<(&'static str, Option<usize>)>);

impl Path {
    /// Steps into a field.
    pub fn push(&mut self, field: &'static str) {
        self.0.push((field, None));
    }

    /// Steps into an element of a repeated field.
    pub fn push_index(&mut self, field: &'static str, index: usize) {
        self.0.push((field, Some(index)));
    }

    /// Steps back out.
    pub fn pop(&mut self) {
        self.0.pop();
    }

    /// The path as text, with `last` appended when it is not empty.
    pub fn text(&self, last: &str) -> String {
        let mut out = String::new();
        for (field, index) in &self.0 {
            if !out.is_empty() {
                out.push('.');
            }
            out.push_str(field);
            if let Some(index) = index {
                out.push_str(&format!("[{index}]"));
            }
        }
        if !last.is_empty() {
            if !out.is_empty() {
                out.push('.');
            }
            out.push_str(last);
        }
        out
    }
}

/// A message with rules, generated from the `buf.validate` annotations of the contract.
pub trait Validate {
    /// Appends every broken rule to `out`; `at` is the path of this message.
    fn check(&self, at: &mut Path, out: &mut Vec<Violation>);

    /// Every broken rule.
    ///
    /// # Errors
    /// The violations, at least one.
    fn validate(&self) -> Result<(), Vec<Violation>> {
        let mut out = Vec::new();
        self.check(&mut Path::default(), &mut out);
        if out.is_empty() { Ok(()) } else { Err(out) }
    }
}
