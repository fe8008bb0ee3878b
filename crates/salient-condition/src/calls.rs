//! Checking calls: of functions of the vocabulary, of what CEL brings, and macros.

use crate::{
    Argument, Function, Type, Vocabulary,
    check::{Checker, Typed},
    node::{Call, Macro, Node, TextTest},
    parser::{Expr, Kind},
};

impl<V: Vocabulary> Checker<'_, V> {
    pub(crate) fn call(
        &mut self,
        at: usize,
        target: Option<&Expr>,
        name: &str,
        arguments: &[Expr],
    ) -> Typed<V> {
        match (target, name, arguments) {
            (None, "has", [field]) => self.has(field),
            (None, "size", [of]) | (Some(of), "size", []) => {
                let (node, kind) = self.expr(of)?;
                let sized =
                    matches!(kind, Type::Text | Type::Map | Type::Nothing) || kind.element().is_some();
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
            (None, _, _) => match self.vocabulary.function(name, arguments.len()) {
                Ok(Some(function)) => self.function(name, function, arguments),
                Ok(None) => self.unknown(at, name),
                Err(refusal) => self.fault(at, refusal),
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

    fn has(&mut self, field: &Expr) -> Typed<V> {
        let variable = self.path(field).map_or(Ok(None), |path| self.vocabulary.has(&path));
        match variable {
            Ok(Some(name)) => {
                self.names.push(name.clone());
                return Some((Node::Has(name), Type::Bool));
            }
            Ok(None) => {}
            Err(refusal) => return self.fault(field.at, refusal),
        }
        if let Kind::Field(operand, key) = &field.kind
            && let (_, Type::Map) = self.expr(operand)?
        {
            return Some((Node::HasEntry(key.clone()), Type::Bool));
        }
        self.fault(field.at, format!("`has` is asked of {}", V::WORDS.has))
    }

    fn text_test(&mut self, text: &Expr, name: &str, argument: &Expr) -> Typed<V> {
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

    fn each(&mut self, at: usize, list: &Expr, name: &str, variable: &Expr, body: &Expr) -> Typed<V> {
        let (list, kind) = self.expr(list)?;
        let of = if kind == Type::Map { Some(Type::Text) } else { kind.element() };
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
            "filter" => (Macro::Filter, of.list()),
            _ => (Macro::Map, body_kind.list()),
        };
        match result {
            Some(result) => Some((Node::Each(kind, [list, node].into()), result)),
            None => self.fault(body.at, "a list of lists is not accepted"),
        }
    }

    fn function(&mut self, called: &str, function: Function<V::Name>, given: &[Expr]) -> Typed<V> {
        let Function { mut name, about, days, result } = function;
        let mut given = given.iter();
        let mut text = None;
        if let Some(about) = about
            && let Some(expr) = given.next()
        {
            match about {
                Argument::Text(what) => {
                    text = Some(self.want(expr, Type::Text, &format!("`{called}` takes {what}"))?);
                }
                Argument::Written(take) => {
                    let written = if let Kind::Text(text) = &expr.kind { Some(text.as_str()) } else { None };
                    if let Err(refusal) = take(&mut name, written) {
                        return self.fault(expr.at, refusal);
                    }
                }
            }
        }
        let days = match given.next().filter(|_| days) {
            Some(expr) => Some(self.days(expr, called)?),
            None => None,
        };
        self.names.push(name.clone());
        Some((Node::Call(Call { name, text, days }.into()), result))
    }

    fn days(&mut self, expr: &Expr, name: &str) -> Option<Node<V::Name>> {
        let node = self.want(expr, Type::Int, &format!("`{name}` takes a number of days"))?;
        match node {
            Node::Int(..1) => self.fault(expr.at, "1 day or more is accepted"),
            node => Some(node),
        }
    }
}
