//! From tokens to a tree.

use crate::{
    Fault,
    lexer::{Lexeme, Token, lexemes},
};

/// Nodes of a condition, at most. With it the depth of the tree is bounded as well.
const NODES: usize = 300;
/// How deep brackets and the like may be nested.
const DEPTH: usize = 32;

/// A node and the byte at which what it stands for begins; of an operator, the operator.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expr {
    pub(crate) at: usize,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
    Name(String),
    List(Vec<Expr>),
    /// `operand.field`
    Field(Box<Expr>, String),
    /// `name(arguments)` or `target.name(arguments)`
    Call(Option<Box<Expr>>, String, Vec<Expr>),
    /// `operand[index]`
    Index(Box<Expr>, Box<Expr>),
    Unary(&'static str, Box<Expr>),
    Binary(&'static str, Box<Expr>, Box<Expr>),
    /// `condition ? then : otherwise`
    Choice(Box<Expr>, Box<Expr>, Box<Expr>),
}

/// Operators by how tightly they bind, the loosest first.
const LEVELS: [&[&str]; 5] =
    [&["||"], &["&&"], &["==", "!=", "<", "<=", ">", ">=", "in"], &["+", "-"], &["*", "/", "%"]];

pub(crate) fn parse(text: &str) -> Result<Expr, Fault> {
    let mut parser = Parser { tokens: lexemes(text)?, position: 0, nodes: 0, depth: 0 };
    let expr = parser.expression()?;
    match parser.peek() {
        Token::End => Ok(expr),
        _ => Err(parser.unexpected("an operator or the end")),
    }
}

struct Parser {
    tokens: Vec<Lexeme>,
    position: usize,
    nodes: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.position].token
    }

    fn at(&self) -> usize {
        self.tokens[self.position].at
    }

    fn advance(&mut self) {
        // the last token is the end, and stays
        self.position = (self.position + 1).min(self.tokens.len() - 1);
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Token::Sign(found) if *found == sign);
        if found {
            self.advance();
        }
        found
    }

    fn need(&mut self, sign: &str) -> Result<(), Fault> {
        if self.take(sign) { Ok(()) } else { Err(self.unexpected(&format!("`{sign}`"))) }
    }

    fn unexpected(&self, wanted: &str) -> Fault {
        let found = match self.peek() {
            Token::End => "the condition ends here".to_owned(),
            Token::Name(name) => format!("`{name}` stands here"),
            Token::Sign(sign) => format!("`{sign}` stands here"),
            Token::Int(_) | Token::Double(_) => "a number stands here".to_owned(),
            Token::Text(_) => "a text stands here".to_owned(),
        };
        Fault::new(self.at(), format!("{found}; {wanted} is expected"))
    }

    fn node(&mut self, at: usize, kind: Kind) -> Result<Expr, Fault> {
        self.nodes += 1;
        if self.nodes > NODES {
            return Err(Fault::new(at, format!("the condition is too long; {NODES} parts are accepted")));
        }
        Ok(Expr { at, kind })
    }

    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        self.depth += 1;
        if self.depth > DEPTH {
            let what = format!("the condition is nested too deeply; {DEPTH} levels are accepted");
            return Err(Fault::new(self.at(), what));
        }
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn expression(&mut self) -> Result<Expr, Fault> {
        self.nested(|parser| {
            let condition = parser.binary(0)?;
            let at = parser.at();
            if !parser.take("?") {
                return Ok(condition);
            }
            let then = parser.binary(0)?;
            parser.need(":")?;
            let otherwise = parser.expression()?;
            parser.node(at, Kind::Choice(condition.into(), then.into(), otherwise.into()))
        })
    }

    fn binary(&mut self, level: usize) -> Result<Expr, Fault> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        loop {
            let at = self.at();
            let found = match self.peek() {
                Token::Sign(sign) => *sign,
                Token::Name(name) if name == "in" => "in",
                _ => return Ok(left),
            };
            if !operators.contains(&found) {
                return Ok(left);
            }
            self.advance();
            let right = self.binary(level + 1)?;
            left = self.node(at, Kind::Binary(found, left.into(), right.into()))?;
        }
    }

    fn unary(&mut self) -> Result<Expr, Fault> {
        let at = self.at();
        for sign in ["!", "-"] {
            if self.take(sign) {
                let operand = self.nested(Self::unary)?;
                return self.node(at, Kind::Unary(sign, operand.into()));
            }
        }
        self.member()
    }

    fn member(&mut self) -> Result<Expr, Fault> {
        let mut expr = self.primary()?;
        loop {
            let at = self.at();
            if self.take(".") {
                let (at, name) = (self.at(), self.name()?);
                expr = if self.take("(") {
                    let arguments = self.list(")")?;
                    self.node(at, Kind::Call(Some(expr.into()), name, arguments))?
                } else {
                    self.node(at, Kind::Field(expr.into(), name))?
                };
            } else if self.take("[") {
                let index = self.expression()?;
                self.need("]")?;
                expr = self.node(at, Kind::Index(expr.into(), index.into()))?;
            } else {
                return Ok(expr);
            }
        }
    }

    fn name(&mut self) -> Result<String, Fault> {
        let Token::Name(name) = self.peek().clone() else { return Err(self.unexpected("a name")) };
        self.advance();
        Ok(name)
    }

    /// Expressions up to `close`.
    fn list(&mut self, close: &str) -> Result<Vec<Expr>, Fault> {
        let mut items = Vec::new();
        while !self.take(close) {
            items.push(self.expression()?);
            if !self.take(",") {
                self.need(close)?;
                break;
            }
        }
        Ok(items)
    }

    fn primary(&mut self) -> Result<Expr, Fault> {
        let at = self.at();
        let token = self.peek().clone();
        let wanted = "a name, a number, a text or `(`";
        match token {
            Token::Int(_) | Token::Double(_) | Token::Text(_) | Token::Name(_) => self.advance(),
            Token::Sign("(") => {
                self.advance();
                let inner = self.expression()?;
                self.need(")")?;
                return Ok(inner);
            }
            Token::Sign("[") => {
                self.advance();
                let items = self.list("]")?;
                return self.node(at, Kind::List(items));
            }
            Token::Sign("{") => {
                return Err(Fault::new(at, "maps cannot be written here; lists like [1, 2] are accepted"));
            }
            Token::Sign(_) | Token::End => return Err(self.unexpected(wanted)),
        }
        let kind = match token {
            Token::Int(number) => Kind::Int(number),
            Token::Double(number) => Kind::Double(number),
            Token::Text(text) => Kind::Text(text),
            Token::Name(name) => match name.as_str() {
                "true" => Kind::Bool(true),
                "false" => Kind::Bool(false),
                "in" => return Err(Fault::new(at, format!("`in` stands here; {wanted} is expected"))),
                _ if self.take("(") => Kind::Call(None, name, self.list(")")?),
                _ => Kind::Name(name),
            },
            Token::Sign(_) | Token::End => return Err(self.unexpected(wanted)),
        };
        self.node(at, kind)
    }
}
