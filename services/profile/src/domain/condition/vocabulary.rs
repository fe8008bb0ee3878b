//! What a condition may speak of, for the language.

use salient_condition::{
    Argument as Taken, Function as Called, Resolved, Type, Vocabulary, Words, is_slip, nearest,
};
use salient_proto::profile::v1::{interaction, order};

use super::{
    Scope,
    names::{Argument, FIELDS, FUNCTIONS, Fact, Function, Name, VARIABLES},
};

/// What a condition of this scope may speak of.
pub(super) struct Names(pub(super) Scope);

impl Vocabulary for Names {
    type Name = Name;

    const WORDS: Words = Words {
        subject: "an account",
        elements: "products",
        has: "attributes, as in `has(account.attributes.x)`",
        fields: "an account and its attributes have",
    };

    fn variable(&self, path: &[&str]) -> Resolved<(Name, Type)> {
        match path {
            ["stage"] if self.0 == Scope::Stage => {
                Err("`stage` is not known while the stage itself is decided".into())
            }
            ["account"] => Err("`account` is looked into, as in `account.country`".into()),
            [name] => match (variable(VARIABLES, name), function(name)) {
                (None, Some(function)) => {
                    Err(format!("`{name}` is a function; {} is accepted", function.signature()))
                }
                (variable, _) => Ok(variable),
            },
            ["account", field] => match variable(FIELDS, field) {
                None => {
                    let known: Vec<&str> = FIELDS.iter().map(|(known, ..)| *known).collect();
                    let known = known.join(", ");
                    Err(format!(
                        "an account has no field `{field}`; it has {known}, and `account.attributes.{field}`"
                    ))
                }
                field => Ok(field),
            },
            _ => Ok(None),
        }
    }

    fn function(&self, name: &str, given: usize) -> Resolved<Called<Name>> {
        let Some(function) = function(name) else { return Ok(None) };
        let wanted = function.arguments.len();
        let windowed = function.windowed && given == wanted + 1;
        if given != wanted && !windowed {
            return Err(format!("{} is accepted", function.signature()));
        }
        Ok(Some(Called {
            name: Name::new(function.fact, function.is_timed(windowed)),
            about: function.arguments.iter().find_map(|argument| taken(*argument)),
            days: windowed || function.arguments.contains(&Argument::Days),
            result: function.result,
        }))
    }

    fn has(&self, path: &[&str]) -> Resolved<Name> {
        match path {
            ["account", _] => Err(format!("`has` is asked of {}", Self::WORDS.has)),
            _ => Ok(None),
        }
    }

    fn unknown(&self, name: &str) -> String {
        let variables = VARIABLES.iter().map(|(known, ..)| *known);
        let functions = FUNCTIONS.iter().map(|function| function.name);
        let known: Vec<&str> = variables.chain(functions).chain(["account", "has", "size"]).collect();
        let meant = nearest(name, known.iter().copied()).into_iter().next();
        meant.filter(|known| is_slip(name, known)).map_or_else(
            || format!("known are {}", known.join(", ")),
            |known| format!("did you mean `{known}`?"),
        )
    }
}

fn variable(known: &[(&str, Type, Fact, &str)], name: &str) -> Option<(Name, Type)> {
    let (_, kind, fact, _) = known.iter().find(|(known, ..)| *known == name)?;
    Some((Name::new(*fact, *fact == Fact::AgeDays), *kind))
}

fn function(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// What the language is to take as this argument; the days it takes by itself.
fn taken(argument: Argument) -> Option<Taken<Name>> {
    match argument {
        Argument::Days => None,
        Argument::Product => Some(Taken::Text("a product's id")),
        Argument::Metric => Some(Taken::Text("a metric")),
        Argument::Currency => Some(Taken::Written(currency)),
        Argument::Origin => Some(Taken::Written(origin)),
        Argument::Interaction => Some(Taken::Written(interaction)),
    }
}

fn currency(name: &mut Name, text: Option<&str>) -> Result<(), String> {
    let is_code = |code: &&str| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    let accepted = "a currency code that is written out, like \"GBP\", is accepted";
    text.filter(is_code).ok_or(accepted)?.clone_into(&mut name.currency);
    Ok(())
}

/// An origin of orders by its name.
fn origin(name: &mut Name, text: Option<&str>) -> Result<(), String> {
    let known = (1..).map_while(|number| order::Origin::try_from(number).ok());
    let known = known.map(|origin| (lower(origin.as_str_name(), "ORIGIN_"), Some(origin as i32)));
    let unknown = ("unknown".to_owned(), Some(order::Origin::Unspecified as i32));
    name.code = one_of(text, known.chain([unknown]))?;
    Ok(())
}

/// A kind of interactions by its name; none is any.
fn interaction(name: &mut Name, text: Option<&str>) -> Result<(), String> {
    let known = (1..).map_while(|number| interaction::Kind::try_from(number).ok());
    let known = known.map(|kind| (lower(kind.as_str_name(), "KIND_"), Some(kind as i32)));
    name.code = one_of(text, known.chain([("any".to_owned(), None)]))?;
    Ok(())
}

/// The name of an enum's value in lower case, without its prefix.
fn lower(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase()
}

fn one_of(
    text: Option<&str>,
    known: impl Iterator<Item = (String, Option<i32>)>,
) -> Result<Option<i32>, String> {
    let known: Vec<(String, Option<i32>)> = known.collect();
    let names: Vec<String> = known.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    let accepted = format!("{} are accepted", names.join(", "));
    let Some(text) = text else { return Err(accepted) };
    match known.iter().find(|(name, _)| name == text) {
        Some((_, code)) => Ok(*code),
        None => Err(format!("\"{text}\" is not known; {accepted}")),
    }
}
