//! What a checked text is made of, and what it costs to walk it.

use regex::Regex;

use crate::Type;

/// Elements that a list of a subject is assumed to have when a cost is estimated.
pub(crate) const USUAL: u64 = 100;

/// A part of a text whose operands have the types that it needs; `N` is what names became.
#[derive(Clone, Debug)]
pub(crate) enum Node<N> {
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
    List(Vec<Node<N>>),
    Variable(N),
    /// The subject's map; it is looked into, and has no value as a whole.
    Map,
    /// The variable of a macro, counted from the outermost.
    Local(usize),
    Call(Box<Call<N>>),
    /// The entry of the map with this key.
    Entry(Box<Node<N>>),
    HasEntry(String),
    Has(N),
    Not(Box<Node<N>>),
    Negate(Box<Node<N>>),
    And(Box<[Node<N>; 2]>),
    Or(Box<[Node<N>; 2]>),
    Choice(Box<[Node<N>; 3]>),
    Compare(Comparison, Box<[Node<N>; 2]>),
    Arithmetic(Arithmetic, Box<[Node<N>; 2]>),
    In(Box<[Node<N>; 2]>),
    Index(Box<[Node<N>; 2]>),
    Test(TextTest, Box<[Node<N>; 2]>),
    Matches(Regex, Box<Node<N>>),
    Size(Box<Node<N>>),
    Convert(Type, Box<Node<N>>),
    /// A macro: its list, and what is asked of each element.
    Each(Macro, Box<[Node<N>; 2]>),
}

/// A call of a function of the vocabulary.
#[derive(Clone, Debug)]
pub(crate) struct Call<N> {
    pub(crate) name: N,
    pub(crate) text: Option<Node<N>>,
    pub(crate) days: Option<Node<N>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextTest {
    StartsWith,
    EndsWith,
    Contains,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Macro {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
}

/// Steps that a node takes, when lists of a subject have the usual length.
pub(crate) fn cost<N>(node: &Node<N>) -> u64 {
    let sum = |nodes: &[Node<N>]| nodes.iter().map(cost).fold(1, u64::saturating_add);
    match node {
        Node::List(nodes) => sum(nodes),
        Node::Not(node) | Node::Negate(node) | Node::Size(node) | Node::Convert(_, node) => {
            cost(node).saturating_add(1)
        }
        Node::Entry(node) | Node::Matches(_, node) => cost(node).saturating_add(4),
        Node::And(nodes) | Node::Or(nodes) | Node::Index(nodes) => sum(&nodes[..]),
        Node::Compare(_, nodes) | Node::Arithmetic(_, nodes) | Node::Test(_, nodes) => sum(&nodes[..]),
        Node::In(nodes) => sum(&nodes[..]).saturating_add(length(&nodes[1])),
        Node::Choice(nodes) => sum(&nodes[..]),
        Node::Each(_, nodes) => {
            let each = cost(&nodes[1]).saturating_add(1);
            cost(&nodes[0]).saturating_add(length(&nodes[0]).saturating_mul(each))
        }
        Node::Call(call) => {
            let arguments = [&call.text, &call.days].into_iter().flatten().map(cost);
            arguments.fold(8, u64::saturating_add)
        }
        Node::Bool(_) | Node::Int(_) | Node::Double(_) | Node::Text(_) => 1,
        Node::Variable(_) | Node::Map | Node::Local(_) | Node::HasEntry(_) | Node::Has(_) => 1,
    }
}

/// Elements of a list.
fn length<N>(node: &Node<N>) -> u64 {
    match node {
        Node::List(nodes) => nodes.len() as u64,
        Node::Each(Macro::Filter | Macro::Map, nodes) => length(&nodes[0]),
        Node::Arithmetic(_, nodes) => length(&nodes[0]).saturating_add(length(&nodes[1])),
        Node::Choice(nodes) => length(&nodes[1]).max(length(&nodes[2])),
        _ => USUAL,
    }
}
