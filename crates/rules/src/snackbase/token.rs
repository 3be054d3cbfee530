//! Text to tokens.

use crate::scalar::Scalar;
use crate::syntax::{Sign, SyntaxError};
use std::borrow::Cow;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Name(Box<str>),
    Text(Box<str>),
    Int(Scalar<'static>),
    Real(f64),
    Bool(bool),
    Null,
    In,
    Is,
    Sign(Sign),
    And,
    Or,
    Not,
    Open,
    Close,
    Comma,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    End,
}

impl Token {
    /// How errors name it.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Name(_) => "IDENTIFIER",
            Self::Text(_) => "STRING",
            Self::Int(_) => "INTEGER",
            Self::Real(_) => "FLOAT",
            Self::Bool(_) => "BOOLEAN",
            Self::Null => "NULL",
            Self::In => "IN",
            Self::Is => "IS",
            Self::Sign(sign) => sign_label(*sign),
            Self::And => "AND",
            Self::Or => "OR",
            Self::Not => "NOT",
            Self::Open => "LPAREN",
            Self::Close => "RPAREN",
            Self::Comma => "COMMA",
            Self::Plus => "PLUS",
            Self::Minus => "MINUS",
            Self::Star => "STAR",
            Self::Slash => "SLASH",
            Self::Percent => "PERCENT",
            Self::End => "EOF",
        }
    }
}

fn sign_label(sign: Sign) -> &'static str {
    match sign {
        Sign::Equal => "EQ",
        Sign::NotEqual => "NEQ",
        Sign::Less => "LT",
        Sign::LessOrEqual => "LTE",
        Sign::Greater => "GT",
        Sign::GreaterOrEqual => "GTE",
        Sign::Like | Sign::NotLike => "LIKE",
    }
}

pub(super) struct Lexer<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    /// characters read
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text.chars().peekable(), at: 0 }
    }

    /// The next token and where it begins, in characters.
    pub(super) fn next(&mut self) -> Result<(Token, usize), SyntaxError> {
        while self.take_if(char::is_whitespace).is_some() {}
        let at = self.at;
        let Some(first) = self.take_if(|_| true) else { return Ok((Token::End, at)) };
        let token = match first {
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            '+' => Token::Plus,
            '-' => Token::Minus,
            '*' => Token::Star,
            '/' => Token::Slash,
            '%' => Token::Percent,
            '~' => Token::Sign(Sign::Like),
            '=' => Token::Sign(Sign::Equal),
            '!' if self.follows('=') => Token::Sign(Sign::NotEqual),
            '!' => Token::Not,
            '<' if self.follows('=') => Token::Sign(Sign::LessOrEqual),
            '<' => Token::Sign(Sign::Less),
            '>' if self.follows('=') => Token::Sign(Sign::GreaterOrEqual),
            '>' => Token::Sign(Sign::Greater),
            '&' if self.follows('&') => Token::And,
            '|' if self.follows('|') => Token::Or,
            '&' | '|' => {
                let message = format!("Unexpected character '{first}'. Did you mean '{first}{first}'?");
                return Err(error(&message, at));
            }
            '\'' | '"' => self.text(first)?,
            '0'..='9' => self.number(first),
            first if is_name(first) || first == '@' => self.word(first),
            other => return Err(error(&format!("Invalid character '{other}'"), at)),
        };
        Ok((token, at))
    }

    fn take_if(&mut self, is: impl FnOnce(char) -> bool) -> Option<char> {
        let found = self.rest.next_if(|character| is(*character))?;
        self.at += 1;
        Some(found)
    }

    fn follows(&mut self, wanted: char) -> bool {
        self.take_if(|character| character == wanted).is_some()
    }

    /// A backslash takes the meaning from a quote or backslash after it; before all else it is just itself.
    fn text(&mut self, quote: char) -> Result<Token, SyntaxError> {
        let mut text = String::new();
        while let Some(character) = self.take_if(|_| true) {
            if character == quote {
                return Ok(Token::Text(text.into()));
            }
            let escaped = self.take_if(|next| character == '\\' && matches!(next, '\\' | '\'' | '"'));
            text.push(escaped.unwrap_or(character));
        }
        Err(error("Unterminated string literal", self.at))
    }

    fn number(&mut self, first: char) -> Token {
        let mut digits = String::from(first);
        let mut is_real = false;
        while let Some(next) = self.take_if(|next| next.is_ascii_digit() || (next == '.' && !is_real)) {
            is_real |= next == '.';
            digits.push(next);
        }
        let real = digits.parse().unwrap_or(f64::MAX);
        match digits.parse() {
            _ if is_real => Token::Real(real),
            Ok(int) => Token::Int(Scalar::Int(int)),
            Err(_) => Token::Int(Scalar::Real(real)),
        }
    }

    fn word(&mut self, first: char) -> Token {
        let mut word = String::from(first);
        while let Some(next) = self.take_if(|next| is_name(next) || next.is_numeric() || next == '.') {
            word.push(next);
        }
        match word.to_ascii_lowercase().as_str() {
            "true" => Token::Bool(true),
            "false" => Token::Bool(false),
            "null" => Token::Null,
            "in" => Token::In,
            "is" => Token::Is,
            _ => Token::Name(word.into()),
        }
    }
}

impl Token {
    /// The value of a literal.
    pub(super) fn literal(&self) -> Option<Scalar<'static>> {
        Some(match self {
            Self::Text(text) => Scalar::Text(Cow::Owned(text.to_string())),
            Self::Int(number) => number.clone(),
            Self::Real(real) => Scalar::Real(*real),
            Self::Bool(value) => Scalar::Int((*value).into()),
            Self::Null => Scalar::Null,
            _ => return None,
        })
    }
}

fn is_name(character: char) -> bool {
    character.is_alphabetic() || character == '_'
}

/// With the position that clients read in the text.
pub(super) fn error(message: &str, at: usize) -> SyntaxError {
    SyntaxError { message: format!("{message} at position {at}"), at }
}
