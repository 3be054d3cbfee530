//! Conditions to nodes. NOT is carried down to the comparisons, where SQL's third truth makes it the opposite sign.

use super::Phrase;
use super::fact::meaning;
use crate::node::{Constant, LikeForm, Node, Operand, Order, Test};
use crate::resolve::{Resolver, Result, invalid};
use crate::scalar::{Affinity, Scalar};
use crate::syntax::Sign;
use std::borrow::Cow;
use tidewire_model::Timestamp;
use tidewire_model::field::FieldKind;

impl Resolver<'_> {
    pub(crate) fn phrase(&mut self, phrase: &Phrase) -> Result<Node> {
        let problems = self.problems(phrase);
        if !problems.is_empty() {
            return invalid(problems.join("; "));
        }
        self.condition(phrase, false)
    }

    pub(super) fn condition(&mut self, phrase: &Phrase, negated: bool) -> Result<Node> {
        match phrase {
            Phrase::And(items) => self.joined(items, !negated, negated),
            Phrase::Or(items) => self.joined(items, negated, negated),
            Phrase::Not(inner) => self.condition(inner, !negated),
            Phrase::Compare(left, sign, right) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                Ok(match order(*sign) {
                    None => like(left, right, negated),
                    Some(order) => compare(left, if negated { order.negated() } else { order }, right),
                })
            }
            Phrase::In(of, items) => self.within(of, items, negated),
            Phrase::IsNull(of, is_not) => {
                let left = self.value(of)?;
                let (right, affinity) = (Operand::NULL, Affinity::None);
                Ok(node(Test::Same { negated: *is_not != negated, left, right, affinity }))
            }
            Phrase::Call(name, arguments) if &**name == "@has_group" => {
                let groups = self.facts.memberships();
                arguments.first().map_or(invalid("@has_group() needs a group"), |group| {
                    self.within(group, &groups, negated)
                })
            }
            Phrase::Call(..) | Phrase::Name(_) => match expanded(phrase) {
                Some(meaning) => self.condition(&meaning, negated),
                None => self.truth(phrase, negated),
            },
            Phrase::Arithmetic(..) | Phrase::Negative(_) | Phrase::Literal(_) => self.truth(phrase, negated),
        }
    }

    fn joined(&mut self, items: &[Phrase], all: bool, negated: bool) -> Result<Node> {
        let nodes = items.iter().map(|item| self.condition(item, negated)).collect::<Result<Vec<_>>>()?;
        Ok(if all { Node::all(nodes) } else { Node::some(nodes) })
    }

    fn within(&mut self, of: &Phrase, items: &[Phrase], negated: bool) -> Result<Node> {
        let left = self.value(of)?;
        let order = if negated { Order::NotEqual } else { Order::Equal };
        let mut nodes = Vec::with_capacity(items.len());
        for item in items {
            nodes.push(compare(left.clone(), order, self.value(item)?));
        }
        Ok(if negated { Node::all(nodes) } else { Node::some(nodes) })
    }

    /// A value for itself: true if it is a number other than 0.
    fn truth(&mut self, phrase: &Phrase, negated: bool) -> Result<Node> {
        let value = self.value(phrase)?;
        if matches!(&value, Operand::Column { field, .. } if field.field().kind == (FieldKind::Bool {})) {
            return Ok(compare(value, Order::Equal, Operand::int((!negated).into())));
        }
        let order = if negated { Order::Equal } else { Order::NotEqual };
        let number = Operand::Apply(crate::function::Function::Real, Box::new([value]));
        Ok(compare(super::operand::settled(number), order, Operand::int(0)))
    }
}

/// What a macro stands for.
pub(super) fn expanded(phrase: &Phrase) -> Option<Phrase> {
    match phrase {
        Phrase::Name(name) if name.starts_with('@') => meaning(name, &[]),
        Phrase::Call(name, arguments) if name.starts_with('@') => meaning(name, arguments),
        _ => None,
    }
}

fn node(test: Test) -> Node {
    Node::Test(Box::new(test))
}

fn order(sign: Sign) -> Option<Order> {
    Some(match sign {
        Sign::Equal => Order::Equal,
        Sign::NotEqual => Order::NotEqual,
        Sign::Less => Order::Less,
        Sign::LessOrEqual => Order::LessOrEqual,
        Sign::Greater => Order::Greater,
        Sign::GreaterOrEqual => Order::GreaterOrEqual,
        Sign::Like | Sign::NotLike => return None,
    })
}

fn is_null(operand: &Operand) -> bool {
    matches!(operand, Operand::Value(Constant { value: Scalar::Null, .. }))
}

/// With NULL it is neither true nor false, and so is its opposite.
fn compare(left: Operand, order: Order, right: Operand) -> Node {
    if is_null(&left) || is_null(&right) {
        return Node::Const(false);
    }
    let (left, right) = (beside(left, &right), right);
    let right = beside(right, &left);
    let affinity = Affinity::of_comparison(left.affinity(), right.affinity());
    node(Test::Compare { order, left, right, affinity })
}

fn like(text: Operand, pattern: Operand, negated: bool) -> Node {
    if is_null(&text) || is_null(&pattern) {
        return Node::Const(false);
    }
    node(Test::Like { negated, text, pattern, form: LikeForm::Plain })
}

/// A time as it is stored, so that the order of the texts is that of the times.
fn beside(operand: Operand, other: &Operand) -> Operand {
    let is_time = matches!(other, Operand::Column { field, .. }
        if matches!(field.field().kind, FieldKind::Date(_) | FieldKind::Autodate(_)));
    match operand {
        Operand::Value(Constant { value: Scalar::Text(text), affinity, literal }) if is_time => {
            let value = Scalar::Text(time(&text).map_or(text, Cow::Owned));
            Operand::Value(Constant { value, affinity, literal })
        }
        other => other,
    }
}

fn time(text: &str) -> Option<String> {
    let with_seconds = || Some(format!("{}:00{}", text.get(..16)?, text.get(16..)?));
    let time = Timestamp::parse(text).or_else(|| Timestamp::parse(&with_seconds()?))?;
    Some(time.to_text())
}
