//! A vocabulary of variables that are known only at run time.

use std::marker::PhantomData;

use crate::{
    Failure, Given, Resolved, Subject, Type, Value, Vocabulary, Words, is_slip, nearest,
    vocabulary::{FUNCTIONS, Function},
};

/// Variables with their types, known at run time; each may be missing on a subject.
///
/// A name becomes the position of its column. A comparison with a variable that is missing fails
/// with [`Failure::Missing`], and `has(name)` tells whether it is there. A name with points
/// (`account.country`) is written with them.
#[derive(Clone, Debug, Default)]
pub struct Columns(Vec<(String, Type)>);

impl Columns {
    /// Takes the columns in this order. They are of [`Type::Bool`], [`Type::Int`],
    /// [`Type::Double`] or [`Type::Text`]; one of another type is always missing. Of a name that
    /// comes twice the first is meant.
    pub fn new(columns: impl IntoIterator<Item = (String, Type)>) -> Self {
        Self(columns.into_iter().collect())
    }

    /// A subject, from what it has in each column; none if it is missing. A value that is not of
    /// the column's type is missing as well.
    pub fn row<'v, F: Fn(usize) -> Option<Value<'v>>>(&self, answer: F) -> Row<'_, 'v, F> {
        Row { columns: &self.0, answer, values: PhantomData }
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|(known, _)| known == name)
    }

    fn refusal<T>(&self, name: &str) -> Result<T, String> {
        Err(format!("`{name}` is not known; {}", self.unknown(name)))
    }
}

impl Vocabulary for Columns {
    type Name = usize;

    const WORDS: Words = Words {
        subject: "a subject",
        elements: "elements in a list",
        has: "variables, as in `has(x)`",
        fields: "nothing here has",
    };

    fn variable(&self, path: &[&str]) -> Resolved<(usize, Type)> {
        let name = path.join(".");
        match self.position(&name) {
            Some(position) => Ok(Some((position, self.0[position].1))),
            None if path.len() > 1 && self.position(path[0]).is_none() => self.refusal(&name),
            None => Ok(None),
        }
    }

    fn function(&self, name: &str, _given: usize) -> Resolved<Function<usize>> {
        match self.position(name) {
            Some(_) => Err(format!("`{name}` is a variable; it is written without brackets")),
            None => Ok(None),
        }
    }

    fn has(&self, path: &[&str]) -> Resolved<usize> {
        let name = path.join(".");
        self.position(&name).map_or_else(|| self.refusal(&name), |position| Ok(Some(position)))
    }

    fn unknown(&self, name: &str) -> String {
        let columns = || self.0.iter().map(|(known, _)| known.as_str());
        let mut meant = nearest(name, columns().chain(FUNCTIONS));
        meant.retain(|known| is_slip(name, known));
        let quoted = |names: &[&str]| names.iter().map(|known| format!("`{known}`")).collect::<Vec<_>>();
        match (quoted(&meant).as_slice(), quoted(&nearest(name, columns())).as_slice()) {
            ([], []) => "no variable is known".to_owned(),
            ([], nearest) => format!("nearest to it are {}", nearest.join(", ")),
            ([meant], _) => format!("did you mean {meant}?"),
            ([before @ .., last], _) => format!("did you mean {} or {last}?", before.join(", ")),
        }
    }
}

/// A subject whose variables are [`Columns`]; made by [`Columns::row`].
#[derive(Clone, Copy, Debug)]
pub struct Row<'c, 'v, F> {
    columns: &'c [(String, Type)],
    answer: F,
    values: PhantomData<Value<'v>>,
}

impl<'v, F: Fn(usize) -> Option<Value<'v>>> Row<'_, 'v, F> {
    fn get(&self, position: usize) -> Option<Value<'v>> {
        let (_, kind) = self.columns.get(position)?;
        (self.answer)(position).filter(|value| {
            matches!(
                (kind, value),
                (Type::Bool, Value::Bool(_))
                    | (Type::Int, Value::Int(_))
                    | (Type::Double, Value::Double(_))
                    | (Type::Text, Value::Text(_))
            )
        })
    }
}

impl<'r, F: Fn(usize) -> Option<Value<'r>>> Subject<usize> for Row<'_, 'r, F> {
    fn value<'v>(&'v self, name: &'v usize, _given: Given<'_>) -> Result<Value<'v>, Failure> {
        self.get(*name).ok_or_else(|| {
            let column = self.columns.get(*name);
            Failure::Missing(column.map(|(name, _)| name.clone()).unwrap_or_default())
        })
    }

    fn has(&self, name: &usize) -> bool {
        self.get(*name).is_some()
    }
}
