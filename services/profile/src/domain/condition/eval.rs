//! Walking a checked condition over the facts of an account.

use std::{borrow::Cow, fmt};

use salient_proto::profile::v1::order;

use super::{
    STEPS, Type,
    names::{Fact, Variable},
    node::{Arithmetic, Call, Comparison, Macro, Node, TextTest},
};
use crate::domain::facts::{Facts, Window};

/// What a condition is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'f> {
    /// The account's resource name.
    pub name: &'f str,
    /// What is known of it.
    pub facts: &'f Facts,
    /// Today, counted from 1970-01-01.
    pub today: i32,
    /// The stage of its journey.
    pub stage: &'f str,
}

/// Why a condition has no answer for an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The account has no such attribute.
    NoAttribute(String),
    /// A list has no such element.
    NoElement(i64),
    /// A division by zero.
    ByZero,
    /// A whole number beyond 64 bits.
    Overflow,
    /// A text that is no number.
    NoNumber(String),
    /// It ran too long.
    TooLong,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAttribute(name) => write!(f, "the account has no attribute {name:?}"),
            Self::NoElement(index) => write!(f, "the list has no element {index}"),
            Self::ByZero => f.write_str("division by zero"),
            Self::Overflow => f.write_str("a number that is too large"),
            Self::NoNumber(text) => write!(f, "{text:?} is no number"),
            Self::TooLong => write!(f, "more than {STEPS} steps"),
        }
    }
}

type Answer<T> = Result<T, Failure>;

#[derive(Clone, Debug, PartialEq)]
enum Value<'f> {
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Cow<'f, str>),
    List(Vec<Value<'f>>),
}

/// Whether the condition holds.
pub(super) fn holds<'v>(node: &'v Node, subject: Subject<'v>) -> Answer<bool> {
    Walk { subject, steps: STEPS, locals: Vec::new() }.truth(node)
}

struct Walk<'v> {
    subject: Subject<'v>,
    steps: u64,
    locals: Vec<Value<'v>>,
}

/// The check has made sure of every type; where an arm says "cannot be" it would take a defect
/// there to come to it, and the answer is then the emptiest of the type.
impl<'v> Walk<'v> {
    fn spend(&mut self, steps: usize) -> Answer<()> {
        let left = self.steps.checked_sub(steps as u64);
        self.steps = left.unwrap_or_default();
        left.map(drop).ok_or(Failure::TooLong)
    }

    fn truth(&mut self, node: &'v Node) -> Answer<bool> {
        Ok(self.value(node)? == Value::Bool(true))
    }

    fn number(&mut self, node: &'v Node) -> Answer<i64> {
        match self.value(node)? {
            Value::Int(number) => Ok(number),
            _ => Ok(0), // cannot be
        }
    }

    fn text(&mut self, node: &'v Node) -> Answer<Cow<'v, str>> {
        match self.value(node)? {
            Value::Text(text) => {
                self.spend(text.len() / 64)?;
                Ok(text)
            }
            _ => Ok(Cow::Borrowed("")), // cannot be
        }
    }

    /// A list; of a map its keys.
    fn list(&mut self, node: &'v Node) -> Answer<Vec<Value<'v>>> {
        let list = match node {
            Node::Variable(Variable::Attributes) => {
                self.subject.facts.attributes.keys().map(|key| text(key)).collect()
            }
            _ => match self.value(node)? {
                Value::List(list) => list,
                _ => Vec::new(), // cannot be
            },
        };
        self.spend(list.len() / 8)?;
        Ok(list)
    }

    fn value(&mut self, node: &'v Node) -> Answer<Value<'v>> {
        self.spend(1)?;
        Ok(match node {
            Node::Bool(value) => Value::Bool(*value),
            Node::Int(value) => Value::Int(*value),
            Node::Double(value) => Value::Double(*value),
            Node::Text(value) => text(value),
            Node::List(nodes) => {
                Value::List(nodes.iter().map(|node| self.value(node)).collect::<Answer<_>>()?)
            }
            Node::Variable(variable) => self.variable(*variable),
            Node::Local(position) => self.locals[*position].clone(),
            Node::Fact(call) => self.fact(call)?,
            Node::Attribute(key) => {
                let key = self.text(key)?;
                match self.subject.facts.attributes.get(key.as_ref()) {
                    Some(value) => text(value),
                    None => return Err(Failure::NoAttribute(key.into_owned())),
                }
            }
            Node::HasAttribute(name) => Value::Bool(self.subject.facts.attributes.contains_key(name)),
            Node::Not(node) => Value::Bool(!self.truth(node)?),
            Node::Negate(node) => match self.value(node)? {
                Value::Int(number) => Value::Int(number.checked_neg().ok_or(Failure::Overflow)?),
                Value::Double(number) => Value::Double(-number),
                other => other,
            },
            Node::And(both) => Value::Bool(self.junction(both, false)?),
            Node::Or(both) => Value::Bool(self.junction(both, true)?),
            Node::Choice(nodes) => {
                let chosen = if self.truth(&nodes[0])? { &nodes[1] } else { &nodes[2] };
                self.value(chosen)?
            }
            Node::Compare(comparison, both) => {
                let (left, right) = (self.value(&both[0])?, self.value(&both[1])?);
                Value::Bool(compare(*comparison, &left, &right))
            }
            Node::Arithmetic(operation, both) => {
                let (left, right) = (self.value(&both[0])?, self.value(&both[1])?);
                self.arithmetic(*operation, left, right)?
            }
            Node::In(both) => {
                let (value, list) = (self.value(&both[0])?, self.list(&both[1])?);
                self.spend(list.len())?;
                Value::Bool(list.iter().any(|other| compare(Comparison::Eq, &value, other)))
            }
            Node::Index(both) => {
                let (mut list, index) = (self.list(&both[0])?, self.number(&both[1])?);
                match usize::try_from(index).ok().filter(|index| *index < list.len()) {
                    Some(index) => list.swap_remove(index),
                    None => return Err(Failure::NoElement(index)),
                }
            }
            Node::Test(test, both) => {
                let (whole, part) = (self.text(&both[0])?, self.text(&both[1])?);
                Value::Bool(match test {
                    TextTest::StartsWith => whole.starts_with(part.as_ref()),
                    TextTest::EndsWith => whole.ends_with(part.as_ref()),
                    TextTest::Contains => whole.contains(part.as_ref()),
                })
            }
            Node::Matches(pattern, node) => Value::Bool(pattern.is_match(&self.text(node)?)),
            Node::Size(node) => Value::Int(match node.as_ref() {
                Node::Variable(Variable::Attributes) => self.subject.facts.attributes.len() as i64,
                _ => match self.value(node)? {
                    Value::List(list) => list.len() as i64,
                    Value::Text(text) => text.chars().count() as i64,
                    _ => 0, // cannot be
                },
            }),
            Node::Convert(into, node) => convert(*into, self.value(node)?)?,
            Node::Each(each, nodes) => self.each(*each, nodes)?,
        })
    }

    /// `&&` (decided by false) and `||` (decided by true): what decides wins over a failure.
    fn junction(&mut self, both: &'v [Node; 2], decides: bool) -> Answer<bool> {
        let left = self.truth(&both[0]);
        if left == Ok(decides) {
            return left;
        }
        let right = self.truth(&both[1]);
        if right == Ok(decides) { right } else { left.and(right) }
    }

    fn each(&mut self, each: Macro, nodes: &'v [Node; 2]) -> Answer<Value<'v>> {
        let list = self.list(&nodes[0])?;
        let mut failed = None;
        let mut found = Vec::new();
        let mut count = 0;
        for element in list {
            self.spend(1)?;
            self.locals.push(element);
            let answer = self.value(&nodes[1]);
            let element = self.locals.pop();
            match (each, answer) {
                (_, Err(Failure::TooLong)) => return Err(Failure::TooLong),
                (Macro::All, Ok(Value::Bool(false))) => return Ok(Value::Bool(false)),
                (Macro::Exists, Ok(Value::Bool(true))) => return Ok(Value::Bool(true)),
                (Macro::All | Macro::Exists, Err(failure)) => failed = Some(failure),
                (_, Err(failure)) => return Err(failure),
                (Macro::ExistsOne, Ok(Value::Bool(true))) => count += 1,
                (Macro::Filter, Ok(Value::Bool(true))) => found.extend(element),
                (Macro::Map, Ok(value)) => found.push(value),
                (_, Ok(_)) => {}
            }
        }
        match (each, failed) {
            (_, Some(failure)) => Err(failure),
            (Macro::All, None) => Ok(Value::Bool(true)),
            (Macro::Exists, None) => Ok(Value::Bool(false)),
            (Macro::ExistsOne, None) => Ok(Value::Bool(count == 1)),
            (Macro::Filter | Macro::Map, None) => Ok(Value::List(found)),
        }
    }

    fn arithmetic(&mut self, operation: Arithmetic, left: Value<'v>, right: Value<'v>) -> Answer<Value<'v>> {
        Ok(match (left, right) {
            (Value::Int(a), Value::Int(b)) => {
                let result = match operation {
                    Arithmetic::Add => a.checked_add(b),
                    Arithmetic::Subtract => a.checked_sub(b),
                    Arithmetic::Multiply => a.checked_mul(b),
                    Arithmetic::Divide | Arithmetic::Remainder if b == 0 => return Err(Failure::ByZero),
                    Arithmetic::Divide => a.checked_div(b),
                    Arithmetic::Remainder => a.checked_rem(b),
                };
                Value::Int(result.ok_or(Failure::Overflow)?)
            }
            (Value::Double(a), Value::Double(b)) => Value::Double(match operation {
                Arithmetic::Add => a + b,
                Arithmetic::Subtract => a - b,
                Arithmetic::Multiply => a * b,
                Arithmetic::Divide => a / b,
                Arithmetic::Remainder => a % b, // cannot be
            }),
            (Value::Text(a), Value::Text(b)) => {
                self.spend((a.len() + b.len()) / 64)?;
                Value::Text(a + b)
            }
            (Value::List(mut a), Value::List(b)) => {
                self.spend(a.len() + b.len())?;
                a.extend(b);
                Value::List(a)
            }
            (left, _) => left, // cannot be
        })
    }

    fn variable(&mut self, variable: Variable) -> Value<'v> {
        let Subject { name, facts, today, stage } = self.subject;
        match variable {
            Variable::Name => text(name),
            Variable::DisplayName => text(&facts.display_name),
            Variable::Territory => text(&facts.territory),
            Variable::Country => text(&facts.country),
            Variable::Industry => text(&facts.industry),
            Variable::Source => text(&facts.source),
            Variable::SourceId => text(&facts.source_id),
            Variable::AgeDays => Value::Int(i64::from(today) - i64::from(facts.create_day)),
            Variable::Contacts => Value::Int(facts.contacts.into()),
            Variable::Products => {
                Value::List(facts.products.iter().map(|bought| text(&bought.product)).collect())
            }
            Variable::Stage => text(stage),
            // attributes are looked into, and never stand alone
            Variable::Attributes => Value::List(Vec::new()),
        }
    }

    fn fact(&mut self, call: &'v Call) -> Answer<Value<'v>> {
        let Subject { facts, today, .. } = self.subject;
        self.spend((facts.orders.len() + facts.interactions.len() + facts.metrics.len()) / 64)?;
        let days = call.days.as_ref().map(|days| self.number(days)).transpose()?;
        let subject = call.subject.as_ref().map(|subject| self.text(subject)).transpose()?;
        let subject = subject.as_deref().unwrap_or_default();
        let window = Window { today, days };
        let (purchase, back) = (order::Kind::Purchase, order::Kind::Return);
        Ok(match call.fact {
            Fact::Orders => Value::Int(facts.order_count(purchase, window)),
            Fact::Returns => Value::Int(facts.order_count(back, window)),
            Fact::Revenue => Value::Int(facts.amount(purchase, &call.currency, window)),
            Fact::Returned => Value::Int(facts.amount(back, &call.currency, window)),
            Fact::ReturnShare => Value::Double(facts.return_share(window)),
            Fact::OriginShare => Value::Double(facts.origin_share(call.code.unwrap_or_default(), window)),
            Fact::DaysSinceOrder => Value::Int(facts.days_since_order(today)),
            Fact::DaysSinceFirstOrder => Value::Int(facts.days_since_first_order(today)),
            Fact::DaysSinceComeback => Value::Int(facts.days_since_comeback(days.unwrap_or_default(), today)),
            Fact::Bought => Value::Bool(facts.bought(subject, window)),
            Fact::DaysSinceProduct => Value::Int(facts.days_since_product(subject, today)),
            Fact::Interactions => Value::Int(facts.interaction_count(call.code, window)),
            Fact::DaysSinceInteraction => Value::Int(facts.days_since_interaction(call.code, today)),
            Fact::Usage => Value::Double(facts.usage(window)),
            Fact::Measured => Value::Double(facts.measured(subject, window)),
            Fact::Readings => Value::Int(facts.readings(subject, window)),
            Fact::OpenOpportunities => Value::Int(facts.open_count()),
            Fact::OpenAmount => Value::Int(facts.open_amount(&call.currency)),
        })
    }
}

fn text(text: &str) -> Value<'_> {
    Value::Text(Cow::Borrowed(text))
}

/// An int and a double are compared as numbers; nothing is less, equal or greater than what is
/// not a number.
fn compare(comparison: Comparison, left: &Value<'_>, right: &Value<'_>) -> bool {
    use std::cmp::Ordering;
    let order = match (left, right) {
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Double(a), Value::Double(b)) => a.partial_cmp(b),
        (Value::Int(a), Value::Double(b)) => (*a as f64).partial_cmp(b),
        (Value::Double(a), Value::Int(b)) => a.partial_cmp(&(*b as f64)),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::List(a), Value::List(b)) => {
            let equal = a.len() == b.len() && a.iter().zip(b).all(|(a, b)| compare(Comparison::Eq, a, b));
            equal.then_some(Ordering::Equal)
        }
        _ => None,
    };
    match comparison {
        Comparison::Eq => order == Some(Ordering::Equal),
        Comparison::Ne => order != Some(Ordering::Equal),
        Comparison::Lt => order == Some(Ordering::Less),
        Comparison::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Comparison::Gt => order == Some(Ordering::Greater),
        Comparison::Ge => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    }
}

fn convert(into: Type, value: Value<'_>) -> Answer<Value<'_>> {
    let whole = |number: f64| {
        // 2^63, the first double beyond what an int holds
        let fits = number > -9_223_372_036_854_775_808.0 && number < 9_223_372_036_854_775_808.0;
        if fits { Ok(Value::Int(number as i64)) } else { Err(Failure::Overflow) }
    };
    Ok(match (into, value) {
        (Type::Int, Value::Double(number)) => whole(number)?,
        (Type::Int, Value::Text(text)) => {
            Value::Int(text.parse().map_err(|_| Failure::NoNumber(text.into_owned()))?)
        }
        (Type::Double, Value::Int(number)) => Value::Double(number as f64),
        (Type::Double, Value::Text(text)) => {
            Value::Double(text.parse().map_err(|_| Failure::NoNumber(text.into_owned()))?)
        }
        (Type::Text, Value::Int(number)) => Value::Text(number.to_string().into()),
        (Type::Text, Value::Double(number)) => Value::Text(number.to_string().into()),
        (Type::Text, Value::Bool(value)) => Value::Text(value.to_string().into()),
        (_, value) => value,
    })
}
