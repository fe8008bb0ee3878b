//! Walking a checked tree over one subject.

use std::{borrow::Cow, marker::PhantomData};

use crate::{
    Failure, Given, STEPS, Subject, Value,
    node::{Arithmetic, Call, Comparison, Macro, Node, TextTest},
    value::{compare, convert},
};

type Answer<T> = Result<T, Failure>;

/// Whether the condition holds.
pub(crate) fn holds<N, S: Subject<N>>(node: &Node<N>, subject: &S) -> Answer<bool> {
    Walk::new(subject).truth(node)
}

/// What the number is.
pub(crate) fn number<N, S: Subject<N>>(node: &Node<N>, subject: &S) -> Answer<f64> {
    Ok(match Walk::new(subject).value(node)? {
        Value::Int(number) => number as f64,
        Value::Double(number) => number,
        _ => 0.0, // cannot be
    })
}

struct Walk<'v, N, S> {
    subject: &'v S,
    names: PhantomData<&'v N>,
    steps: u64,
    locals: Vec<Value<'v>>,
}

/// The check has made sure of every type; where an arm says "cannot be" it would take a defect
/// there to come to it, and the answer is then the emptiest of the type.
impl<'v, N, S: Subject<N>> Walk<'v, N, S> {
    fn new(subject: &'v S) -> Self {
        Self { subject, names: PhantomData, steps: STEPS, locals: Vec::new() }
    }

    fn spend(&mut self, steps: usize) -> Answer<()> {
        let left = self.steps.checked_sub(steps as u64);
        self.steps = left.unwrap_or_default();
        left.map(drop).ok_or(Failure::TooLong)
    }

    fn truth(&mut self, node: &'v Node<N>) -> Answer<bool> {
        Ok(self.value(node)? == Value::Bool(true))
    }

    fn number(&mut self, node: &'v Node<N>) -> Answer<i64> {
        match self.value(node)? {
            Value::Int(number) => Ok(number),
            _ => Ok(0), // cannot be
        }
    }

    fn text(&mut self, node: &'v Node<N>) -> Answer<Cow<'v, str>> {
        match self.value(node)? {
            Value::Text(text) => {
                self.spend(text.len() / 64)?;
                Ok(text)
            }
            _ => Ok(Cow::Borrowed("")), // cannot be
        }
    }

    /// A list; of a map its keys.
    fn list(&mut self, node: &'v Node<N>) -> Answer<Vec<Value<'v>>> {
        let list = match node {
            Node::Map => self.subject.keys().map(Value::from).collect(),
            _ => match self.value(node)? {
                Value::List(list) => list,
                _ => Vec::new(), // cannot be
            },
        };
        self.spend(list.len() / 8)?;
        Ok(list)
    }

    fn value(&mut self, node: &'v Node<N>) -> Answer<Value<'v>> {
        self.spend(1)?;
        Ok(match node {
            Node::Bool(value) => Value::Bool(*value),
            Node::Int(value) => Value::Int(*value),
            Node::Double(value) => Value::Double(*value),
            Node::Text(value) => Value::from(value.as_str()),
            Node::List(nodes) => {
                Value::List(nodes.iter().map(|node| self.value(node)).collect::<Answer<_>>()?)
            }
            Node::Variable(name) => self.subject.value(name, Given::default())?,
            // a map is looked into
            Node::Map => Value::List(Vec::new()),
            Node::Local(position) => self.locals[*position].clone(),
            Node::Call(call) => self.call(call)?,
            Node::Entry(key) => {
                let key = self.text(key)?;
                match self.subject.entry(&key) {
                    Some(value) => Value::from(value),
                    None => return Err(Failure::Missing(key.into_owned())),
                }
            }
            Node::HasEntry(key) => Value::Bool(self.subject.entry(key).is_some()),
            Node::Has(name) => Value::Bool(self.subject.has(name)),
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
                Node::Map => self.subject.keys().len() as i64,
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
    fn junction(&mut self, both: &'v [Node<N>; 2], decides: bool) -> Answer<bool> {
        let left = self.truth(&both[0]);
        if left == Ok(decides) {
            return left;
        }
        let right = self.truth(&both[1]);
        if right == Ok(decides) { right } else { left.and(right) }
    }

    fn each(&mut self, each: Macro, nodes: &'v [Node<N>; 2]) -> Answer<Value<'v>> {
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

    fn call(&mut self, call: &'v Call<N>) -> Answer<Value<'v>> {
        self.spend(self.subject.effort(&call.name))?;
        let days = call.days.as_ref().map(|days| self.number(days)).transpose()?;
        let text = call.text.as_ref().map(|text| self.text(text)).transpose()?;
        self.subject.value(&call.name, Given { text: text.as_deref().unwrap_or_default(), days })
    }
}
