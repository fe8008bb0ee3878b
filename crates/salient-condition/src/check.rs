//! From the tree to typed nodes, or to everything that is wrong with it.

use crate::{
    COST, Fault, Type, Vocabulary,
    node::{Arithmetic, Comparison, Node, USUAL, cost},
    parser::{Expr, Kind},
};

/// A text that was understood.
#[derive(Clone, Debug)]
pub(crate) struct Checked<N> {
    pub(crate) node: Node<N>,
    /// Every name that it speaks of.
    pub(crate) names: Vec<N>,
}

pub(crate) struct Checker<'v, V: Vocabulary> {
    pub(crate) vocabulary: &'v V,
    faults: Vec<Fault>,
    pub(crate) locals: Vec<(String, Type)>,
    pub(crate) names: Vec<V::Name>,
}

/// A node and its type, if nothing is wrong with it.
pub(crate) type Typed<V> = Option<(Node<<V as Vocabulary>::Name>, Type)>;

impl<'v, V: Vocabulary> Checker<'v, V> {
    pub(crate) fn new(vocabulary: &'v V) -> Self {
        Self { vocabulary, faults: Vec::new(), locals: Vec::new(), names: Vec::new() }
    }

    /// The expression, if it is true or false.
    pub(crate) fn condition(mut self, expr: &Expr) -> Result<Checked<V::Name>, Vec<Fault>> {
        let node = self.want(expr, Type::Bool, "a condition is true or false");
        self.finish(expr, node)
    }

    /// The expression, if it is a number.
    pub(crate) fn number(mut self, expr: &Expr) -> Result<Checked<V::Name>, Vec<Fault>> {
        let node = match self.expr(expr) {
            Some((_, found)) if !found.is_number() => {
                let what = format!("this is {found}, but a number is asked for: int or double is accepted");
                self.fault(expr.at, what)
            }
            number => number.map(|(node, _)| node),
        };
        self.finish(expr, node)
    }

    fn finish(mut self, expr: &Expr, node: Option<Node<V::Name>>) -> Result<Checked<V::Name>, Vec<Fault>> {
        if let Some(node) = node.filter(|_| self.faults.is_empty()) {
            let cost = cost(&node);
            if cost <= COST {
                return Ok(Checked { node, names: self.names });
            }
            let (subject, elements) = (V::WORDS.subject, V::WORDS.elements);
            let what = format!(
                "this would take about {cost} steps on {subject} with {USUAL} {elements}; {COST} are accepted: nest fewer exists, all, filter and map"
            );
            self.faults.push(Fault::new(expr.at, what));
        }
        Err(self.faults)
    }

    pub(crate) fn fault<T>(&mut self, at: usize, message: impl Into<String>) -> Option<T> {
        self.faults.push(Fault::new(at, message));
        None
    }

    /// The expression, if it has this type.
    pub(crate) fn want(&mut self, expr: &Expr, wanted: Type, why: &str) -> Option<Node<V::Name>> {
        let (node, found) = self.expr(expr)?;
        if found == wanted {
            return Some(node);
        }
        self.fault(expr.at, format!("this is {found}, but {why}: {wanted} is accepted"))
    }

    /// Both, so that what is wrong with either is found.
    fn pair(&mut self, left: &Expr, right: &Expr) -> Option<[(Node<V::Name>, Type); 2]> {
        let (left, right) = (self.expr(left), self.expr(right));
        Some([left?, right?])
    }

    pub(crate) fn expr(&mut self, expr: &Expr) -> Typed<V> {
        let at = expr.at;
        match &expr.kind {
            Kind::Bool(value) => Some((Node::Bool(*value), Type::Bool)),
            Kind::Int(value) => Some((Node::Int(*value), Type::Int)),
            Kind::Double(value) => Some((Node::Double(*value), Type::Double)),
            Kind::Text(value) => Some((Node::Text(value.clone()), Type::Text)),
            Kind::Name(name) => self.name(at, name),
            Kind::List(items) => self.list(items),
            Kind::Field(operand, field) => self.field(expr, operand, field),
            Kind::Index(operand, index) => self.index(at, operand, index),
            Kind::Unary("!", operand) => {
                let operand = self.want(operand, Type::Bool, "`!` turns true and false around")?;
                Some((Node::Not(operand.into()), Type::Bool))
            }
            Kind::Unary(_, operand) => match self.expr(operand)? {
                (node, kind @ (Type::Int | Type::Double)) => Some((Node::Negate(node.into()), kind)),
                (_, other) => self.fault(at, format!("`-` stands before {other}; a number is accepted")),
            },
            Kind::Binary(sign, left, right) => self.binary(at, sign, left, right),
            Kind::Choice(condition, then, otherwise) => {
                let condition = self.want(condition, Type::Bool, "`?` asks whether something is true");
                let [(then, kind), (otherwise, other)] = self.pair(then, otherwise)?;
                if kind != other {
                    return self.fault(
                        at,
                        format!("`?:` gives {kind} or {other}; two values of one type are accepted"),
                    );
                }
                Some((Node::Choice([condition?, then, otherwise].into()), kind))
            }
            Kind::Call(target, name, arguments) => self.call(at, target.as_deref(), name, arguments),
        }
    }

    fn name(&mut self, at: usize, name: &str) -> Typed<V> {
        if let Some(position) = self.locals.iter().rposition(|(local, _)| local == name) {
            return Some((Node::Local(position), self.locals[position].1));
        }
        match self.vocabulary.variable(&[name]) {
            Ok(Some(variable)) => self.variable(variable),
            Ok(None) => self.unknown(at, name),
            Err(refusal) => self.fault(at, refusal),
        }
    }

    fn variable(&mut self, (name, kind): (V::Name, Type)) -> Typed<V> {
        self.names.push(name.clone());
        Some((if kind == Type::Map { Node::Map } else { Node::Variable(name) }, kind))
    }

    pub(crate) fn unknown<T>(&mut self, at: usize, name: &str) -> Option<T> {
        let told = self.vocabulary.unknown(name);
        self.fault(at, format!("`{name}` is not known; {told}"))
    }

    fn list(&mut self, items: &[Expr]) -> Typed<V> {
        let mut nodes = Vec::new();
        let mut of: Option<Type> = None;
        for item in items {
            let (node, kind) = self.expr(item)?;
            if of.is_some_and(|of| of != kind) {
                return self.fault(item.at, "a list of values of one type is accepted");
            }
            of = Some(kind);
            nodes.push(node);
        }
        let kind = match of {
            None => Type::Nothing,
            Some(of) => match of.list() {
                Some(kind) => kind,
                None => {
                    return self.fault(items[0].at, "a list of texts, numbers or truth values is accepted");
                }
            },
        };
        Some((Node::List(nodes), kind))
    }

    /// The names that the expression is made of, if it is nothing else and no local begins it.
    pub(crate) fn path<'e>(&self, expr: &'e Expr) -> Option<Vec<&'e str>> {
        match &expr.kind {
            Kind::Name(name) if self.locals.iter().all(|(local, _)| local != name) => Some(vec![name]),
            Kind::Field(operand, field) => {
                let mut path = self.path(operand)?;
                path.push(field);
                Some(path)
            }
            _ => None,
        }
    }

    fn field(&mut self, expr: &Expr, operand: &Expr, field: &str) -> Typed<V> {
        let resolved = self.path(expr).map_or(Ok(None), |path| self.vocabulary.variable(&path));
        match resolved {
            Ok(Some(variable)) => return self.variable(variable),
            Ok(None) => {}
            Err(refusal) => return self.fault(expr.at, refusal),
        }
        match self.expr(operand)? {
            (_, Type::Map) => Some((Node::Entry(Node::Text(field.to_owned()).into()), Type::Text)),
            (_, other) => {
                let fields = V::WORDS.fields;
                self.fault(expr.at, format!("{other} has no field `{field}`; {fields}"))
            }
        }
    }

    fn index(&mut self, at: usize, operand: &Expr, index: &Expr) -> Typed<V> {
        let [(node, kind), (index, by)] = self.pair(operand, index)?;
        match (kind, kind.element(), by) {
            (Type::Map, _, Type::Text) => Some((Node::Entry(index.into()), Type::Text)),
            (_, Some(of), Type::Int) => Some((Node::Index([node, index].into()), of)),
            _ => self.fault(
                at,
                format!("{kind} is looked up by {by}; a list by int and a map by string are accepted"),
            ),
        }
    }

    fn binary(&mut self, at: usize, sign: &str, left: &Expr, right: &Expr) -> Typed<V> {
        if let "&&" | "||" = sign {
            let why = format!("`{sign}` joins what is true or false");
            let (left, right) = (self.want(left, Type::Bool, &why), self.want(right, Type::Bool, &why));
            let both = [left?, right?].into();
            return Some((if sign == "&&" { Node::And(both) } else { Node::Or(both) }, Type::Bool));
        }
        let [(left, a), (right, b)] = self.pair(left, right)?;
        let both = [left, right].into();
        let comparison = match sign {
            "==" => Comparison::Eq,
            "!=" => Comparison::Ne,
            "<" => Comparison::Lt,
            "<=" => Comparison::Le,
            ">" => Comparison::Gt,
            ">=" => Comparison::Ge,
            "in" => {
                let holds = b == Type::Nothing || b.element() == Some(a) || (b, a) == (Type::Map, Type::Text);
                if holds {
                    return Some((Node::In(both), Type::Bool));
                }
                return self.fault(at, format!("`in` looks for {a} in {b}; a list of {a} is accepted"));
            }
            _ => return self.arithmetic(at, sign, both, a, b),
        };
        let ordered = matches!(a, Type::Int | Type::Double | Type::Text);
        let equal = matches!(comparison, Comparison::Eq | Comparison::Ne);
        if (a == b && (ordered || (equal && a != Type::Map))) || (a.is_number() && b.is_number()) {
            return Some((Node::Compare(comparison, both), Type::Bool));
        }
        let accepted = if equal { "two values of one type" } else { "two numbers or two texts" };
        self.fault(at, format!("`{sign}` compares {a} with {b}; {accepted} are accepted"))
    }

    fn arithmetic(
        &mut self,
        at: usize,
        sign: &str,
        both: Box<[Node<V::Name>; 2]>,
        a: Type,
        b: Type,
    ) -> Typed<V> {
        let operation = match sign {
            "+" => Arithmetic::Add,
            "-" => Arithmetic::Subtract,
            "*" => Arithmetic::Multiply,
            "/" => Arithmetic::Divide,
            _ => Arithmetic::Remainder,
        };
        let accepted = match operation {
            Arithmetic::Add => matches!(a, Type::Int | Type::Double | Type::Text) || a.element().is_some(),
            Arithmetic::Remainder => a == Type::Int,
            _ => matches!(a, Type::Int | Type::Double),
        };
        if a == b && accepted {
            return Some((Node::Arithmetic(operation, both), a));
        }
        let what = match (a, b) {
            (Type::Int, Type::Double) | (Type::Double, Type::Int) if sign != "%" => {
                "write double(…) around the int".to_owned()
            }
            _ if sign == "%" => "two ints are accepted".to_owned(),
            _ => "two numbers of one kind are accepted".to_owned(),
        };
        self.fault(at, format!("`{sign}` is not defined for {a} and {b}; {what}"))
    }
}
