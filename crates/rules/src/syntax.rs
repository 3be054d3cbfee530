//! Text to syntax tree.

mod lexer;

use crate::snackbase::Phrase;
use lexer::{Lexer, Token};
use tidewire_model::Language;

pub(crate) use lexer::Sign;

/// A parsed expression; names are not looked up yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    pub(crate) tree: Tree,
    /// the text contains `@request.`, maybe inside of quotes
    pub(crate) mentions_request: bool,
    /// the text contains `@collection.`, maybe inside of quotes
    pub(crate) mentions_collection: bool,
}

/// What was written, in its language.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tree {
    PocketBase(Syntax),
    SnackBase(Phrase),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Syntax {
    And(Vec<Syntax>),
    Or(Vec<Syntax>),
    Compare(Box<Comparison>),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Comparison {
    pub(crate) left: Term,
    pub(crate) sign: Sign,
    /// the `?` form
    pub(crate) any: bool,
    pub(crate) right: Term,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Term {
    Name(Box<str>),
    Text(Box<str>),
    Number(f64, Box<str>),
    Call(Box<str>, Vec<Term>),
}

/// Bounds on a filter text of a client.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// characters
    pub length: usize,
    /// comparisons
    pub count: usize,
    /// nested brackets and calls
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { length: 3500, count: 200, depth: 64 }
    }
}

/// What follows walks the tree by recursion, so that its depth is bounded whatever the caller allows.
pub(crate) const MAX_DEPTH: usize = 128;
const INCOMPLETE: &str = "invalid or incomplete filter expression";

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    pub message: String,
    /// bytes of the text before it; characters in SnackBase's language
    pub at: usize,
}

impl Expr {
    /// An expression in the language that a collection's rules are written in.
    pub fn parse_in(language: Language, text: &str, limits: Limits) -> Result<Self, SyntaxError> {
        if language == Language::PocketBase {
            return Self::parse(text, limits);
        }
        check_length(text, limits)?;
        let tree = Tree::SnackBase(crate::snackbase::parse(text, limits)?);
        Ok(Self { tree, mentions_request: false, mentions_collection: false })
    }

    /// True if it reads what a client sends in SnackBase's language.
    pub fn reads_data(&self) -> bool {
        matches!(&self.tree, Tree::SnackBase(phrase) if phrase.names(&|name| name.starts_with("@request.data.")))
    }

    /// An expression in PocketBase's language.
    pub fn parse(text: &str, limits: Limits) -> Result<Self, SyntaxError> {
        check_length(text, limits)?;
        let mut parser = Parser { lexer: Lexer::new(text), limits, count: 0, levels: vec![Level::default()] };
        Ok(Self {
            tree: Tree::PocketBase(parser.parse()?),
            mentions_request: text.contains("@request."),
            mentions_collection: text.contains("@collection."),
        })
    }
}

fn check_length(text: &str, limits: Limits) -> Result<(), SyntaxError> {
    if text.len() > limits.length && text.chars().count() > limits.length {
        let message = format!("the expression is longer than {} characters", limits.length);
        return Err(SyntaxError { message, at: 0 });
    }
    Ok(())
}

impl Term {
    /// How errors name it.
    pub(crate) fn literal(&self) -> &str {
        match self {
            Self::Name(text) | Self::Text(text) | Self::Number(_, text) | Self::Call(text, _) => text,
        }
    }

    fn from_token(token: Token) -> Option<Self> {
        Some(match token {
            Token::Name(name) => Self::Name(name),
            Token::Text(text) => Self::Text(text),
            Token::Number(number, literal) => Self::Number(number, literal),
            Token::Call(name, arguments) => {
                Self::Call(name, arguments.into_iter().map(Self::from_token).collect::<Option<_>>()?)
            }
            _ => return None,
        })
    }
}

/// What stands between two brackets, as far as it was read: alternatives of conjunctions.
#[derive(Default)]
struct Level {
    alternatives: Vec<Syntax>,
    conjunction: Vec<Syntax>,
    /// an item was read and a join or the end must follow
    complete: bool,
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    limits: Limits,
    count: usize,
    /// open brackets; the first is the whole text
    levels: Vec<Level>,
}

impl Parser<'_> {
    fn parse(&mut self) -> Result<Syntax, SyntaxError> {
        while let Some(token) = self.lexer.next()? {
            match token {
                Token::Open => self.open()?,
                Token::Close => self.close()?,
                Token::And | Token::Or => self.join(token == Token::Or)?,
                operand => self.compare(operand)?,
            }
        }
        match (self.levels.pop(), self.levels.is_empty()) {
            (Some(level), true) if level.complete => Ok(level.finish()),
            _ => Err(self.error(INCOMPLETE)),
        }
    }

    fn open(&mut self) -> Result<(), SyntaxError> {
        if self.levels.len() > self.limits.depth.min(MAX_DEPTH) {
            return Err(self.error("too many nested brackets"));
        }
        if self.levels.last().is_none_or(|level| level.complete) {
            return Err(self.error("expected && or ||, got \"(\""));
        }
        self.levels.push(Level::default());
        Ok(())
    }

    fn close(&mut self) -> Result<(), SyntaxError> {
        match self.levels.pop() {
            Some(level) if level.complete && !self.levels.is_empty() => self.push(level.finish()),
            _ => Err(self.error(INCOMPLETE)),
        }
    }

    fn join(&mut self, or: bool) -> Result<(), SyntaxError> {
        match self.levels.last_mut() {
            Some(level) if level.complete => {
                level.complete = false;
                if or {
                    let conjunction = std::mem::take(&mut level.conjunction);
                    level.alternatives.push(join(conjunction, Syntax::And));
                }
                Ok(())
            }
            _ => Err(self.error(INCOMPLETE)),
        }
    }

    fn compare(&mut self, token: Token) -> Result<(), SyntaxError> {
        if self.levels.last().is_none_or(|level| level.complete) {
            return Err(self.error("expected && or ||"));
        }
        if self.count == self.limits.count {
            return Err(self.error(format!("more than {} comparisons", self.limits.count)));
        }
        self.count += 1;
        let left = Term::from_token(token).ok_or_else(|| self.error("expected a left operand"))?;
        let Some(Token::Sign(sign, any)) = self.lexer.next()? else { return Err(self.error(INCOMPLETE)) };
        let right = self.lexer.next()?.and_then(Term::from_token);
        let right = right.ok_or_else(|| self.error(INCOMPLETE))?;
        self.push(Syntax::Compare(Box::new(Comparison { left, sign, any, right })))
    }

    fn push(&mut self, item: Syntax) -> Result<(), SyntaxError> {
        let Some(level) = self.levels.last_mut() else { return Err(self.error(INCOMPLETE)) };
        level.conjunction.push(item);
        level.complete = true;
        Ok(())
    }

    fn error(&self, message: impl Into<String>) -> SyntaxError {
        SyntaxError { message: message.into(), at: self.lexer.at() }
    }
}

impl Level {
    fn finish(mut self) -> Syntax {
        self.alternatives.push(join(self.conjunction, Syntax::And));
        join(self.alternatives, Syntax::Or)
    }
}

/// A single item stands for itself, so brackets alone never make a tree deeper.
fn join(mut items: Vec<Syntax>, node: fn(Vec<Syntax>) -> Syntax) -> Syntax {
    match items.pop() {
        Some(only) if items.is_empty() => only,
        Some(last) => {
            items.push(last);
            node(items)
        }
        None => node(items),
    }
}
