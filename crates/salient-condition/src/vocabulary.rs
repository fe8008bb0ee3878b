//! What a text may speak of, and who answers it.

use std::fmt::Debug;

use crate::{Failure, Type, Value};

/// What a vocabulary makes of a name: what it stands for; none if it is not known; or what is told
/// to someone who writes it like this, as in "`orders` is a function; orders() -> int is accepted".
pub type Resolved<T> = Result<Option<T>, String>;

/// Takes the text that is written out as the argument of a function into the function's name;
/// none if something else stands there. Refuses it with what is accepted.
pub type Written<N> = fn(&mut N, Option<&str>) -> Result<(), String>;

/// What a text may speak of. It is asked only while a text is checked.
pub trait Vocabulary {
    /// What a name becomes: small, because it stands in the tree, and ready to be answered.
    type Name: Clone + Debug + Send + Sync;

    /// How refusals speak of this vocabulary.
    const WORDS: Words;

    /// The variable that is written like this, and its type: `["stage"]` is `stage`,
    /// `["account", "country"]` is `account.country`. A path that is not known but looks into
    /// something that is (`account.attributes.x`) is none. One variable may be of [`Type::Map`];
    /// the subject's entries are its.
    ///
    /// # Errors
    /// What to tell of a path that is written wrongly.
    fn variable(&self, path: &[&str]) -> Resolved<(Self::Name, Type)>;

    /// The function of this name, when `given` arguments stand in its brackets.
    ///
    /// # Errors
    /// What to tell of a function that takes another number of arguments.
    fn function(&self, _name: &str, _given: usize) -> Resolved<Function<Self::Name>> {
        Ok(None)
    }

    /// The variable whose being there `has` asks for; none if it is none of those that may be
    /// missing. Entries of the map need no answer.
    ///
    /// # Errors
    /// What to tell of a path of which `has` cannot be asked.
    fn has(&self, _path: &[&str]) -> Resolved<Self::Name> {
        Ok(None)
    }

    /// What to tell of a name that is not known, after "`name` is not known; ".
    fn unknown(&self, name: &str) -> String;
}

/// How refusals speak of a vocabulary.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// A subject, as in "an account".
    pub subject: &'static str,
    /// What its lists hold, as in "products".
    pub elements: &'static str,
    /// What `has` is asked of, as in "attributes, as in `has(account.attributes.x)`".
    pub has: &'static str,
    /// What can be looked into, as in "an account and its attributes have".
    pub fields: &'static str,
}

/// A function, as it is called.
#[derive(Clone, Debug)]
pub struct Function<N> {
    /// What it becomes.
    pub name: N,
    /// What stands first in its brackets, if something does.
    pub about: Option<Argument<N>>,
    /// Whether a number of days stands there, behind it.
    pub days: bool,
    /// The type of its result.
    pub result: Type,
}

/// What a function takes.
#[derive(Clone, Copy, Debug)]
pub enum Argument<N> {
    /// Any text, and what it is, as in "a product's id".
    Text(&'static str),
    /// A text that is written out.
    Written(Written<N>),
}

/// What stands in the brackets of a call, for the subject.
#[derive(Clone, Copy, Debug, Default)]
pub struct Given<'g> {
    /// The text; empty if the function takes none.
    pub text: &'g str,
    /// The days, if they are given.
    pub days: Option<i64>,
}

/// The answers about one subject; `N` is what the vocabulary made of names. It is asked while the
/// tree is walked.
pub trait Subject<N> {
    /// What a variable or a call is. It has the type that the vocabulary promised; a value of
    /// another type is undefined, but does no harm. A variable of [`Type::Map`] is not asked for.
    ///
    /// # Errors
    /// [`Failure::Missing`] if it is not there.
    fn value<'v>(&'v self, name: &'v N, given: Given<'_>) -> Result<Value<'v>, Failure>;

    /// Whether the variable is there, if `has` may be asked of it.
    fn has(&self, name: &N) -> bool {
        self.value(name, Given::default()).is_ok()
    }

    /// Steps that a call takes beyond those of every call.
    fn effort(&self, _name: &N) -> usize {
        0
    }

    /// An entry of the map.
    fn entry(&self, _key: &str) -> Option<&str> {
        None
    }

    /// The keys of the map's entries.
    fn keys(&self) -> impl ExactSizeIterator<Item = &str> {
        std::iter::empty()
    }
}

/// The functions that the language brings, called by their name alone.
pub(crate) const FUNCTIONS: [&str; 5] = ["has", "size", "int", "double", "string"];

/// What the language itself brings: how it is written, and what it is. `named` is what `has` is
/// asked of, as in "attribute".
pub fn language(named: &str) -> Vec<(String, String)> {
    let has = format!("Whether the {named} is there.");
    let lines = [
        ("&& || ! ?: == != < <= > >= + - * / % in []", "Operators, as in CEL."),
        ("has(field) -> bool", &has),
        ("size(text or list or map) -> int", "Its length."),
        ("int(number or text) -> int", "A whole number; what cannot be one fails."),
        ("double(number or text) -> double", "A number; what cannot be one fails."),
        ("string(anything) -> string", "A text."),
        ("text.startsWith(text) -> bool", "Also endsWith, contains."),
        ("text.matches(pattern) -> bool", "Whether the RE2 pattern, written out, is found in the text."),
        ("list.exists(x, condition) -> bool", "Also all, exists_one, filter, map; of a map the keys."),
    ];
    lines.map(|(signature, what)| (signature.to_owned(), what.to_owned())).into()
}
