//! The functions that may be called.

use crate::function::Function;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Callee {
    Lower,
    Now,
    Round,
    Apply(Function),
}

/// Name, callee, and how many arguments it takes at least and at most; in the order of the names.
const ALL: [(&str, Callee, usize, usize); 12] = [
    ("abs", Callee::Apply(Function::Abs), 1, 1),
    ("coalesce", Callee::Apply(Function::Coalesce), 2, 100),
    ("concat", Callee::Apply(Function::Concat), 2, 100),
    ("if", Callee::Apply(Function::If), 3, 3),
    ("length", Callee::Apply(Function::Length), 1, 1),
    ("lower", Callee::Lower, 1, 1),
    ("now", Callee::Now, 0, 0),
    ("nullif", Callee::Apply(Function::NullIf), 2, 2),
    ("round", Callee::Round, 1, 2),
    ("substring", Callee::Apply(Function::Substring), 2, 3),
    ("trim", Callee::Apply(Function::Trim), 1, 1),
    ("upper", Callee::Apply(Function::Upper), 1, 1),
];

impl Callee {
    pub(super) fn named(name: &str) -> Option<Self> {
        entry(name).map(|(_, callee, ..)| *callee)
    }

    /// What is wrong with a call of it.
    pub(super) fn problem(name: &str, count: usize) -> Option<String> {
        let Some((name, _, least, most)) = entry(name) else {
            let names = ALL.map(|(name, ..)| name).join(", ");
            return Some(format!("Unknown function '{name}'. Supported functions: {names}"));
        };
        match (count < *least, count > *most, least == most) {
            (false, false, _) => None,
            (_, _, true) => Some(format!("{name}() requires exactly {least} argument(s), got {count}")),
            (true, ..) => Some(format!("{name}() requires at least {least} arguments")),
            _ => Some(format!("{name}() takes at most {most} arguments")),
        }
    }
}

fn entry(name: &str) -> Option<&'static (&'static str, Callee, usize, usize)> {
    ALL.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name))
}
