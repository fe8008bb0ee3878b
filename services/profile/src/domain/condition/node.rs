//! What a checked condition is made of, and what it costs to walk it.

use regex::Regex;

use super::{
    Type,
    names::{Fact, Variable},
};

/// Elements that a list of an account is assumed to have when a cost is estimated.
pub(super) const USUAL: u64 = 100;

/// A part of a condition whose operands have the types that it needs.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
    List(Vec<Node>),
    Variable(Variable),
    /// The variable of a macro, counted from the outermost.
    Local(usize),
    Fact(Box<Call>),
    Attribute(Box<Node>),
    HasAttribute(String),
    Not(Box<Node>),
    Negate(Box<Node>),
    And(Box<[Node; 2]>),
    Or(Box<[Node; 2]>),
    Choice(Box<[Node; 3]>),
    Compare(Comparison, Box<[Node; 2]>),
    Arithmetic(Arithmetic, Box<[Node; 2]>),
    In(Box<[Node; 2]>),
    Index(Box<[Node; 2]>),
    Test(TextTest, Box<[Node; 2]>),
    Matches(Regex, Box<Node>),
    Size(Box<Node>),
    Convert(Type, Box<Node>),
    /// A macro: its list, and what is asked of each element.
    Each(Macro, Box<[Node; 2]>),
}

/// A call of a function over facts.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) fact: Fact,
    /// An origin, or a kind of interaction.
    pub(super) code: Option<i32>,
    pub(super) currency: String,
    pub(super) subject: Option<Node>,
    pub(super) days: Option<Node>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextTest {
    StartsWith,
    EndsWith,
    Contains,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Macro {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
}

/// Steps that a node takes, when lists of an account have the usual length.
pub(super) fn cost(node: &Node) -> u64 {
    let sum = |nodes: &[Node]| nodes.iter().map(cost).fold(1, u64::saturating_add);
    match node {
        Node::List(nodes) => sum(nodes),
        Node::Not(node) | Node::Negate(node) | Node::Size(node) | Node::Convert(_, node) => {
            cost(node).saturating_add(1)
        }
        Node::Attribute(node) | Node::Matches(_, node) => cost(node).saturating_add(4),
        Node::And(nodes) | Node::Or(nodes) | Node::Index(nodes) => sum(&nodes[..]),
        Node::Compare(_, nodes) | Node::Arithmetic(_, nodes) | Node::Test(_, nodes) => sum(&nodes[..]),
        Node::In(nodes) => sum(&nodes[..]).saturating_add(length(&nodes[1])),
        Node::Choice(nodes) => sum(&nodes[..]),
        Node::Each(_, nodes) => {
            let each = cost(&nodes[1]).saturating_add(1);
            cost(&nodes[0]).saturating_add(length(&nodes[0]).saturating_mul(each))
        }
        Node::Fact(call) => {
            let arguments = [&call.subject, &call.days].into_iter().flatten().map(cost);
            arguments.fold(8, u64::saturating_add)
        }
        Node::Bool(_) | Node::Int(_) | Node::Double(_) | Node::Text(_) => 1,
        Node::Variable(_) | Node::Local(_) | Node::HasAttribute(_) => 1,
    }
}

/// Elements of a list.
fn length(node: &Node) -> u64 {
    match node {
        Node::List(nodes) => nodes.len() as u64,
        Node::Each(Macro::Filter | Macro::Map, nodes) => length(&nodes[0]),
        Node::Arithmetic(_, nodes) => length(&nodes[0]).saturating_add(length(&nodes[1])),
        Node::Choice(nodes) => length(&nodes[1]).max(length(&nodes[2])),
        _ => USUAL,
    }
}
