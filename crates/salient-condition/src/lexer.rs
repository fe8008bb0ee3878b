//! From text to tokens.

use crate::Fault;

/// A token and the byte at which it begins.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lexeme {
    pub(crate) at: usize,
    pub(crate) token: Token,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    Name(String),
    Int(i64),
    Double(f64),
    Text(String),
    Sign(&'static str),
    End,
}

/// The longer ones first.
const SIGNS: [&str; 24] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",", "(", ")",
    "[", "]", "{", "}",
];

pub(crate) fn lexemes(text: &str) -> Result<Vec<Lexeme>, Fault> {
    let mut lexer = Lexer { text, at: 0 };
    let mut found = Vec::new();
    loop {
        lexer.skip_blank();
        let at = lexer.at;
        let token = lexer.token()?;
        let end = token == Token::End;
        found.push(Lexeme { at, token });
        if end {
            return Ok(found);
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn skip_blank(&mut self) {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start().len();
            let comment = rest[blank..].starts_with("//");
            self.at += blank;
            if !comment {
                return;
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
    }

    fn token(&mut self) -> Result<Token, Fault> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(Token::End) };
        if let Some(raw) = rest.strip_prefix(['r', 'R']).filter(|rest| rest.starts_with(['"', '\''])) {
            return self.string(1, raw, true);
        }
        if matches!(first, '"' | '\'') {
            return self.string(0, rest, false);
        }
        if first.is_ascii_digit() {
            return self.number();
        }
        if first.is_ascii_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            self.at += end;
            return Ok(Token::Name(rest[..end].to_owned()));
        }
        let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) else {
            return Err(Fault::new(
                self.at,
                format!(
                    "{first:?} is not understood; names, numbers, quoted text and operators are accepted"
                ),
            ));
        };
        self.at += sign.len();
        Ok(Token::Sign(sign))
    }

    fn number(&mut self) -> Result<Token, Fault> {
        let (at, rest) = (self.at, self.rest());
        let hex = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X"));
        let mut end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(rest.len());
        // the sign of an exponent belongs to the number
        if hex.is_none() && rest[..end].ends_with(['e', 'E']) && rest[end..].starts_with(['+', '-']) {
            let tail = &rest[end + 1..];
            end += 1 + tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
        }
        let text = &rest[..end];
        self.at += end;
        let token = match hex {
            Some(_) => i64::from_str_radix(&text[2..], 16).ok().map(Token::Int),
            None if text.contains(['.', 'e', 'E']) => {
                text.parse().ok().filter(|number: &f64| number.is_finite()).map(Token::Double)
            }
            None => text.parse().ok().map(Token::Int),
        };
        token.ok_or_else(|| {
            Fault::new(at, format!("`{text}` is no number; 42, 0x2a and 4.2 are accepted, up to 2^63 - 1"))
        })
    }

    /// The string that begins `skip` bytes from here, at the quote that `rest` begins with.
    fn string(&mut self, skip: usize, rest: &str, raw: bool) -> Result<Token, Fault> {
        let start = self.at;
        let quote = &rest[..1];
        let triple = quote.repeat(3);
        let close = if rest.starts_with(&triple) { triple.as_str() } else { quote };
        let mut at = close.len();
        let mut text = String::new();
        while let Some(c) = rest[at..].chars().next() {
            if rest[at..].starts_with(close) {
                self.at = start + skip + at + close.len();
                return Ok(Token::Text(text));
            }
            if c == '\\' && !raw {
                let (escaped, length) = escape(&rest[at..]).ok_or_else(|| {
                    let what = "this escape is not known; \\n, \\t, \\\", \\\\ and \\u00e9 are accepted";
                    Fault::new(start + skip + at, what)
                })?;
                text.push(escaped);
                at += length;
            } else {
                text.push(c);
                at += c.len_utf8();
            }
        }
        Err(Fault::new(start, format!("this text does not end; a closing {close} is needed")))
    }
}

/// What the escape at the beginning of `text` stands for, and its length.
fn escape(text: &str) -> Option<(char, usize)> {
    let kind = text[1..].chars().next()?;
    let digits = |count: usize| {
        let code = u32::from_str_radix(text.get(2..2 + count)?, 16).ok()?;
        Some((char::from_u32(code)?, 2 + count))
    };
    let plain = match kind {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        '\\' | '"' | '\'' | '`' | '?' => kind,
        'x' | 'X' => return digits(2),
        'u' => return digits(4),
        'U' => return digits(8),
        _ => return None,
    };
    Some((plain, 2))
}
