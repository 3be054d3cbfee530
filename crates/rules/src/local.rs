//! Whether a tree can be evaluated without other records.

use crate::node::{Join, Node, Operand, Source, Test};

/// Rows of one list may be walked inside of those of another only by asking the store: both may be long.
const MAX_NESTED_LISTS: usize = 1;

pub(crate) fn is_local(node: &Node) -> bool {
    local(node, 0)
}

fn local(node: &Node, lists: usize) -> bool {
    match node {
        Node::Const(_) => true,
        Node::And(nodes) | Node::Or(nodes) => nodes.iter().all(|node| local(node, lists)),
        Node::Test(test) => test_is_local(test, lists),
        Node::Any(any) => {
            let lists = lists + any.joins.len();
            joins_are_local(&any.joins) && lists <= MAX_NESTED_LISTS && local(&any.body, lists)
        }
        Node::None(counter) => {
            let lists = lists + counter.joins.len();
            joins_are_local(&counter.joins)
                && lists <= MAX_NESTED_LISTS
                && test_is_local(&counter.test, lists)
        }
    }
}

fn joins_are_local(joins: &[Join]) -> bool {
    joins.iter().all(|join| matches!(join.source, Source::Each { .. } | Source::Items(_)))
}

fn test_is_local(test: &Test, lists: usize) -> bool {
    let mut yes = true;
    test.walk(&mut |operand| match operand {
        Operand::Strftime(arguments) => yes &= crate::strftime::is_known(arguments),
        Operand::Truth(node) => yes &= local(node, lists),
        _ => {}
    });
    yes
}
