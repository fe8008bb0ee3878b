//! Conditions of rules: `code !~ "^[0-9]{5}" and not customer is empty`.
//!
//! | condition | holds when |
//! |---|---|
//! | `f is empty`, `f is not empty` | the field has no text, or some |
//! | `f = "A"`, `!=`, `<`, `<=`, `>`, `>=` | compared as texts, or as numbers when `f` is one |
//! | `f in ["A", "B"]` | the field's text is one of them |
//! | `f starts with "C"` | it begins so |
//! | `f ~ "regex"`, `f !~ "regex"` | the regular expression is found in it, or is not |
//! | `not c`, `c and d`, `c or d`, `( c )` | as one expects; `and` binds closer than `or` |

use std::cmp::Ordering;

use regex::bytes::Regex;

use super::field::{Field, Joined};
use super::spec::FieldType;
use crate::decimal::{Decimal, Notation};
use crate::error::Cell;

#[derive(Debug)]
pub(crate) enum Condition {
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    Empty(usize),
    Starts(usize, Vec<u8>),
    Matches(usize, Regex),
    In(usize, Vec<Vec<u8>>),
    Text(usize, Comparison, Vec<u8>),
    Number(usize, Comparison, Decimal),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

impl Condition {
    /// Reads a condition; the error says where it stops making sense and what would.
    pub(crate) fn parse(text: &str, fields: &[(String, Field)]) -> Result<Self, String> {
        let tokens = tokens(text)?;
        let mut parser = Parser { tokens: &tokens, fields };
        let condition = parser.either()?;
        match parser.tokens.first() {
            None => Ok(condition),
            Some(token) => Err(format!("{token} is too much in `{text}`; `and` or `or` may follow")),
        }
    }

    /// True when the row meets the condition; refused when a field that is needed cannot be read.
    pub(crate) fn holds(&self, fields: &[(String, Field)], row: &Joined<'_>) -> Cell<bool> {
        let text = |field: &usize| fields[*field].1.text(row);
        Ok(match self {
            Self::And(all) => {
                for condition in all {
                    if !condition.holds(fields, row)? {
                        return Ok(false);
                    }
                }
                true
            }
            Self::Or(any) => {
                for condition in any {
                    if condition.holds(fields, row)? {
                        return Ok(true);
                    }
                }
                false
            }
            Self::Not(condition) => !condition.holds(fields, row)?,
            Self::Empty(field) => text(field)?.is_empty(),
            Self::Starts(field, start) => text(field)?.starts_with(start),
            Self::Matches(field, regex) => regex.is_match(&text(field)?),
            Self::In(field, list) => {
                let text = text(field)?;
                list.iter().any(|item| *text == **item)
            }
            Self::Text(field, comparison, other) => comparison.holds((*text(field)?).cmp(other)),
            Self::Number(field, comparison, other) => {
                comparison.holds(fields[*field].1.decimal(row)?.cmp(other))
            }
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Quoted(String),
    Number(String),
    Sign(&'static str),
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Word(text) | Self::Number(text) => write!(f, "`{text}`"),
            Self::Quoted(text) => write!(f, "{text:?}"),
            Self::Sign(text) => write!(f, "`{text}`"),
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    // longer signs first
    const SIGNS: [&str; 13] = ["!=", "!~", "<=", ">=", "=", "~", "<", ">", "(", ")", "[", "]", ","];
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let taken = if first == '"' {
            let end = rest[1..].find('"').ok_or_else(|| format!("a quote is not closed in `{text}`"))?;
            tokens.push(Token::Quoted(rest[1..=end].to_owned()));
            end + 2
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            tokens.push(Token::Sign(sign));
            sign.len()
        } else {
            let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
            let end = rest.find(|c| !inside(c)).unwrap_or(rest.len());
            if end == 0 {
                return Err(format!("{first:?} means nothing in `{text}`"));
            }
            let word = rest[..end].to_owned();
            let number = first.is_ascii_digit() || first == '-';
            tokens.push(if number { Token::Number(word) } else { Token::Word(word) });
            end
        };
        rest = rest[taken..].trim_start();
    }
    Ok(tokens)
}

struct Parser<'a> {
    tokens: &'a [Token],
    fields: &'a [(String, Field)],
}

impl Parser<'_> {
    fn next(&mut self) -> Option<&Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    fn word(&mut self, word: &str) -> bool {
        let found = matches!(self.tokens.first(), Some(Token::Word(text)) if text == word);
        if found {
            self.tokens = &self.tokens[1..];
        }
        found
    }

    fn sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.tokens.first(), Some(Token::Sign(text)) if *text == sign);
        if found {
            self.tokens = &self.tokens[1..];
        }
        found
    }

    fn either(&mut self) -> Result<Condition, String> {
        let mut any = vec![self.all()?];
        while self.word("or") {
            any.push(self.all()?);
        }
        Ok(if any.len() == 1 { any.swap_remove(0) } else { Condition::Or(any) })
    }

    fn all(&mut self) -> Result<Condition, String> {
        let mut all = vec![self.one()?];
        while self.word("and") {
            all.push(self.one()?);
        }
        Ok(if all.len() == 1 { all.swap_remove(0) } else { Condition::And(all) })
    }

    fn one(&mut self) -> Result<Condition, String> {
        if self.word("not") {
            return Ok(Condition::Not(Box::new(self.one()?)));
        }
        if self.sign("(") {
            let inside = self.either()?;
            return if self.sign(")") { Ok(inside) } else { Err("`)` is missing".to_owned()) };
        }
        let field = self.field()?;
        if self.word("is") {
            let not = self.word("not");
            if !self.word("empty") {
                return Err("`empty` or `not empty` must follow `is`".to_owned());
            }
            let empty = Condition::Empty(field);
            return Ok(if not { Condition::Not(Box::new(empty)) } else { empty });
        }
        if self.word("starts") {
            if !self.word("with") {
                return Err("`with` must follow `starts`".to_owned());
            }
            return Ok(Condition::Starts(field, self.quoted()?.into_bytes()));
        }
        if self.word("in") {
            return Ok(Condition::In(field, self.list()?));
        }
        let sign =
            match self.next() {
                Some(Token::Sign(sign)) => *sign,
                _ => return Err(
                    "a comparison must follow a field: = != < <= > >= ~ !~, `in`, `is empty`, `starts with`"
                        .to_owned(),
                ),
            };
        if sign == "~" || sign == "!~" {
            let pattern = self.quoted()?;
            let regex = Regex::new(&pattern)
                .map_err(|error| format!("{pattern:?} is no regular expression: {error}"))?;
            let matches = Condition::Matches(field, regex);
            return Ok(if sign == "~" { matches } else { Condition::Not(Box::new(matches)) });
        }
        let comparison = match sign {
            "=" => Comparison::Equal,
            "!=" => Comparison::NotEqual,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            other => return Err(format!("`{other}` compares nothing")),
        };
        self.compared(field, comparison)
    }

    fn compared(&mut self, field: usize, comparison: Comparison) -> Result<Condition, String> {
        let (name, kind) = (&self.fields[field].0, self.fields[field].1.kind);
        let is_number = matches!(kind, FieldType::Integer | FieldType::Decimal);
        match self.tokens.split_first() {
            Some((Token::Number(text), rest)) if is_number => {
                self.tokens = rest;
                let number = Decimal::parse(text.as_bytes(), Notation::default());
                number
                    .map(|number| Condition::Number(field, comparison, number))
                    .ok_or_else(|| format!("`{text}` is no number"))
            }
            Some((Token::Quoted(text), rest)) if !is_number && kind != FieldType::Time => {
                self.tokens = rest;
                Ok(Condition::Text(field, comparison, text.clone().into_bytes()))
            }
            _ if is_number => Err(format!("`{name}` is a number: compare it with one, like {name} > 0")),
            _ if kind == FieldType::Time => Err(format!("`{name}` is a time: it can only be `is empty`")),
            _ => Err(format!("`{name}` is a text: compare it with one in quotes, or declare its type")),
        }
    }

    fn field(&mut self) -> Result<usize, String> {
        let fields = self.fields;
        match self.next() {
            Some(Token::Word(name)) => fields.iter().position(|(known, _)| known == name).ok_or_else(|| {
                let known: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
                format!("`{name}` is no field; fields are: {}", known.join(", "))
            }),
            Some(token) => Err(format!("a field's name is expected, not {token}")),
            None => Err("the condition ends too early".to_owned()),
        }
    }

    fn quoted(&mut self) -> Result<String, String> {
        match self.next() {
            Some(Token::Quoted(text)) => Ok(text.clone()),
            _ => Err("a text in quotes is expected".to_owned()),
        }
    }

    fn list(&mut self) -> Result<Vec<Vec<u8>>, String> {
        if !self.sign("[") {
            return Err("a list like [\"A\", \"B\"] must follow `in`".to_owned());
        }
        let mut list = vec![self.quoted()?.into_bytes()];
        while self.sign(",") {
            list.push(self.quoted()?.into_bytes());
        }
        if self.sign("]") { Ok(list) } else { Err("`]` is missing".to_owned()) }
    }
}
