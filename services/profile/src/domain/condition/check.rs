//! From the tree to typed nodes, or to everything that is wrong with it.

use super::{
    COST, Condition, Fault, Scope, Type,
    names::{FIELDS, FUNCTIONS, VARIABLES, Variable},
    node::{Arithmetic, Comparison, Node, USUAL, cost},
    parser::{Expr, Kind},
};

pub(super) fn check(expr: &Expr, scope: Scope) -> Result<Condition, Vec<Fault>> {
    let mut checker = Checker { scope, faults: Vec::new(), locals: Vec::new(), timed: false, staged: false };
    let node = checker.want(expr, Type::Bool, "a condition is true or false");
    if let Some(node) = node.filter(|_| checker.faults.is_empty()) {
        let cost = cost(&node);
        if cost <= COST {
            return Ok(Condition { node, timed: checker.timed, staged: checker.staged });
        }
        let what = format!(
            "this would take about {cost} steps on an account with {USUAL} products; {COST} are accepted: nest fewer exists, all, filter and map"
        );
        checker.faults.push(Fault::new(expr.at, what));
    }
    Err(checker.faults)
}

pub(super) struct Checker {
    scope: Scope,
    faults: Vec<Fault>,
    pub(super) locals: Vec<(String, Type)>,
    pub(super) timed: bool,
    staged: bool,
}

pub(super) type Typed = Option<(Node, Type)>;

impl Checker {
    pub(super) fn fault<T>(&mut self, at: usize, message: impl Into<String>) -> Option<T> {
        self.faults.push(Fault::new(at, message));
        None
    }

    /// The expression, if it has this type.
    pub(super) fn want(&mut self, expr: &Expr, wanted: Type, why: &str) -> Option<Node> {
        let (node, found) = self.expr(expr)?;
        if found == wanted {
            return Some(node);
        }
        self.fault(expr.at, format!("this is {found}, but {why}: {wanted} is accepted"))
    }

    /// Both, so that what is wrong with either is found.
    fn pair(&mut self, left: &Expr, right: &Expr) -> Option<((Node, Type), (Node, Type))> {
        let (left, right) = (self.expr(left), self.expr(right));
        left.zip(right)
    }

    pub(super) fn expr(&mut self, expr: &Expr) -> Typed {
        let at = expr.at;
        match &expr.kind {
            Kind::Bool(value) => Some((Node::Bool(*value), Type::Bool)),
            Kind::Int(value) => Some((Node::Int(*value), Type::Int)),
            Kind::Double(value) => Some((Node::Double(*value), Type::Double)),
            Kind::Text(value) => Some((Node::Text(value.clone()), Type::Text)),
            Kind::Name(name) => self.name(at, name),
            Kind::List(items) => self.list(items),
            Kind::Field(operand, field) => self.field(at, operand, field),
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
                let ((then, kind), (otherwise, other)) = self.pair(then, otherwise)?;
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

    fn name(&mut self, at: usize, name: &str) -> Typed {
        if let Some(position) = self.locals.iter().rposition(|(local, _)| local == name) {
            return Some((Node::Local(position), self.locals[position].1));
        }
        if name == "stage" && self.scope == Scope::Stage {
            return self.fault(at, "`stage` is not known while the stage itself is decided");
        }
        if let Some((_, kind, variable, _)) = VARIABLES.iter().find(|(known, ..)| *known == name) {
            self.staged |= *variable == Variable::Stage;
            return Some((Node::Variable(*variable), *kind));
        }
        if name == "account" {
            return self.fault(at, "`account` is looked into, as in `account.country`");
        }
        if let Some(function) = FUNCTIONS.iter().find(|function| function.name == name) {
            return self.fault(at, format!("`{name}` is a function; {} is accepted", function.signature()));
        }
        self.unknown(at, name)
    }

    pub(super) fn unknown<T>(&mut self, at: usize, name: &str) -> Option<T> {
        let variables = VARIABLES.iter().map(|(known, ..)| *known);
        let functions = FUNCTIONS.iter().map(|function| function.name);
        let known: Vec<&str> = variables.chain(functions).chain(["account", "has", "size"]).collect();
        let meant = closest(name, &known).map_or_else(
            || format!("known are {}", known.join(", ")),
            |known| format!("did you mean `{known}`?"),
        );
        self.fault(at, format!("`{name}` is not known; {meant}"))
    }

    fn list(&mut self, items: &[Expr]) -> Typed {
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
            Some(of) => match list_of(of) {
                Some(kind) => kind,
                None => {
                    return self.fault(items[0].at, "a list of texts, numbers or truth values is accepted");
                }
            },
        };
        Some((Node::List(nodes), kind))
    }

    fn field(&mut self, at: usize, operand: &Expr, field: &str) -> Typed {
        if operand.kind == Kind::Name("account".to_owned()) && self.local("account").is_none() {
            if let Some((_, kind, variable, _)) = FIELDS.iter().find(|(known, ..)| *known == field) {
                self.timed |= *variable == Variable::AgeDays;
                return Some((Node::Variable(*variable), *kind));
            }
            let known: Vec<&str> = FIELDS.iter().map(|(known, ..)| *known).collect();
            let known = known.join(", ");
            return self.fault(
                at,
                format!(
                    "an account has no field `{field}`; it has {known}, and `account.attributes.{field}`"
                ),
            );
        }
        match self.expr(operand)? {
            (_, Type::Map) => Some((Node::Attribute(Node::Text(field.to_owned()).into()), Type::Text)),
            (_, other) => {
                self.fault(at, format!("{other} has no field `{field}`; an account and its attributes have"))
            }
        }
    }

    fn local(&self, name: &str) -> Option<usize> {
        self.locals.iter().rposition(|(local, _)| local == name)
    }

    fn index(&mut self, at: usize, operand: &Expr, index: &Expr) -> Typed {
        let ((node, kind), (index, by)) = self.pair(operand, index)?;
        match (kind, element(kind), by) {
            (Type::Map, _, Type::Text) => Some((Node::Attribute(index.into()), Type::Text)),
            (_, Some(of), Type::Int) => Some((Node::Index([node, index].into()), of)),
            _ => self.fault(
                at,
                format!("{kind} is looked up by {by}; a list by int and a map by string are accepted"),
            ),
        }
    }

    fn binary(&mut self, at: usize, sign: &str, left: &Expr, right: &Expr) -> Typed {
        if let "&&" | "||" = sign {
            let why = format!("`{sign}` joins what is true or false");
            let (left, right) = (self.want(left, Type::Bool, &why), self.want(right, Type::Bool, &why));
            let both = [left?, right?].into();
            return Some((if sign == "&&" { Node::And(both) } else { Node::Or(both) }, Type::Bool));
        }
        let ((left, a), (right, b)) = self.pair(left, right)?;
        let both = [left, right].into();
        let numbers = |a, b| matches!((a, b), (Type::Int | Type::Double, Type::Int | Type::Double));
        let comparison = match sign {
            "==" => Comparison::Eq,
            "!=" => Comparison::Ne,
            "<" => Comparison::Lt,
            "<=" => Comparison::Le,
            ">" => Comparison::Gt,
            ">=" => Comparison::Ge,
            "in" => {
                let holds = b == Type::Nothing || element(b) == Some(a) || (b, a) == (Type::Map, Type::Text);
                if holds {
                    return Some((Node::In(both), Type::Bool));
                }
                return self.fault(at, format!("`in` looks for {a} in {b}; a list of {a} is accepted"));
            }
            _ => return self.arithmetic(at, sign, both, a, b),
        };
        let ordered = matches!(a, Type::Int | Type::Double | Type::Text);
        let equal = matches!(comparison, Comparison::Eq | Comparison::Ne);
        if (a == b && (ordered || (equal && a != Type::Map))) || numbers(a, b) {
            return Some((Node::Compare(comparison, both), Type::Bool));
        }
        let accepted = if equal { "two values of one type" } else { "two numbers or two texts" };
        self.fault(at, format!("`{sign}` compares {a} with {b}; {accepted} are accepted"))
    }

    fn arithmetic(&mut self, at: usize, sign: &str, both: Box<[Node; 2]>, a: Type, b: Type) -> Typed {
        let operation = match sign {
            "+" => Arithmetic::Add,
            "-" => Arithmetic::Subtract,
            "*" => Arithmetic::Multiply,
            "/" => Arithmetic::Divide,
            _ => Arithmetic::Remainder,
        };
        let accepted = match operation {
            Arithmetic::Add => matches!(a, Type::Int | Type::Double | Type::Text) || element(a).is_some(),
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

pub(super) fn list_of(element: Type) -> Option<Type> {
    match element {
        Type::Bool => Some(Type::Bools),
        Type::Int => Some(Type::Ints),
        Type::Double => Some(Type::Doubles),
        Type::Text => Some(Type::Texts),
        _ => None,
    }
}

pub(super) fn element(list: Type) -> Option<Type> {
    match list {
        Type::Bools => Some(Type::Bool),
        Type::Ints => Some(Type::Int),
        Type::Doubles => Some(Type::Double),
        Type::Texts => Some(Type::Text),
        _ => None,
    }
}

/// The known name that is most like `name`, if one is.
fn closest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let distances = known.iter().map(|known| (distance(name, known), *known));
    let (distance, known) = distances.min()?;
    (distance * 3 <= name.len().max(3)).then_some(known)
}

/// How many letters must be changed (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
