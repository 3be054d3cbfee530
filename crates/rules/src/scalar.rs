//! SQLite's values: storage classes, affinity, order, and text forms.

use crate::number::{integer_or_real, parse_number, real_to_text};
use std::borrow::Cow;
use std::cmp::Ordering;

/// One value as SQLite sees it; texts are borrowed where they can be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar<'a> {
    Null,
    Int(i64),
    Real(f64),
    Text(Cow<'a, str>),
}

/// What a column does to the operand that it is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Affinity {
    /// not a column
    None,
    /// a column without a type: `json_each.value`
    Blob,
    Text,
    Numeric,
}

impl Affinity {
    /// The conversion that a comparison of two operands applies to both.
    pub(crate) fn of_comparison(left: Self, right: Self) -> Self {
        match (left, right) {
            (Self::None, other) | (other, Self::None) => other,
            (Self::Numeric, _) | (_, Self::Numeric) => Self::Numeric,
            _ => Self::Blob,
        }
    }
}

impl<'a> Scalar<'a> {
    pub(crate) const EMPTY: Scalar<'static> = Scalar::Text(Cow::Borrowed(""));

    pub(crate) fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub(crate) fn is_null_or_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.is_empty(),
            _ => false,
        }
    }

    pub(crate) fn into_owned(self) -> Scalar<'static> {
        match self {
            Self::Null => Scalar::Null,
            Self::Int(int) => Scalar::Int(int),
            Self::Real(real) => Scalar::Real(real),
            Self::Text(text) => Scalar::Text(Cow::Owned(text.into_owned())),
        }
    }

    /// The same value without a copy of its text.
    pub(crate) fn borrowed(&self) -> Scalar<'_> {
        match self {
            Self::Null => Scalar::Null,
            Self::Int(int) => Scalar::Int(*int),
            Self::Real(real) => Scalar::Real(*real),
            Self::Text(text) => Scalar::Text(Cow::Borrowed(text)),
        }
    }

    /// A stored float64: columns of numbers keep whole ones as integers.
    pub(crate) fn number(number: f64) -> Self {
        integer_or_real(number)
    }

    /// `None` for NULL.
    pub(crate) fn to_text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Null => None,
            Self::Int(int) => Some(Cow::Owned(int.to_string())),
            Self::Real(real) => Some(Cow::Owned(real_to_text(*real))),
            Self::Text(text) => Some(Cow::Borrowed(text)),
        }
    }

    /// SQL LOWER, ASCII only.
    pub(crate) fn lower(self) -> Self {
        match self {
            Self::Null => Self::Null,
            Self::Text(text) if !text.bytes().any(|byte| byte.is_ascii_uppercase()) => Self::Text(text),
            other => Self::Text(Cow::Owned(other.to_text().unwrap_or_default().to_ascii_lowercase())),
        }
    }

    /// What a mathematical function makes of it: text that is not a number is NULL.
    pub(crate) fn to_number(&self) -> Option<f64> {
        match self {
            Self::Null => None,
            Self::Int(int) => Some(*int as f64),
            Self::Real(real) => Some(*real),
            Self::Text(text) => match parse_number(text)? {
                Scalar::Int(int) => Some(int as f64),
                Scalar::Real(real) => Some(real),
                _ => None,
            },
        }
    }

    fn converted(self, affinity: Affinity) -> Self {
        match (affinity, self) {
            (Affinity::Numeric, Self::Text(text)) => parse_number(&text).unwrap_or(Self::Text(text)),
            (Affinity::Text, Self::Int(int)) => Self::Text(Cow::Owned(int.to_string())),
            (Affinity::Text, Self::Real(real)) => Self::Text(Cow::Owned(real_to_text(real))),
            (_, same) => same,
        }
    }

    /// Order after conversion; NULL equals NULL and is less than all else.
    pub(crate) fn order(self, other: Self, affinity: Affinity) -> Ordering {
        match (&self, &other) {
            (Self::Text(a), Self::Text(b)) if affinity != Affinity::Numeric => {
                return a.as_bytes().cmp(b.as_bytes());
            }
            (Self::Int(a), Self::Int(b)) => return a.cmp(b),
            _ => {}
        }
        let text = matches!(self, Self::Text(_)) || matches!(other, Self::Text(_));
        let affinity = if affinity == Affinity::Text && !text { Affinity::None } else { affinity };
        order_converted(&self.converted(affinity), &other.converted(affinity))
    }
}

fn order_converted(left: &Scalar<'_>, right: &Scalar<'_>) -> Ordering {
    match (left, right) {
        (Scalar::Int(a), Scalar::Int(b)) => a.cmp(b),
        (Scalar::Real(a), Scalar::Real(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
        (Scalar::Int(a), Scalar::Real(b)) => order_int_real(*a, *b),
        (Scalar::Real(a), Scalar::Int(b)) => order_int_real(*b, *a).reverse(),
        (Scalar::Text(a), Scalar::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (a, b) => rank(a).cmp(&rank(b)),
    }
}

fn rank(scalar: &Scalar<'_>) -> u8 {
    match scalar {
        Scalar::Null => 0,
        Scalar::Int(_) | Scalar::Real(_) => 1,
        Scalar::Text(_) => 2,
    }
}

/// Exact, also beyond 2^53.
fn order_int_real(int: i64, real: f64) -> Ordering {
    if real >= 9_223_372_036_854_775_808.0 {
        return Ordering::Less;
    }
    if real < -9_223_372_036_854_775_808.0 {
        return Ordering::Greater;
    }
    let whole = real as i64;
    int.cmp(&whole).then_with(|| (whole as f64).partial_cmp(&real).unwrap_or(Ordering::Equal))
}
