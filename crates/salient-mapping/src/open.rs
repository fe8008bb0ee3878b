//! Opening what is imported, by a mapping that is given or found.

use std::fs::File;
use std::path::Path;

use chrono::{DateTime, Utc};

use super::error::{Error, Result};
use super::mapping::spec::MappingSpec;
use super::mapping::{self, builtin};
use super::plan::{Bound, Plan};
use super::rows::{self, Format, Input, Options};

/// Opens a file, or a folder of files, for import. Without a mapping file the one of Salient's own
/// is taken whose columns are all there. Nothing but headers is read yet. No record may be dated
/// after `latest`.
///
/// # Errors
/// The mapping is wrong, none of Salient's own fits, or a file cannot be read or lacks a column.
pub fn open(path: &Path, mapping: Option<&Path>, latest: DateTime<Utc>) -> Result<Plan> {
    let input = Input::at(path);
    let mapping = match mapping {
        Some(mapping) => mapping::load(mapping)?,
        None => recognise(&input)?,
    };
    if mapping.tables.len() > 1 && !path.is_dir() {
        let problem =
            format!("mapping {:?} is about several files; give the folder that they are in", mapping.name);
        return Err(Error::unreadable(path, problem));
    }
    planned(&input, mapping, latest)
}

/// Opens one file that is open already, and has only a name. Without the text of a mapping the one
/// of Salient's own is taken whose columns are all there. No record may be dated after `latest`.
///
/// # Errors
/// The mapping is wrong or about several files, the file is not of the `format`, or it lacks a
/// column.
pub fn open_file(
    name: &str,
    file: File,
    format: Option<Format>,
    mapping: Option<&str>,
    latest: DateTime<Utc>,
) -> Result<Plan> {
    let input = Input::open(name, file);
    let found = rows::format_of(&input)?;
    if let Some(declared) = format.filter(|declared| *declared != found) {
        let problem = format!("{declared:?} is declared, and it begins like {found:?}");
        return Err(Error::unreadable(&input.path, problem));
    }
    let mapping = match mapping {
        Some(text) => mapping_of_one_file(text)?,
        None => recognise(&input)?,
    };
    planned(&input, mapping, latest)
}

/// What an open file is, told by its first bytes.
///
/// # Errors
/// It is empty, or none of the formats.
pub fn format_of(file: File) -> Result<Format> {
    rows::format_of(&Input::open("the file", file))
}

/// Checks the text of a mapping for [`open_file`].
///
/// # Errors
/// What is wrong with it, and where.
pub fn check_mapping(text: &str) -> Result<()> {
    mapping_of_one_file(text).map(|_| ())
}

fn mapping_of_one_file(text: &str) -> Result<MappingSpec> {
    let mapping = mapping::parse("mapping", text)?;
    if !is_of_one_file(&mapping) {
        return Err(Error::Mapping {
            mapping: mapping.name,
            at: "table".to_owned(),
            problem: "one [[table]] without joins is accepted: a transfer is one file".to_owned(),
        });
    }
    Ok(mapping)
}

fn is_of_one_file(mapping: &MappingSpec) -> bool {
    mapping.tables.len() == 1 && mapping.tables[0].joins.is_empty()
}

/// Finds the mapping whose columns are all there.
fn recognise(input: &Input) -> Result<MappingSpec> {
    let path = &input.path;
    let is_folder = !input.is_alone() && path.is_dir();
    let suits = |mapping: &MappingSpec| match input.is_alone() {
        true => is_of_one_file(mapping),
        false => mapping.tables.iter().all(|table| table.file.is_some()) == is_folder,
    };
    let fits = |mapping: &MappingSpec| suits(mapping) && tables(input, mapping).is_ok();
    if let Some(mapping) = builtin::all()?.into_iter().find(fits) {
        return Ok(mapping);
    }
    let (what, found) = if is_folder {
        let files = std::fs::read_dir(path).map_err(|source| Error::io(path, source))?;
        let mut names: Vec<String> =
            files.filter_map(|file| Some(file.ok()?.file_name().to_string_lossy().into_owned())).collect();
        names.sort_unstable();
        ("files", names)
    } else {
        ("columns", rows::header(input, &Options::default())?)
    };
    Err(Error::NoMapping { path: path.clone(), known: builtin::names(), what, found })
}

fn tables(input: &Input, mapping: &MappingSpec) -> Result<Vec<Bound>> {
    mapping.tables.iter().map(|table| Bound::new(input, &mapping.name, table)).collect()
}

fn planned(input: &Input, mapping: MappingSpec, latest: DateTime<Utc>) -> Result<Plan> {
    let tables = tables(input, &mapping)?;
    Ok(Plan::of_files(mapping, tables, latest))
}
