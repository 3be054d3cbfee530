//! SnackBase's language: SQL's three truths, NOT, arithmetic and functions.

mod call;
mod check;
mod condition;
mod fact;
mod operand;
mod parser;
mod token;

use crate::scalar::Scalar;
use crate::syntax::Sign;

pub(crate) use operand::computed;
pub(crate) use parser::parse;

/// A parsed expression; conditions and values are told apart when names are looked up.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Phrase {
    Or(Vec<Phrase>),
    And(Vec<Phrase>),
    Not(Box<Phrase>),
    Compare(Box<Phrase>, Sign, Box<Phrase>),
    In(Box<Phrase>, Vec<Phrase>),
    /// `IS NULL`, or with true `IS NOT NULL`
    IsNull(Box<Phrase>, bool),
    Arithmetic(Box<Phrase>, crate::function::Function, Box<Phrase>),
    Negative(Box<Phrase>),
    Call(Box<str>, Vec<Phrase>),
    Name(Box<str>),
    Literal(Scalar<'static>),
}

impl Phrase {
    fn text(text: &str) -> Self {
        Self::Literal(Scalar::text(text).into_owned())
    }

    fn name(name: &str) -> Self {
        Self::Name(name.into())
    }

    fn equal(left: Self, right: Self) -> Self {
        Self::Compare(Box::new(left), Sign::Equal, Box::new(right))
    }

    fn parts(&self) -> Vec<&Self> {
        match self {
            Self::Or(items) | Self::And(items) | Self::Call(_, items) => items.iter().collect(),
            Self::Not(inner) | Self::Negative(inner) | Self::IsNull(inner, _) => vec![inner],
            Self::Compare(left, _, right) | Self::Arithmetic(left, _, right) => vec![left, right],
            Self::In(of, items) => std::iter::once(&**of).chain(items).collect(),
            Self::Name(_) | Self::Literal(_) => Vec::new(),
        }
    }

    /// True if some name in it is so.
    pub(crate) fn names(&self, is: &dyn Fn(&str) -> bool) -> bool {
        matches!(self, Self::Name(name) | Self::Call(name, _) if is(name))
            || self.parts().into_iter().any(|part| part.names(is))
    }
}
