//! Puts each joined row as deep into the tree as all of its uses allow.
//!
//! The tree has no NOT and every join has at least one row, so "some row fulfils A or B" is "A, or some row fulfils B"
//! where only B reads the row; the same holds for "and".

use crate::node::{At, Join, JoinId, Node, Operand, Quantified, Test};
use std::collections::{BTreeMap, BTreeSet};

type Ids = BTreeSet<JoinId>;

/// Binds all `joins` that the tree uses.
pub(crate) fn place(node: Node, joins: Vec<Join>) -> Node {
    if joins.is_empty() {
        return node;
    }
    let placer = Placer { joins: joins.into_iter().map(|join| (join.id, join)).collect() };
    let used = placer.uses(&node);
    placer.place(node, &used)
}

/// The joins that an operand reads, each after those it hangs on.
pub(crate) fn needed(operand: &Operand, joins: &[Join]) -> Vec<Join> {
    let placer = Placer { joins: joins.iter().map(|join| (join.id, join.clone())).collect() };
    let mut ids = Ids::new();
    operand.walk(&mut |operand| placer.collect_operand(operand, &mut ids));
    ids.iter().filter_map(|id| placer.joins.get(id)).cloned().collect()
}

struct Placer {
    joins: BTreeMap<JoinId, Join>,
}

impl Placer {
    /// The joins that the node reads, with those they hang on.
    fn uses(&self, node: &Node) -> Ids {
        let mut ids = Ids::new();
        self.collect(node, &mut ids);
        ids
    }

    fn collect(&self, node: &Node, ids: &mut Ids) {
        match node {
            Node::Const(_) => {}
            Node::And(nodes) | Node::Or(nodes) => nodes.iter().for_each(|node| self.collect(node, ids)),
            Node::Test(test) => self.collect_test(test, ids),
            Node::Any(any) => self.collect(&any.body, ids),
            Node::None(counter) => {
                counter.joins.iter().filter_map(|join| join.source.parent()).for_each(|at| self.add(at, ids));
                self.collect_test(&counter.test, ids);
            }
        }
    }

    fn collect_test(&self, test: &Test, ids: &mut Ids) {
        test.walk(&mut |operand| self.collect_operand(operand, ids));
    }

    fn collect_operand(&self, operand: &Operand, ids: &mut Ids) {
        match operand {
            Operand::Column { at, .. } | Operand::Extract { at, .. } | Operand::Length { at, .. } => {
                self.add(*at, ids);
            }
            Operand::Element(id) => self.add(At::Join(*id), ids),
            _ => {}
        }
    }

    fn add(&self, mut at: At, ids: &mut Ids) {
        while let At::Join(id) = at {
            let Some(join) = self.joins.get(&id) else { return };
            if !ids.insert(id) {
                return;
            }
            at = join.source.parent().unwrap_or(At::Root);
        }
    }

    /// Binds `ids`, which are used nowhere else, in or around `node`.
    fn place(&self, node: Node, ids: &Ids) -> Node {
        if ids.is_empty() {
            return node;
        }
        match node {
            Node::And(nodes) => Node::all(self.group(nodes, ids, Node::all)),
            Node::Or(nodes) => Node::some(self.group(nodes, ids, Node::some)),
            other => self.any(ids, other),
        }
    }

    fn any(&self, ids: &Ids, body: Node) -> Node {
        if ids.is_empty() {
            return body;
        }
        // ids grow from parent to child
        let joins = ids.iter().filter_map(|id| self.joins.get(id)).cloned().collect();
        Node::Any(Box::new(Quantified { joins, body }))
    }

    /// Nodes that share a row stay together under it; the others keep their rows for themselves.
    fn group(&self, nodes: Vec<Node>, ids: &Ids, join: fn(Vec<Node>) -> Node) -> Vec<Node> {
        let uses: Vec<Ids> = nodes.iter().map(|node| &self.uses(node) & ids).collect();
        let mut counts: BTreeMap<JoinId, usize> = BTreeMap::new();
        uses.iter().flatten().for_each(|id| *counts.entry(*id).or_default() += 1);
        let is_shared = |id: &JoinId| counts.get(id).is_some_and(|count| *count > 1);
        let mut groups: Vec<(Ids, Vec<Node>)> = Vec::new();
        for (node, used) in nodes.into_iter().zip(uses) {
            let (shared, own): (Ids, Ids) = used.iter().partition(|id| is_shared(id));
            let mut group = (shared, vec![self.place(node, &own)]);
            if !group.0.is_empty() {
                while let Some(at) = groups.iter().position(|(ids, _)| !ids.is_disjoint(&group.0)) {
                    let (ids, mut nodes) = groups.remove(at);
                    nodes.append(&mut group.1);
                    group = (&ids | &group.0, nodes);
                }
            }
            groups.push(group);
        }
        groups.into_iter().map(|(ids, nodes)| self.any(&ids, join(nodes))).collect()
    }
}
