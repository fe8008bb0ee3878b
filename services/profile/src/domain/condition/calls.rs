//! Checking calls: of functions over facts, of what CEL brings, and macros.

use super::{
    Type,
    check::{Checker, Typed, element, list_of},
    names::{Argument, FUNCTIONS, Function, interactions, origins},
    node::{Call, Macro, Node, TextTest},
    parser::{Expr, Kind},
};

impl Checker {
    pub(super) fn call(&mut self, at: usize, target: Option<&Expr>, name: &str, arguments: &[Expr]) -> Typed {
        match (target, name, arguments) {
            (None, "has", [field]) => self.has(field),
            (None, "size", [of]) | (Some(of), "size", []) => {
                let (node, kind) = self.expr(of)?;
                let sized = matches!(kind, Type::Text | Type::Map | Type::Nothing) || element(kind).is_some();
                if !sized {
                    return self
                        .fault(at, format!("`size` is asked of {kind}; a text, list or map is accepted"));
                }
                Some((Node::Size(node.into()), Type::Int))
            }
            (None, "int" | "double" | "string", [of]) => {
                let (node, kind) = self.expr(of)?;
                let into = match name {
                    "int" => Type::Int,
                    "double" => Type::Double,
                    _ => Type::Text,
                };
                let taken = matches!(kind, Type::Int | Type::Double | Type::Text)
                    || (into == Type::Text && kind == Type::Bool);
                if !taken {
                    return self
                        .fault(at, format!("`{name}` is made of {kind}; a number or a text is accepted"));
                }
                Some((Node::Convert(into, node.into()), into))
            }
            (Some(text), "startsWith" | "endsWith" | "contains" | "matches", [argument]) => {
                self.text_test(text, name, argument)
            }
            (Some(list), "all" | "exists" | "exists_one" | "filter" | "map", [variable, body]) => {
                self.each(at, list, name, variable, body)
            }
            (None, _, _) => match FUNCTIONS.iter().find(|function| function.name == name) {
                Some(function) => self.fact(at, function, arguments),
                None => self.unknown(at, name),
            },
            (Some(_), _, _) => {
                let known = "size(), startsWith, endsWith, contains, matches (of text), all, exists, exists_one, filter, map (of lists)";
                self.fault(
                    at,
                    format!("`.{name}` with {} arguments is not known; known are {known}", arguments.len()),
                )
            }
        }
    }

    fn has(&mut self, field: &Expr) -> Typed {
        let account = Kind::Name("account".to_owned());
        let attribute = match &field.kind {
            Kind::Field(operand, name) if operand.kind != account => {
                matches!(self.expr(operand)?, (_, Type::Map)).then_some(name)
            }
            _ => None,
        };
        match attribute {
            Some(name) => Some((Node::HasAttribute(name.clone()), Type::Bool)),
            None => self.fault(field.at, "`has` is asked of attributes, as in `has(account.attributes.x)`"),
        }
    }

    fn text_test(&mut self, text: &Expr, name: &str, argument: &Expr) -> Typed {
        let why = format!("`{name}` is asked of text");
        let text = self.want(text, Type::Text, &why);
        if name == "matches" {
            let Kind::Text(pattern) = &argument.kind else {
                return self.fault(argument.at, "a pattern that is written out is accepted");
            };
            return match regex::RegexBuilder::new(pattern).size_limit(1 << 18).build() {
                Ok(pattern) => Some((Node::Matches(pattern, text?.into()), Type::Bool)),
                Err(_) => {
                    self.fault(argument.at, "this is no pattern, or too large a one; RE2 syntax is accepted")
                }
            };
        }
        let argument = self.want(argument, Type::Text, &why);
        let test = match name {
            "startsWith" => TextTest::StartsWith,
            "endsWith" => TextTest::EndsWith,
            _ => TextTest::Contains,
        };
        Some((Node::Test(test, [text?, argument?].into()), Type::Bool))
    }

    fn each(&mut self, at: usize, list: &Expr, name: &str, variable: &Expr, body: &Expr) -> Typed {
        let (list, kind) = self.expr(list)?;
        let of = if kind == Type::Map { Some(Type::Text) } else { element(kind) };
        let Some(of) = of else {
            return self.fault(at, format!("`{name}` goes through {kind}; a list or a map is accepted"));
        };
        let Kind::Name(variable) = &variable.kind else {
            return self
                .fault(variable.at, format!("`{name}` needs a name for the element, as in `{name}(x, …)`"));
        };
        self.locals.push((variable.clone(), of));
        let checked = match name {
            "map" => self.expr(body),
            _ => self
                .want(body, Type::Bool, &format!("`{name}` asks whether something is true"))
                .map(|node| (node, Type::Bool)),
        };
        self.locals.pop();
        let (node, body_kind) = checked?;
        let (kind, result) = match name {
            "all" => (Macro::All, Some(Type::Bool)),
            "exists" => (Macro::Exists, Some(Type::Bool)),
            "exists_one" => (Macro::ExistsOne, Some(Type::Bool)),
            "filter" => (Macro::Filter, list_of(of)),
            _ => (Macro::Map, list_of(body_kind)),
        };
        match result {
            Some(result) => Some((Node::Each(kind, [list, node].into()), result)),
            None => self.fault(body.at, "a list of lists is not accepted"),
        }
    }

    fn fact(&mut self, at: usize, function: &Function, given: &[Expr]) -> Typed {
        let wanted = function.arguments.len();
        let has_days = function.windowed && given.len() == wanted + 1;
        if given.len() != wanted && !has_days {
            return self.fault(at, format!("{} is accepted", function.signature()));
        }
        self.timed |= function.is_timed(has_days);
        let mut call =
            Call { fact: function.fact, code: None, currency: String::new(), subject: None, days: None };
        let days = has_days.then_some(&Argument::Days);
        for (argument, expr) in function.arguments.iter().chain(days).zip(given) {
            let name = function.name;
            match argument {
                Argument::Days => call.days = Some(self.days(expr, name)?),
                Argument::Product | Argument::Metric => {
                    let what = if *argument == Argument::Product { "a product's id" } else { "a metric" };
                    call.subject = Some(self.want(expr, Type::Text, &format!("`{name}` takes {what}"))?);
                }
                Argument::Currency => {
                    let accepted = "a currency code that is written out, like \"GBP\", is accepted";
                    let code = self.written(expr, accepted)?;
                    if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_uppercase()) {
                        return self.fault(expr.at, accepted);
                    }
                    call.currency = code;
                }
                Argument::Origin => call.code = Some(self.one_of(expr, &origins())?),
                Argument::Interaction => call.code = self.one_of(expr, &interactions())?,
            }
        }
        Some((Node::Fact(call.into()), function.result))
    }

    fn days(&mut self, expr: &Expr, name: &str) -> Option<Node> {
        let node = self.want(expr, Type::Int, &format!("`{name}` takes a number of days"))?;
        match node {
            Node::Int(..1) => self.fault(expr.at, "1 day or more is accepted"),
            node => Some(node),
        }
    }

    fn written(&mut self, expr: &Expr, accepted: &str) -> Option<String> {
        match &expr.kind {
            Kind::Text(text) => Some(text.clone()),
            _ => self.fault(expr.at, accepted),
        }
    }

    fn one_of<T: Copy>(&mut self, expr: &Expr, known: &[(String, T)]) -> Option<T> {
        let names: Vec<String> = known.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let accepted = format!("{} are accepted", names.join(", "));
        let text = self.written(expr, &accepted)?;
        match known.iter().find(|(name, _)| *name == text) {
            Some((_, value)) => Some(*value),
            None => self.fault(expr.at, format!("\"{text}\" is not known; {accepted}")),
        }
    }
}
