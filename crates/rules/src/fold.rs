//! Replaces what is constant by its value.

use crate::eval::{Answer, Eval};
use crate::node::{Join, Node, Operand, Source, Test};
use crate::scalar::Scalar;

pub(crate) fn fold(node: Node) -> Node {
    match node {
        Node::And(nodes) => Node::all(nodes.into_iter().map(fold)),
        Node::Or(nodes) => Node::some(nodes.into_iter().map(fold)),
        Node::Test(mut test) => {
            fold_test(&mut test);
            settle(Node::Test(test), true)
        }
        Node::Any(mut any) => {
            any.body = fold(any.body);
            if let Node::Const(value) = any.body {
                return Node::Const(value);
            }
            let settled = are_constant(&any.joins);
            settle(Node::Any(any), settled)
        }
        Node::None(mut counter) => {
            fold_test(&mut counter.test);
            if let Test::Const(value) = counter.test {
                return Node::Const(value);
            }
            let settled = are_constant(&counter.joins);
            settle(Node::None(counter), settled)
        }
        constant @ Node::Const(_) => constant,
    }
}

/// Evaluates a node that reads nothing but constants.
fn settle(node: Node, joins_are_constant: bool) -> Node {
    let mut constant = joins_are_constant;
    node.walk_tests(&mut |test| {
        constant &= !matches!(test, Test::Document { .. });
        test.walk(&mut |operand| constant &= is_constant(operand));
    });
    if !constant || matches!(&node, Node::Test(test) if reads_rows(test)) {
        return node;
    }
    match Eval::of_constants().node(&node, None) {
        Answer::True => Node::Const(true),
        Answer::False | Answer::Null => Node::Const(false),
        Answer::Ask => node,
    }
}

/// True if it reads neither record nor clock itself; what is inside of it is another question.
fn is_constant(operand: &Operand) -> bool {
    matches!(
        operand,
        Operand::Value(_)
            | Operand::Element(_)
            | Operand::Lower(_)
            | Operand::Apply(..)
            | Operand::Distance(_)
            | Operand::Truth(_)
    )
}

/// A test that belongs to a row is settled together with it.
fn reads_rows(test: &Test) -> bool {
    let mut reads = false;
    test.walk(&mut |operand| reads |= matches!(operand, Operand::Element(_)));
    reads
}

/// The value of an operand that reads nothing but constants.
pub(crate) fn constant(operand: &Operand) -> Option<Scalar<'static>> {
    let mut constant = true;
    operand.walk(&mut |inner| constant &= is_constant(inner) && !matches!(inner, Operand::Element(_)));
    if !constant {
        return None;
    }
    Eval::of_constants().operand(operand, None).ok().map(Scalar::into_owned)
}

fn are_constant(joins: &[Join]) -> bool {
    joins.iter().all(|join| matches!(join.source, Source::Items(_)))
}

fn fold_test(test: &mut Test) {
    match test {
        Test::Compare { left, right, .. }
        | Test::Same { left, right, .. }
        | Test::Merged { left, right, .. }
        | Test::Like { text: left, pattern: right, .. } => {
            fold_operand(left);
            fold_operand(right);
        }
        Test::Empty { of, .. } => fold_operand(of),
        Test::Document { .. } | Test::Const(_) => {}
    }
}

fn fold_operand(operand: &mut Operand) {
    if let Operand::Truth(node) = operand {
        **node = fold(std::mem::replace(&mut **node, Node::Const(false)));
        if let Node::Const(value) = **node {
            *operand = Operand::int(value.into());
        }
    }
}
