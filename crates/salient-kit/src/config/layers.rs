//! The three layers over the defaults, each knowing where its keys came from.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use figment::{
    providers::{Format, Toml},
    value::{Dict, Value},
};

use super::{Problem, read, variable_prefix};

/// Where a key was set.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    Default,
    File(PathBuf),
    Variable(String),
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the defaults"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Flag(key) => write!(f, "flag --set {key}"),
        }
    }
}

/// One layer: a tree of values, and the origin of each key that was set by itself.
pub(super) struct Layer {
    values: Dict,
    file: Option<PathBuf>,
    set: Vec<(Vec<String>, Origin)>,
}

impl Layer {
    pub(super) fn file(path: &Path) -> Result<Self, Problem> {
        let text = read(path)?;
        let values = Toml::from_str::<Dict>(&text).map_err(|error| {
            Problem::plain(format!("{} is not valid TOML: {}", path.display(), error.to_string().trim_end()))
        })?;
        Ok(Self { values, file: Some(path.to_owned()), set: Vec::new() })
    }

    pub(super) fn environment(
        service: &str,
        variables: impl IntoIterator<Item = (String, String)>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let prefix = variable_prefix(service);
        let mut layer = Self { values: Dict::new(), file: None, set: Vec::new() };
        let mut ours: Vec<_> = variables
            .into_iter()
            // charts set what is not given to nothing
            .filter(|(name, value)| name.starts_with(&prefix) && !value.is_empty())
            .collect();
        ours.sort();
        for (name, value) in ours {
            let path = name[prefix.len()..].to_lowercase().split("__").map(str::to_owned).collect();
            layer.insert(path, &value, Origin::Variable(name), problems);
        }
        layer
    }

    pub(super) fn flags(flags: &[String], problems: &mut Vec<Problem>) -> Self {
        let mut layer = Self { values: Dict::new(), file: None, set: Vec::new() };
        for flag in flags {
            let Some((key, value)) = flag.split_once('=') else {
                problems.push(Problem::plain(format!(
                    "--set {flag}: expected SECTION.KEY=VALUE, for example --set server.max_in_flight=512"
                )));
                continue;
            };
            let path = key.trim().split('.').map(str::to_owned).collect();
            layer.insert(path, value, Origin::Flag(key.trim().to_owned()), problems);
        }
        layer
    }

    pub(super) fn values(&self) -> &Dict {
        &self.values
    }

    /// Where `path`, or what contains it, was set by this layer.
    pub(super) fn origin_of(&self, path: &[String]) -> Option<Origin> {
        if let Some(file) = &self.file {
            return contains(&self.values, path).then(|| Origin::File(file.clone()));
        }
        // the last one wins, as it does for the value
        self.set
            .iter()
            .rev()
            .find(|(set, _)| path.starts_with(set) || set.starts_with(path))
            .map(|(_, origin)| origin.clone())
    }

    /// Removes `path` or the list that contains it; false if this layer does not have it.
    pub(super) fn remove(&mut self, path: &[String]) -> bool {
        remove(&mut self.values, path)
    }

    fn insert(&mut self, path: Vec<String>, raw: &str, origin: Origin, problems: &mut Vec<Problem>) {
        if path.iter().any(String::is_empty) {
            problems.push(Problem::plain(format!("{origin}: a part of the key is empty")));
            return;
        }
        put(&mut self.values, &path, parse(raw));
        self.set.push((path, origin));
    }
}

/// Only lists and tables are parsed: everything else stays text, so that a secret of digits
/// stays a secret; the field's type turns text into numbers and booleans.
fn parse(raw: &str) -> Value {
    let raw = raw.trim();
    let structured = raw.starts_with(['[', '{']);
    match raw.parse() {
        Ok(value) if structured => value,
        _ => Value::from(raw),
    }
}

fn put(dict: &mut Dict, path: &[String], value: Value) {
    let Some((head, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        dict.insert(head.clone(), value);
        return;
    }
    let child = dict.entry(head.clone()).or_insert_with(|| Value::from(Dict::new()));
    if !matches!(child, Value::Dict(..)) {
        *child = Value::from(Dict::new());
    }
    if let Value::Dict(_, dict) = child {
        put(dict, rest, value);
    }
}

fn contains(dict: &Dict, path: &[String]) -> bool {
    match path.split_first() {
        None => true,
        Some((head, rest)) => match dict.get(head) {
            Some(Value::Dict(_, child)) => contains(child, rest),
            Some(_) => true,
            None => false,
        },
    }
}

fn remove(dict: &mut Dict, path: &[String]) -> bool {
    let Some((head, rest)) = path.split_first() else { return false };
    match dict.get_mut(head) {
        None => false,
        Some(Value::Dict(_, child)) if !rest.is_empty() => remove(child, rest),
        Some(_) => dict.remove(head).is_some(),
    }
}
