//! Text to tokens.

use super::SyntaxError;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Name(Box<str>),
    Text(Box<str>),
    Number(f64, Box<str>),
    Call(Box<str>, Vec<Token>),
    Sign(Sign, bool),
    And,
    Or,
    Open,
    Close,
}

/// A comparison without its `?` form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Like,
    NotLike,
}

/// Calls inside of calls.
const MAX_CALLS: usize = 3;

pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn next(&mut self) -> Result<Option<Token>, SyntaxError> {
        self.skip_blank()?;
        let Some(first) = self.peek() else { return Ok(None) };
        let token = match first {
            '(' => self.take(Token::Open),
            ')' => self.take(Token::Close),
            '=' | '?' | '!' | '>' | '<' | '~' => self.sign()?,
            '&' | '|' => self.join()?,
            _ => self.operand(MAX_CALLS)?,
        };
        Ok(Some(token))
    }

    fn operand(&mut self, calls: usize) -> Result<Token, SyntaxError> {
        match self.peek() {
            Some('\'' | '"') => self.quoted(),
            Some('0'..='9' | '-') => self.number(),
            Some('a'..='z' | 'A'..='Z' | '_' | '@' | '#') => self.name(calls),
            Some(other) => Err(self.error(format!("unexpected character {other:?}"))),
            None => Err(self.error("invalid or incomplete filter expression")),
        }
    }

    fn take(&mut self, token: Token) -> Token {
        self.at += 1;
        token
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    /// The longest run of characters that satisfy `is`.
    fn run(&mut self, is: fn(char) -> bool) -> &'a str {
        let rest = &self.text[self.at..];
        let end = rest.find(|character| !is(character)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn skip_blank(&mut self) -> Result<(), SyntaxError> {
        loop {
            self.run(|character| matches!(character, ' ' | '\t' | '\n'));
            if self.peek() != Some('/') {
                return Ok(());
            }
            if !self.text[self.at..].starts_with("//") {
                return Err(self.error("unexpected character '/'"));
            }
            self.run(|character| character != '\n');
        }
    }

    fn sign(&mut self) -> Result<Token, SyntaxError> {
        let literal = self.run(|character| matches!(character, '=' | '?' | '!' | '>' | '<' | '~'));
        let (any, plain) = literal.strip_prefix('?').map_or((false, literal), |plain| (true, plain));
        let sign = match plain {
            "=" => Sign::Equal,
            "!=" => Sign::NotEqual,
            "<" => Sign::Less,
            "<=" => Sign::LessOrEqual,
            ">" => Sign::Greater,
            ">=" => Sign::GreaterOrEqual,
            "~" => Sign::Like,
            "!~" => Sign::NotLike,
            _ => return Err(self.error(format!("invalid sign operator {literal:?}"))),
        };
        Ok(Token::Sign(sign, any))
    }

    fn join(&mut self) -> Result<Token, SyntaxError> {
        match self.run(|character| matches!(character, '&' | '|')) {
            "&&" => Ok(Token::And),
            "||" => Ok(Token::Or),
            literal => Err(self.error(format!("invalid join operator {literal:?}"))),
        }
    }

    fn number(&mut self) -> Result<Token, SyntaxError> {
        let start = self.at;
        if self.peek() == Some('-') {
            self.at += 1;
        }
        self.run(|character| character.is_ascii_digit() || character == '.');
        let literal = &self.text[start..self.at];
        let digits = literal.strip_prefix('-').unwrap_or(literal);
        let whole = digits.starts_with(|c: char| c.is_ascii_digit()) && !digits.ends_with('.');
        match literal.parse::<f64>() {
            Ok(number) if whole && number.is_finite() => Ok(Token::Number(number, literal.into())),
            _ => Err(self.error(format!("invalid number {literal:?}"))),
        }
    }

    /// A backslash takes the special meaning from a quote or backslash after it; before all else it is just itself.
    fn quoted(&mut self) -> Result<Token, SyntaxError> {
        let rest = &self.text[self.at..];
        let mut characters = rest.char_indices().peekable();
        let quote = characters.next().map_or('"', |(_, first)| first);
        let mut text = String::new();
        while let Some((index, character)) = characters.next() {
            if character == quote {
                self.at += index + 1;
                return Ok(Token::Text(text.into()));
            }
            let escaped =
                characters.next_if(|(_, next)| character == '\\' && matches!(next, '\\' | '\'' | '"'));
            text.push(escaped.map_or(character, |(_, escaped)| escaped));
        }
        Err(self.error(format!("invalid quoted text {rest:?}")))
    }

    fn name(&mut self, calls: usize) -> Result<Token, SyntaxError> {
        let start = self.at;
        self.at += 1;
        self.run(|character| character.is_ascii_alphanumeric() || matches!(character, '_' | '.' | ':'));
        let literal = &self.text[start..self.at];
        if literal.ends_with(['.', ':']) || matches!(literal, "@" | "_" | "#") {
            return Err(self.error(format!("invalid identifier {literal:?}")));
        }
        if self.peek() != Some('(') {
            return Ok(Token::Name(literal.into()));
        }
        if calls == 0 {
            return Err(self.error(format!("more than {MAX_CALLS} nested calls")));
        }
        self.at += 1;
        Ok(Token::Call(literal.into(), self.arguments(calls - 1)?))
    }

    /// Arguments with the closing bracket; a comma may follow the last one.
    fn arguments(&mut self, calls: usize) -> Result<Vec<Token>, SyntaxError> {
        let mut arguments = Vec::new();
        let mut comma = false;
        loop {
            self.skip_blank()?;
            match self.peek() {
                Some(')') => {
                    self.at += 1;
                    return Ok(arguments);
                }
                Some(',') if comma => {
                    self.at += 1;
                    comma = false;
                }
                Some(_) if !comma => {
                    arguments.push(self.operand(calls)?);
                    comma = true;
                }
                _ => return Err(self.error("invalid or incomplete function call")),
            }
        }
    }

    fn error(&self, message: impl Into<String>) -> SyntaxError {
        SyntaxError { message: message.into(), at: self.at }
    }
}
