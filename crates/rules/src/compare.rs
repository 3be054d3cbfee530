//! Two resolved operands and a sign to a node, by PocketBase's rules of NULL and "".

use crate::node::{Constant, Counter, Join, LikeForm, Node, Operand, Order, Test};
use crate::scalar::{Affinity, Scalar};
use crate::syntax::Sign;

/// Whether NULL and "" of an operand are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Merging {
    Auto,
    /// JSON values: NULL and "" differ
    Never,
    /// results of functions that may be NULL
    Always,
}

/// Literal values inside of an operand: they decide whether it may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Literals {
    None,
    One { empty: bool },
    Several { empty: bool },
}

/// A name, literal or call after its lookup.
#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    pub(crate) operand: Operand,
    pub(crate) merging: Merging,
    pub(crate) literals: Literals,
    /// set if the path can yield several values
    pub(crate) many: Option<Many>,
    /// must hold besides for the same row
    pub(crate) guard: Option<Test>,
    /// the pattern that LIKE makes of it, where that is not its own text
    pub(crate) pattern: Option<Operand>,
}

/// The path once more, over rows of its own.
#[derive(Clone, Debug)]
pub(crate) struct Many {
    pub(crate) joins: Vec<Join>,
    pub(crate) operand: Operand,
}

impl Literals {
    pub(crate) fn with(self, other: Self) -> Self {
        match (self, other) {
            (Self::None, other) | (other, Self::None) => other,
            (a, b) => Self::Several { empty: a.any_empty() || b.any_empty() },
        }
    }

    fn any_empty(self) -> bool {
        matches!(self, Self::One { empty: true } | Self::Several { empty: true })
    }
}

impl Resolved {
    pub(crate) fn new(operand: Operand) -> Self {
        let literals = Literals::None;
        Self { operand, merging: Merging::Auto, literals, many: None, guard: None, pattern: None }
    }

    pub(crate) fn null() -> Self {
        Self::new(Operand::NULL)
    }

    /// A value that came as text, number, or by a request.
    pub(crate) fn literal(value: Scalar<'static>) -> Self {
        let empty = value.is_null_or_empty();
        let operand = Operand::Value(Constant { value, affinity: Affinity::None, literal: true });
        Self { literals: Literals::One { empty }, ..Self::new(operand) }
    }

    fn side(&self) -> Side<'_> {
        let pattern = self.pattern.as_ref();
        Side { operand: &self.operand, merging: self.merging, literals: self.literals, pattern }
    }

    /// As the other side of a test on rows of their own.
    fn beside(&self) -> Side<'_> {
        Side { merging: Merging::Auto, ..self.side() }
    }

    fn within<'a>(&self, many: &'a Many) -> Side<'a> {
        Side { operand: &many.operand, merging: self.merging, literals: Literals::None, pattern: None }
    }
}

struct Side<'a> {
    operand: &'a Operand,
    merging: Merging,
    literals: Literals,
    pattern: Option<&'a Operand>,
}

impl Side<'_> {
    fn is_null_word(&self) -> bool {
        matches!(self.operand, Operand::Value(Constant { value: Scalar::Null, affinity: Affinity::None, .. }))
    }

    fn is_empty(&self) -> bool {
        self.is_null_word()
            || (self.merging == Merging::Auto && matches!(self.literals, Literals::One { empty: true }))
    }

    fn is_known(&self) -> bool {
        if self.merging == Merging::Always {
            return false;
        }
        let bit = matches!(
            self.operand,
            Operand::Value(Constant { value: Scalar::Int(0 | 1), affinity: Affinity::None, literal: false })
        );
        bit || (self.literals != Literals::None && !self.literals.any_empty() && !self.is_null_word())
    }

    fn or_empty(&self) -> Operand {
        if self.is_empty() { Operand::text("") } else { self.operand.clone() }
    }
}

/// `left sign right` for the joined row, and unless `any`, for all rows of the paths.
pub(crate) fn compare(left: &Resolved, sign: Sign, any: bool, right: &Resolved) -> Node {
    let mut nodes = vec![Node::Test(Box::new(test(&left.side(), sign, &right.side())))];
    if !any {
        nodes.extend(counter(left, sign, right).map(|counter| Node::None(Box::new(counter))));
    }
    for guard in [&left.guard, &right.guard].into_iter().flatten() {
        nodes.push(Node::Test(Box::new(guard.clone())));
    }
    Node::all(nodes)
}

fn counter(left: &Resolved, sign: Sign, right: &Resolved) -> Option<Counter> {
    let (joins, test) = match (&left.many, &right.many) {
        (None, None) => return None,
        (Some(a), Some(b)) => {
            let joins = a.joins.iter().chain(&b.joins).cloned().collect();
            (joins, test(&left.within(a), sign, &right.within(b)))
        }
        (Some(a), None) => (a.joins.clone(), test(&left.within(a), sign, &right.beside())),
        (None, Some(b)) => (b.joins.clone(), test(&left.beside(), sign, &right.within(b))),
    };
    Some(Counter { joins, test })
}

fn test(left: &Side<'_>, sign: Sign, right: &Side<'_>) -> Test {
    let order = match sign {
        Sign::Equal => return equal(left, right, false),
        Sign::NotEqual => return equal(left, right, true),
        Sign::Like => return like(left, right, false),
        Sign::NotLike => return like(left, right, true),
        Sign::Less => Order::Less,
        Sign::LessOrEqual => Order::LessOrEqual,
        Sign::Greater => Order::Greater,
        Sign::GreaterOrEqual => Order::GreaterOrEqual,
    };
    ordered(order, left.operand.clone(), right.operand.clone())
}

fn ordered(order: Order, left: Operand, right: Operand) -> Test {
    let affinity = Affinity::of_comparison(left.affinity(), right.affinity());
    Test::Compare { order, left, right, affinity }
}

fn same(negated: bool, left: Operand, right: Operand) -> Test {
    let affinity = Affinity::of_comparison(left.affinity(), right.affinity());
    Test::Same { negated, left, right, affinity }
}

fn equal(left: &Side<'_>, right: &Side<'_>, negated: bool) -> Test {
    if left.merging == Merging::Never || right.merging == Merging::Never {
        return same(negated, left.operand.clone(), right.operand.clone());
    }
    match (left.is_empty(), right.is_empty()) {
        (true, true) => Test::Const(!negated),
        _ if left.is_known() || right.is_known() => {
            let (left, right) = (left.or_empty(), right.or_empty());
            if negated { same(true, left, right) } else { ordered(Order::Equal, left, right) }
        }
        (true, false) => Test::Empty { negated, of: right.operand.clone() },
        (false, true) => Test::Empty { negated, of: left.operand.clone() },
        (false, false) => Test::Merged { negated, left: left.operand.clone(), right: right.operand.clone() },
    }
}

fn like(left: &Side<'_>, right: &Side<'_>, negated: bool) -> Test {
    let contains = right.literals == Literals::None || matches!(right.operand, Operand::Element(_));
    let pattern = match right.pattern {
        Some(pattern) => pattern.clone(),
        None if contains => right.operand.clone(),
        None => right.operand.to_pattern(),
    };
    let form = if contains { LikeForm::Contains } else { LikeForm::Escaped };
    Test::Like { negated, text: left.operand.clone(), pattern, form }
}
