//! Plans: what will be imported, from where, through which mapping.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};
use csv::ByteRecord;
use salient_proto::recommendation::v1::{UpsertProductsRequest, UpsertSellersRequest};

use super::batch::{Batch, Batcher, RecordKind, Sink};
use super::collect::{Collector, State};
use super::error::{Error, Refusal, Result};
use super::join::JoinedFile;
use super::mapping::bind::{Header, bind};
use super::mapping::field::Joined;
use super::mapping::spec::{Encoding, MappingSpec, TableSpec};
use super::mapping::table::Table;
use super::read::Reader;
use super::report::{Damage, Report};
use super::rows::{self, Input, Options, Progress, Row};

/// Rows between two updates of the progress.
const PROGRESS: u64 = 1 << 10;

/// An import that is ready to run.
#[derive(Debug)]
pub struct Plan {
    from: From,
    progress: Progress,
    report: Report,
    products: Vec<UpsertProductsRequest>,
    sellers: Vec<UpsertSellersRequest>,
    tells_refused: bool,
}

/// Records that are made instead of read, and given away like those of a file.
pub trait Maker: fmt::Debug + Send {
    /// What is imported, in a few words.
    fn title(&self) -> &str;
    /// Half of the key of every record.
    fn source(&self) -> &str;
    /// What a reader should know besides.
    fn notices(&self) -> Vec<String>;
    /// The catalogue.
    fn products(&self) -> Vec<UpsertProductsRequest>;
    /// The sellers.
    fn sellers(&self) -> Vec<UpsertSellersRequest>;
    /// How much there is to make; [`Progress::made`] counts to it.
    fn size(&self) -> u64;
    /// Makes everything.
    fn batches(&self, progress: &Progress, each: Sink<'_>) -> Report;
}

#[derive(Debug)]
enum From {
    Files { mapping: MappingSpec, tables: Vec<Bound>, latest: DateTime<Utc> },
    Made(Box<dyn Maker>),
}

/// A table with its file and the files joined to it.
#[derive(Debug)]
pub(crate) struct Bound {
    input: Input,
    options: Options,
    table: Table,
    header: Vec<String>,
    joins: Vec<(PathBuf, String, Header)>,
}

/// A file's name without its folder.
pub(crate) fn file_name(path: &Path) -> Arc<str> {
    path.file_name()
        .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
        .into()
}

impl Plan {
    /// Plans the import of files.
    pub(crate) fn of_files(mapping: MappingSpec, tables: Vec<Bound>, latest: DateTime<Utc>) -> Self {
        let progress = Progress::default();
        let joined =
            tables.iter().flat_map(|table| table.joins.iter().map(|(path, ..)| Input::at(path).size()));
        let total = joined.chain(tables.iter().map(|table| table.input.size())).sum();
        progress.inner.total.store(total, Ordering::Relaxed);
        let report = Report { notices: mapping.notes.clone(), ..Report::default() };
        let from = From::Files { mapping, tables, latest };
        Self { from, progress, report, products: Vec::new(), sellers: Vec::new(), tells_refused: false }
    }

    /// Plans the import of records that are made.
    pub fn made(maker: Box<dyn Maker>) -> Self {
        let progress = Progress::default();
        progress.inner.total.store(maker.size(), Ordering::Relaxed);
        let (products, sellers) = (maker.products(), maker.sellers());
        let report = Report {
            products: products.iter().map(|request| request.products.len() as u64).sum(),
            sellers: sellers.iter().map(|request| request.sellers.len() as u64).sum(),
            notices: maker.notices(),
            ..Report::default()
        };
        Self { from: From::Made(maker), progress, report, products, sellers, tells_refused: false }
    }

    /// Tells every refused line with the batches, and not only the first ones in the report.
    #[must_use]
    pub fn tell_refused(mut self) -> Self {
        self.tells_refused = true;
        self
    }

    /// The columns that the fields of records are read from.
    pub fn columns(&self) -> Columns {
        let labels = match &self.from {
            From::Files { tables, .. } => tables.first().map(|table| table.table.labels.clone()),
            From::Made(_) => None,
        };
        Columns(labels.unwrap_or_default())
    }

    /// What is imported, in a few words.
    pub fn title(&self) -> &str {
        match &self.from {
            From::Files { mapping, .. } => mapping.title.as_deref().unwrap_or(&mapping.name),
            From::Made(maker) => maker.title(),
        }
    }

    /// Half of the key of every record.
    pub fn source(&self) -> &str {
        match &self.from {
            From::Files { mapping, .. } => &mapping.source,
            From::Made(maker) => maker.source(),
        }
    }

    /// What a reader should know besides: what the source lacks and what stands in for it.
    pub fn notices(&self) -> &[String] {
        &self.report.notices
    }

    /// How far the import has come; may be asked from another thread.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Runs the import: gives every batch to `each`, which may end it with `Break`. Blocks: it
    /// belongs on a thread of its own. What is wrong with single lines is in [`Plan::report`];
    /// what is damaged, too, and the lines before the damage stand.
    pub fn batches(&mut self, mut each: impl FnMut(Batch) -> ControlFlow<()>) -> Result<()> {
        let notices = std::mem::take(&mut self.report.notices);
        match &self.from {
            From::Made(maker) => {
                let report = maker.batches(&self.progress, &mut each);
                let (products, sellers) = (self.report.products, self.report.sellers);
                self.report = Report { products, sellers, notices, ..report };
                Ok(())
            }
            From::Files { mapping, tables, latest } => {
                let mut state = State { report: Report { notices, ..Report::default() }, ..State::default() };
                let mut batcher = Batcher::new(&mapping.source, &mut each).tell_refused(self.tells_refused);
                let done = tables.iter().try_for_each(|table| {
                    let reader = Reader::new(&table.table, &mapping.source, latest.timestamp_micros());
                    table.run(reader, mapping, &self.progress, &mut state, &mut batcher)
                });
                state.report.stopped = batcher.stopped;
                state.report.products = state.catalogue.len() as u64;
                state.report.sellers = state.sellers.len() as u64;
                self.products = state.catalogue.requests(&mapping.source);
                self.sellers = state.sellers.requests(&mapping.source);
                self.report = state.report;
                done
            }
        }
    }

    /// The catalogue. For files it is complete when [`Plan::batches`] is through: what a product
    /// is called depends on all lines.
    pub fn products(&self) -> &[UpsertProductsRequest] {
        &self.products
    }

    /// The sellers; complete when [`Plan::batches`] is through.
    pub fn sellers(&self) -> &[UpsertSellersRequest] {
        &self.sellers
    }

    /// What became of every line.
    pub fn report(&self) -> &Report {
        &self.report
    }
}

/// Which column the field of a record is read from.
#[derive(Clone, Debug, Default)]
pub struct Columns(BTreeMap<String, String>);

impl Columns {
    /// The column behind a record's field such as "email" or "lines[3].quantity"; for a constant
    /// or an unknown field none.
    pub fn of(&self, kind: RecordKind, field: &str) -> Option<&str> {
        let record = match kind {
            RecordKind::Account => "account",
            RecordKind::Contact => "contact",
            RecordKind::Order => "order",
            RecordKind::Interaction => "interaction",
            RecordKind::Opportunity => "opportunity",
        };
        let last = field.rsplit(['.', ']']).next().unwrap_or(field);
        let name = match field {
            "account_key" | "account" => "account",
            "contact_key" => "contact",
            "parent_key" => "parent",
            "source_key" | "source_key.id" => "key",
            "order_time" | "occur_time" => "time",
            "currency_code" => "currency",
            "source_update_time" => "update_time",
            _ => last,
        };
        self.0.get(&format!("{record}.{name}")).map(String::as_str)
    }
}

impl Bound {
    /// Binds a table of a mapping to its file, and to the files joined to it.
    pub(crate) fn new(input: &Input, mapping: &str, spec: &TableSpec) -> Result<Self> {
        let path = &input.path;
        let in_folder = |file: &str| match path.is_dir() {
            true => path.join(file),
            false => path.with_file_name(file),
        };
        let own = match &spec.file {
            _ if input.is_alone() => input.clone(),
            Some(file) if path.is_dir() => Input::at(&in_folder(file)),
            _ => input.clone(),
        };
        if !own.is_alone() && own.path.is_dir() {
            let problem =
                format!("this is a folder, and mapping {mapping:?} names no `file` in it; give the file");
            return Err(Error::unreadable(&own.path, problem));
        }
        let separator = spec.separator.map(u8::try_from).transpose().map_err(|_| Error::Mapping {
            mapping: mapping.to_owned(),
            at: "separator".to_owned(),
            problem: "must be a sign like \",\" or \";\"".to_owned(),
        })?;
        let options = Options {
            separator,
            windows_1252: spec.encoding == Encoding::Windows1252,
            sheet: spec.sheet.clone(),
        };
        let header = rows::header(&own, &options)?;
        let mut headers = vec![Header { name: String::new(), columns: header.clone() }];
        let mut joins = Vec::with_capacity(spec.joins.len());
        for join in &spec.joins {
            let path = in_folder(&join.file);
            let header = Header {
                name: join.name.clone(),
                columns: rows::header(&Input::at(&path), &Options::default())?,
            };
            headers.push(header.clone());
            joins.push((path, join.key.clone().unwrap_or_else(|| join.on.clone()), header));
        }
        let table = bind(mapping, spec, &own.path, &headers)?;
        Ok(Self { input: own, options, table, header, joins })
    }

    fn run(
        &self,
        reader: Reader<'_>,
        mapping: &MappingSpec,
        progress: &Progress,
        state: &mut State,
        batcher: &mut Batcher<'_>,
    ) -> Result<()> {
        let mut joined = Vec::with_capacity(self.joins.len());
        for (path, key, header) in &self.joins {
            joined.push(JoinedFile::read(path, &header.columns, key, progress, &mut state.report)?);
        }
        let file = file_name(&self.input.path);
        let mut collector = Collector::new(reader, &mapping.sellers, &file, state, batcher);
        let mut others: Vec<&ByteRecord> = Vec::with_capacity(joined.len());
        let end = rows::for_each(&self.input, &self.options, progress, &mut |row| {
            if collector.count_row().is_multiple_of(PROGRESS) {
                progress.inner.rows.fetch_add(PROGRESS, Ordering::Relaxed);
            }
            if let Some(refusal) = shape(&row, self.table.columns) {
                collector.refuse(row.line, refusal);
                return ControlFlow::Continue(());
            }
            if row.open_end {
                collector.notice(format!(
                    "{file}: the last line, {}, has no line end: it was taken, but if the file was cut there, its last column may be short",
                    row.line
                ));
            }
            others.clear();
            for (file, on) in joined.iter().zip(&self.table.join_on) {
                match file.find(&self.header[*on], row.cells.get(*on).unwrap_or_default()) {
                    Ok(record) => others.push(record),
                    Err(refusal) => {
                        collector.refuse(row.line, *refusal);
                        return ControlFlow::Continue(());
                    }
                }
            }
            collector.row(&Joined::new(row, &others));
            if collector.stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        collector.finish();
        // what was read stands, whatever ended the reading
        if let Some((after_line, problem)) = end?.damage {
            state.report.damage.push(Damage { file, after_line, problem });
        }
        Ok(())
    }
}

/// Why a row cannot be told apart into its columns.
pub(crate) fn shape(row: &Row<'_>, expected: usize) -> Option<Refusal> {
    let found = row.cells.len();
    let problem = match row.broken {
        Some(problem) => problem.to_owned(),
        None if found == expected => return None,
        None if row.open_end && found < expected => {
            format!("the last line ends in column {found}; the file seems to be cut off")
        }
        None => format!("{found} columns instead of {expected}"),
    };
    let accepted =
        format!("{expected} columns as in the header; a separator inside a text needs quotes around it");
    Some(*Refusal::new("line", start(row.cells), problem, accepted))
}

/// The beginning of a row, for a message.
fn start(cells: &ByteRecord) -> &[u8] {
    cells.get(0).unwrap_or_default()
}
