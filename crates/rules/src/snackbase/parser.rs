//! `||` binds weaker than `&&`, that weaker than `!`, that weaker than one comparison, that weaker than arithmetic.

use super::Phrase;
use super::token::{Lexer, Token, error};
use crate::function::Function;
use crate::syntax::{Limits, MAX_DEPTH, Sign, SyntaxError};

type Result<T> = std::result::Result<T, SyntaxError>;

/// `at` of an error counts characters.
pub(crate) fn parse(text: &str, limits: Limits) -> Result<Phrase> {
    let mut lexer = Lexer::new(text);
    let (token, at) = lexer.next()?;
    let mut parser = Parser { lexer, token, at, limits, count: 0, depth: 0 };
    let phrase = parser.alternatives()?;
    if parser.token == Token::End {
        Ok(phrase)
    } else {
        Err(parser.error("Unexpected token after expression"))
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    /// the next token and where it stands
    token: Token,
    at: usize,
    limits: Limits,
    /// comparisons
    count: usize,
    /// phrases around this one
    depth: usize,
}

impl Parser<'_> {
    fn alternatives(&mut self) -> Result<Phrase> {
        self.deeper(|parser| parser.joined(&Token::Or, Self::conjunction, Phrase::Or))
    }

    fn conjunction(&mut self) -> Result<Phrase> {
        self.joined(&Token::And, Self::negation, Phrase::And)
    }

    fn joined(
        &mut self,
        by: &Token,
        item: fn(&mut Self) -> Result<Phrase>,
        several: fn(Vec<Phrase>) -> Phrase,
    ) -> Result<Phrase> {
        let first = item(self)?;
        if self.token != *by {
            return Ok(first);
        }
        let mut items = vec![first];
        while self.take(by)? {
            items.push(item(self)?);
        }
        Ok(several(items))
    }

    fn negation(&mut self) -> Result<Phrase> {
        if self.take(&Token::Not)? {
            return Ok(Phrase::Not(Box::new(self.deeper(Self::negation)?)));
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Phrase> {
        let left = self.sum()?;
        match self.token {
            Token::Sign(sign) => self.compare(left, sign),
            Token::In => self.list(left),
            Token::Is => {
                self.counted()?;
                self.advance()?;
                let negated = matches!(&self.token, Token::Name(word) if word.eq_ignore_ascii_case("not"));
                if negated {
                    self.advance()?;
                }
                self.expect(&Token::Null)?;
                Ok(Phrase::IsNull(Box::new(left), negated))
            }
            _ => Ok(left),
        }
    }

    fn compare(&mut self, left: Phrase, sign: Sign) -> Result<Phrase> {
        self.counted()?;
        self.advance()?;
        Ok(Phrase::Compare(Box::new(left), sign, Box::new(self.sum()?)))
    }

    fn list(&mut self, left: Phrase) -> Result<Phrase> {
        self.advance()?;
        self.expect(&Token::Open)?;
        let mut items = Vec::new();
        loop {
            self.counted()?;
            items.push(self.sum()?);
            if !self.take(&Token::Comma)? {
                break;
            }
        }
        self.expect(&Token::Close)?;
        Ok(Phrase::In(Box::new(left), items))
    }

    fn sum(&mut self) -> Result<Phrase> {
        self.chain(Self::product, |token| match token {
            Token::Plus => Some(Function::Add),
            Token::Minus => Some(Function::Subtract),
            _ => None,
        })
    }

    fn product(&mut self) -> Result<Phrase> {
        self.chain(Self::factor, |token| match token {
            Token::Star => Some(Function::Multiply),
            Token::Slash => Some(Function::Divide),
            Token::Percent => Some(Function::Remainder),
            _ => None,
        })
    }

    /// Each operator makes the tree deeper.
    fn chain(
        &mut self,
        item: fn(&mut Self) -> Result<Phrase>,
        operator: fn(&Token) -> Option<Function>,
    ) -> Result<Phrase> {
        let before = self.depth;
        let mut left = item(self)?;
        while let Some(function) = operator(&self.token) {
            self.advance()?;
            self.descend()?;
            left = Phrase::Arithmetic(Box::new(left), function, Box::new(item(self)?));
        }
        self.depth = before;
        Ok(left)
    }

    fn factor(&mut self) -> Result<Phrase> {
        if self.take(&Token::Minus)? {
            return Ok(Phrase::Negative(Box::new(self.deeper(Self::factor)?)));
        }
        if let Some(literal) = self.token.literal() {
            self.advance()?;
            return Ok(Phrase::Literal(literal));
        }
        if self.take(&Token::Open)? {
            let inner = self.alternatives()?;
            self.expect(&Token::Close)?;
            return Ok(inner);
        }
        let Token::Name(name) = &self.token else {
            return Err(self.error(&format!("Unexpected token: {}", self.token.label())));
        };
        let name = name.clone();
        self.advance()?;
        if self.take(&Token::Open)? { self.call(name) } else { Ok(Phrase::Name(name)) }
    }

    fn call(&mut self, name: Box<str>) -> Result<Phrase> {
        let mut arguments = Vec::new();
        if self.take(&Token::Close)? {
            return Ok(Phrase::Call(name, arguments));
        }
        loop {
            arguments.push(self.alternatives()?);
            if !self.take(&Token::Comma)? {
                break;
            }
        }
        self.expect(&Token::Close)?;
        Ok(Phrase::Call(name, arguments))
    }

    fn counted(&mut self) -> Result<()> {
        self.count += 1;
        if self.count > self.limits.count {
            return Err(self.error(&format!("More than {} comparisons", self.limits.count)));
        }
        Ok(())
    }

    fn deeper(&mut self, inner: impl FnOnce(&mut Self) -> Result<Phrase>) -> Result<Phrase> {
        self.descend()?;
        let found = inner(self);
        self.depth -= 1;
        found
    }

    fn descend(&mut self) -> Result<()> {
        self.depth += 1;
        // one for the whole text
        if self.depth > self.limits.depth.min(MAX_DEPTH) + 1 {
            return Err(self.error("Too many nested expressions"));
        }
        Ok(())
    }

    fn advance(&mut self) -> Result<()> {
        (self.token, self.at) = self.lexer.next()?;
        Ok(())
    }

    /// Takes the next token if it is this one.
    fn take(&mut self, wanted: &Token) -> Result<bool> {
        let found = self.token == *wanted;
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn expect(&mut self, wanted: &Token) -> Result<()> {
        if self.take(wanted)? {
            return Ok(());
        }
        Err(self.error(&format!("Expected {}, found {}", wanted.label(), self.token.label())))
    }

    fn error(&self, message: &str) -> SyntaxError {
        error(message, self.at)
    }
}
