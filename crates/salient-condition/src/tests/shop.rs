//! A vocabulary with something of everything.

use crate::{Argument, Failure, Function, Given, Resolved, Subject, Type, Value, Vocabulary, Words};

/// What the names of the shop become.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Name {
    Title,
    Stock,
    Price,
    Parts,
    Colour,
    Extras,
    /// Sold in the last days.
    Sold,
    /// Whether it is a part, known for so many days.
    HasPart,
    Rate(String),
}

#[derive(Clone, Copy)]
pub(super) struct Shop;

fn currency(name: &mut Name, text: Option<&str>) -> Result<(), String> {
    let known = text.filter(|text| ["EUR", "GBP"].contains(text));
    *name = Name::Rate(known.ok_or("\"EUR\", \"GBP\" are accepted")?.to_owned());
    Ok(())
}

impl Vocabulary for Shop {
    type Name = Name;

    const WORDS: Words = Words {
        subject: "an item",
        elements: "parts",
        has: "extras, as in `has(item.extras.x)`",
        fields: "an item and its extras have",
    };

    fn variable(&self, path: &[&str]) -> Resolved<(Name, Type)> {
        Ok(Some(match path {
            ["title"] => (Name::Title, Type::Text),
            ["stock"] => (Name::Stock, Type::Int),
            ["price"] => (Name::Price, Type::Double),
            ["parts"] => (Name::Parts, Type::Texts),
            ["item", "colour"] => (Name::Colour, Type::Text),
            ["item", "extras"] => (Name::Extras, Type::Map),
            ["item"] => return Err("`item` is looked into".into()),
            ["item", field] => return Err(format!("an item has no field `{field}`")),
            _ => return Ok(None),
        }))
    }

    fn function(&self, name: &str, given: usize) -> Resolved<Function<Name>> {
        Ok(Some(match (name, given) {
            ("sold", 0 | 1) => {
                Function { name: Name::Sold, about: None, days: given == 1, result: Type::Int }
            }
            ("has_part", 1 | 2) => {
                let about = Some(Argument::Text("a part"));
                Function { name: Name::HasPart, about, days: given == 2, result: Type::Bool }
            }
            ("rate", 1) => {
                let (name, about) = (Name::Rate(String::new()), Some(Argument::Written(currency)));
                Function { name, about, days: false, result: Type::Double }
            }
            ("sold", _) => return Err("sold([days: int]) -> int is accepted".into()),
            _ => return Ok(None),
        }))
    }

    fn unknown(&self, _name: &str) -> String {
        "look around".into()
    }
}

/// An item whose title is "Lamp", and whose parts are these.
pub(super) struct Item(pub(super) Vec<String>);

impl Item {
    pub(super) fn lamp() -> Self {
        Self(vec!["bulb".into(), "cable".into()])
    }
}

impl Subject<Name> for Item {
    fn value<'v>(&'v self, name: &'v Name, given: Given<'_>) -> Result<Value<'v>, Failure> {
        Ok(match name {
            Name::Title => Value::from("Lamp"),
            Name::Stock => Value::Int(3),
            Name::Price => Value::Double(2.5),
            Name::Parts => Value::List(self.0.iter().map(|part| Value::from(part.as_str())).collect()),
            Name::Colour => Value::from("red"),
            Name::Extras => Value::List(Vec::new()),
            Name::Sold => Value::Int(given.days.map_or(100, |days| days * 2)),
            Name::HasPart => Value::Bool(
                given.days.is_none_or(|days| days > 5) && self.0.iter().any(|part| part == given.text),
            ),
            Name::Rate(currency) => Value::Double(if currency == "EUR" { 1.0 } else { 0.8 }),
        })
    }

    fn effort(&self, name: &Name) -> usize {
        if *name == Name::HasPart { self.0.len() / 64 } else { 0 }
    }

    fn entry(&self, key: &str) -> Option<&str> {
        (key == "size").then_some("L")
    }

    fn keys(&self) -> impl ExactSizeIterator<Item = &str> {
        ["size"].into_iter()
    }
}
