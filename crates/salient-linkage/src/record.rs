//! A record as handed in, and the packed form in which it is kept.

/// A record to be resolved: an id, the source it comes from, and values by field name.
///
/// A field given several times is a list (three e-mail addresses, two phones). The names are those
/// of the kind's vocabulary, [`crate::Config::vocabulary`]; fields that are not there carry no
/// evidence.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// Unique within an index.
    pub id: String,
    /// Which source it comes from; matters for [`crate::Sources::Distinct`].
    pub source: u16,
    /// Field name and raw value.
    pub values: Vec<(String, String)>,
}

impl Record {
    /// A record without values, of source 0.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), ..Self::default() }
    }

    /// The same record, from a source.
    #[must_use]
    pub fn from_source(mut self, source: u16) -> Self {
        self.source = source;
        self
    }

    /// The same record with one value more.
    #[must_use]
    pub fn with(mut self, field: impl Into<String>, value: impl Into<String>) -> Self {
        self.values.push((field.into(), value.into()));
        self
    }

    /// The raw values of a field.
    pub fn get<'a>(&'a self, field: &'a str) -> impl Iterator<Item = &'a str> {
        self.values.iter().filter(move |(name, _)| name == field).map(|(_, value)| value.as_str())
    }
}

/// Most fields that a kind may compare: levels of a pair are packed four bits each into 64.
pub(crate) const MAX_FIELDS: usize = 16;

/// Between the cells of a packed record.
const CELL: char = '\u{1f}';
/// Between the values of a cell.
const VALUE: char = '\u{1e}';

/// Id and normalised cells in one allocation, because a million records of a dozen strings each
/// would spend more on allocations than on text.
pub(crate) fn pack(id: &str, cells: &[Vec<String>]) -> Box<str> {
    let mut out = String::with_capacity(96);
    let clean = |text: &str| -> String { text.chars().filter(|&c| c != CELL && c != VALUE).collect() };
    out.push_str(&clean(id));
    for cell in cells {
        out.push(CELL);
        for (n, value) in cell.iter().enumerate() {
            if n > 0 {
                out.push(VALUE);
            }
            out.push_str(&clean(value));
        }
    }
    out.into_boxed_str()
}

/// The id and the cells of a packed record; an empty cell is a missing field.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) id: &'a str,
    cells: [&'a str; MAX_FIELDS],
}

impl<'a> Row<'a> {
    pub(crate) fn read(packed: &'a str) -> Self {
        // Over bytes, because this is read for every pair.
        let (mut id, mut cells) = ("", [""; MAX_FIELDS]);
        let (mut start, mut slots) = (0, std::iter::once(&mut id).chain(&mut cells));
        let ends = packed.bytes().enumerate().filter(|(_, byte)| *byte == CELL as u8).map(|(at, _)| at);
        for end in ends.chain([packed.len()]) {
            if let Some(slot) = slots.next() {
                *slot = &packed[start..end];
            }
            start = end + 1;
        }
        Self { id, cells }
    }

    pub(crate) fn cell(&self, field: usize) -> &'a str {
        self.cells[field]
    }

    pub(crate) fn values(&self, field: usize) -> impl Iterator<Item = &'a str> + use<'a> {
        values(self.cells[field])
    }
}

/// The values of a cell.
pub(crate) fn values(cell: &str) -> impl Iterator<Item = &str> {
    cell.split(VALUE).filter(|value| !value.is_empty())
}

/// Whether a cell holds more than one value.
pub(crate) fn is_list(cell: &str) -> bool {
    cell.as_bytes().contains(&(VALUE as u8))
}

/// The id of a packed record.
pub(crate) fn id(packed: &str) -> &str {
    packed.split(CELL).next().unwrap_or_default()
}
