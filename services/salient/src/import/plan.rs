//! Plans: what will be imported, from where, through which mapping.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};
use csv::ByteRecord;
use salient_proto::recommendation::v1::{UpsertProductsRequest, UpsertSellersRequest};
use salient_sim::Company;

use super::batch::{Batch, Batcher};
use super::collect::{Collector, State};
use super::company;
use super::error::{Error, Refusal, Result};
use super::join::JoinedFile;
use super::mapping::bind::{Header, Table, bind};
use super::mapping::field::Joined;
use super::mapping::spec::{Encoding, MappingSpec, TableSpec};
use super::mapping::{self, builtin};
use super::read::Reader;
use super::report::{Damage, Report};
use super::rows::{self, Options, Progress, Row};

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
}

#[derive(Debug)]
enum From {
    Files { mapping: MappingSpec, tables: Vec<Bound>, latest: DateTime<Utc> },
    Company(Box<Company>),
}

/// A table with its file and the files joined to it.
#[derive(Debug)]
struct Bound {
    path: PathBuf,
    options: Options,
    table: Table,
    header: Vec<String>,
    joins: Vec<(PathBuf, String, Header)>,
}

/// Opens a file, or a folder of files, for import. Without a mapping file the one of Salient's own
/// is taken whose columns are all there. Nothing but headers is read yet. No record may be dated
/// after `latest`.
pub fn open(path: &Path, mapping: Option<&Path>, latest: DateTime<Utc>) -> Result<Plan> {
    let mapping = match mapping {
        Some(mapping) => mapping::load(mapping)?,
        None => recognise(path)?,
    };
    with_mapping(path, mapping, latest)
}

pub(crate) fn with_mapping(path: &Path, mapping: MappingSpec, latest: DateTime<Utc>) -> Result<Plan> {
    let several = mapping.tables.len() > 1;
    if several && !path.is_dir() {
        let problem =
            format!("mapping {:?} is about several files; give the folder that they are in", mapping.name);
        return Err(Error::unreadable(path, problem));
    }
    let tables: Vec<Bound> =
        mapping.tables.iter().map(|table| bound(path, &mapping.name, table)).collect::<Result<_>>()?;
    let progress = Progress::default();
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    let joined = tables.iter().flat_map(|table| table.joins.iter().map(|(path, ..)| size(path)));
    let total = joined.chain(tables.iter().map(|table| size(&table.path))).sum();
    progress.inner.total.store(total, Ordering::Relaxed);
    let report = Report { notices: mapping.notes.clone(), ..Report::default() };
    let from = From::Files { mapping, tables, latest };
    Ok(Plan { from, progress, report, products: Vec::new(), sellers: Vec::new() })
}

/// Finds the mapping whose columns are all there.
fn recognise(path: &Path) -> Result<MappingSpec> {
    for mapping in builtin::all()? {
        let several = mapping.tables.iter().all(|table| table.file.is_some());
        if several != path.is_dir() {
            continue;
        }
        let fits = mapping.tables.iter().all(|table| bound(path, &mapping.name, table).is_ok());
        if fits {
            return Ok(mapping);
        }
    }
    let (what, found) = if path.is_dir() {
        let files = std::fs::read_dir(path).map_err(|source| Error::io(path, source))?;
        let mut names: Vec<String> =
            files.filter_map(|file| Some(file.ok()?.file_name().to_string_lossy().into_owned())).collect();
        names.sort_unstable();
        ("files", names)
    } else {
        ("columns", rows::header(path, &Options::default())?)
    };
    Err(Error::NoMapping { path: path.to_owned(), known: builtin::names(), what, found })
}

fn bound(path: &Path, mapping: &str, spec: &TableSpec) -> Result<Bound> {
    let in_folder = |file: &str| match path.is_dir() {
        true => path.join(file),
        false => path.with_file_name(file),
    };
    let own = match &spec.file {
        Some(file) if path.is_dir() => in_folder(file),
        _ => path.to_owned(),
    };
    if own.is_dir() {
        let problem =
            format!("this is a folder, and mapping {mapping:?} names no `file` in it; give the file");
        return Err(Error::unreadable(&own, problem));
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
        let header = Header { name: join.name.clone(), columns: rows::header(&path, &Options::default())? };
        headers.push(header.clone());
        joins.push((path, join.key.clone().unwrap_or_else(|| join.on.clone()), header));
    }
    let table = bind(mapping, spec, &own, &headers)?;
    Ok(Bound { path: own, options, table, header, joins })
}

/// A file's name without its folder.
pub(crate) fn file_name(path: &Path) -> Arc<str> {
    path.file_name()
        .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
        .into()
}

impl Plan {
    pub(crate) fn of_company(company: Company) -> Self {
        let progress = Progress::default();
        progress.inner.total.store(company.config().accounts, Ordering::Relaxed);
        let (products, sellers) = (company::products(&company), company::sellers(&company));
        let report = Report {
            products: products.iter().map(|request| request.products.len() as u64).sum(),
            sellers: sellers.iter().map(|request| request.sellers.len() as u64).sum(),
            notices: vec![company::NOTICE.to_owned()],
            ..Report::default()
        };
        Self { from: From::Company(Box::new(company)), progress, report, products, sellers }
    }

    /// What is imported, in a few words.
    pub fn title(&self) -> &str {
        match &self.from {
            From::Files { mapping, .. } => mapping.title.as_deref().unwrap_or(&mapping.name),
            From::Company(_) => "model company (simulated)",
        }
    }

    /// Half of the key of every record.
    pub fn source(&self) -> &str {
        match &self.from {
            From::Files { mapping, .. } => &mapping.source,
            From::Company(_) => company::SOURCE,
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
            From::Company(company) => {
                let report = company::batches(company, &self.progress, &mut each);
                let (products, sellers) = (self.report.products, self.report.sellers);
                self.report = Report { products, sellers, notices, ..report };
                Ok(())
            }
            From::Files { mapping, tables, latest } => {
                let mut state = State { report: Report { notices, ..Report::default() }, ..State::default() };
                let mut batcher = Batcher::new(&mapping.source, &mut each);
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

impl Bound {
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
        let file = file_name(&self.path);
        let mut collector = Collector::new(reader, &mapping.sellers, &file, state, batcher);
        let mut others: Vec<&ByteRecord> = Vec::with_capacity(joined.len());
        let end = rows::for_each(&self.path, &self.options, progress, &mut |row| {
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
