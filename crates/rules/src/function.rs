//! Functions and arithmetic on operands, as SQLite computes them. Arithmetic is that of float64.

use crate::number::leading_number;
use crate::scalar::{Affinity, Scalar};
use std::borrow::Cow;
use std::cmp::Ordering;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    /// the number that a value begins with
    Real,
    Abs,
    Coalesce,
    Concat,
    /// condition, value if it is true, value otherwise
    If,
    Length,
    NullIf,
    /// to a whole number, half away from 0
    Round,
    /// text, place of the first character from 1, count
    Substring,
    Trim,
    Upper,
}

impl Function {
    pub(crate) fn is_arithmetic(self) -> bool {
        self.sign().is_some()
    }

    /// What stands between the operands in SQL.
    pub(crate) fn sign(self) -> Option<&'static str> {
        Some(match self {
            Self::Add => " + ",
            Self::Subtract => " - ",
            Self::Multiply => " * ",
            Self::Divide => " / ",
            Self::Remainder => " % ",
            _ => return None,
        })
    }

    pub(crate) fn apply<'a>(self, values: &[Scalar<'a>]) -> Scalar<'a> {
        match (self, values) {
            (Self::Coalesce, values) => {
                values.iter().find(|value| !value.is_null()).cloned().unwrap_or(Scalar::Null)
            }
            (Self::Concat, values) => concat(values),
            (Self::If, [condition, yes, no]) => if is_true(condition) { yes } else { no }.clone(),
            (Self::NullIf, [value, other]) => null_if(value, other),
            (Self::Substring, values) => substring(values),
            (_, [value, ..]) if value.is_null() => Scalar::Null,
            (Self::Real, [value]) => Scalar::Real(real(value)),
            (Self::Abs, [value]) => Scalar::Real(real(value).abs()),
            (Self::Round, [value]) => Scalar::Real(round(real(value))),
            (Self::Length, [value]) => length(value),
            (Self::Trim, [value]) => changed(value, |text| text.trim_matches(' ').to_owned()),
            (Self::Upper, [value]) => changed(value, str::to_ascii_uppercase),
            (_, [_, other]) if other.is_null() => Scalar::Null,
            (_, [left, right]) => self.calculate(real(left), real(right)),
            _ => Scalar::Null,
        }
    }

    fn calculate<'a>(self, left: f64, right: f64) -> Scalar<'a> {
        let number = match self {
            Self::Add => left + right,
            Self::Subtract => left - right,
            Self::Multiply => left * right,
            Self::Divide if right == 0.0 => return Scalar::Null,
            Self::Divide => left / right,
            // of whole numbers
            Self::Remainder => match (left as i64, right as i64) {
                (_, 0) => return Scalar::Null,
                (left, right) => left.wrapping_rem(right) as f64,
            },
            _ => return Scalar::Null,
        };
        if number.is_nan() { Scalar::Null } else { Scalar::Real(number) }
    }
}

/// From here on every float64 is whole.
const WHOLE: f64 = 4_503_599_627_370_496.0;

fn round(real: f64) -> f64 {
    if real.abs() >= WHOLE { real } else { ((real + 0.5f64.copysign(real)) as i64) as f64 }
}

fn real(value: &Scalar<'_>) -> f64 {
    match value {
        Scalar::Null => 0.0,
        Scalar::Int(int) => *int as f64,
        Scalar::Real(real) => *real,
        Scalar::Text(text) => leading_number(text),
    }
}

fn is_true(value: &Scalar<'_>) -> bool {
    !value.is_null() && real(value) != 0.0
}

fn null_if<'a>(value: &Scalar<'a>, other: &Scalar<'a>) -> Scalar<'a> {
    let is_same = value.clone().order(other.clone(), Affinity::None) == Ordering::Equal;
    if is_same { Scalar::Null } else { value.clone() }
}

/// A start before the text is counted from its end, a count below 0 goes to the left.
fn substring<'a>(values: &[Scalar<'_>]) -> Scalar<'a> {
    if values.iter().any(Scalar::is_null) {
        return Scalar::Null;
    }
    let [text, start, rest @ ..] = values else { return Scalar::Null };
    let text = text.to_text().unwrap_or_default();
    let text = text.split('\0').next().unwrap_or_default();
    let total = text.chars().count() as i128;
    let whole = |value: &Scalar<'_>| i128::from(real(value) as i64);
    let start = match whole(start) {
        0 => 0,
        start if start < 0 => start + total + 1,
        start => start,
    };
    let count = rest.first().map_or(i128::from(i64::MAX), whole);
    let (from, to) = if count < 0 { (start + count, start) } else { (start, start + count) };
    let (from, to) = (from.clamp(1, total + 1), to.clamp(1, total + 1));
    let skipped = usize::try_from(from - 1).unwrap_or(0);
    let taken = usize::try_from(to - from).unwrap_or(0);
    Scalar::Text(Cow::Owned(text.chars().skip(skipped).take(taken).collect()))
}

/// In characters; SQLite stops at a NUL.
fn length<'a>(value: &Scalar<'_>) -> Scalar<'a> {
    let text = value.to_text().unwrap_or_default();
    let count = text.split('\0').next().unwrap_or_default().chars().count();
    Scalar::Int(i64::try_from(count).unwrap_or(i64::MAX))
}

fn changed<'a>(value: &Scalar<'_>, change: impl FnOnce(&str) -> String) -> Scalar<'a> {
    Scalar::Text(Cow::Owned(change(&value.to_text().unwrap_or_default())))
}

fn concat<'a>(values: &[Scalar<'_>]) -> Scalar<'a> {
    let texts: Option<Vec<_>> = values.iter().map(Scalar::to_text).collect();
    texts.map_or(Scalar::Null, |texts| Scalar::Text(Cow::Owned(texts.concat())))
}
