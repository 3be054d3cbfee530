//! One condition for many rows of constants: which rows fulfil it.

use super::{FLAT, ROOT, Sql};
use crate::node::{At, Constant, Join, Node, Operand, Order, Quantified, Source, Test};
use crate::query::SqlValue;
use crate::scalar::{Affinity, Scalar};
use std::fmt::Write;

/// The table of constants. Its columns have no affinity, as parameters have none; `t…` are copies that are texts and can
/// be searched.
const TABLE: &str = "asked";

/// Where a parameter of the condition is found.
#[derive(Clone, Copy)]
pub(super) struct Varying {
    column: usize,
    /// all are texts, and none is empty
    is_text: bool,
}

/// A row of joins that can be looked up among the constants.
struct Key<'a> {
    operand: &'a Operand,
    column: usize,
}

impl Sql<'_> {
    /// The condition for itself: a row if it holds.
    pub(crate) fn whole(&mut self, root: &str, node: &Node) {
        let _ = write!(self.out, "SELECT 0 FROM {root} AS \"{ROOT}\" WHERE ");
        self.node(node);
    }

    /// Puts the varying parameters of each row into a table; the condition that is written next reads them there.
    pub(crate) fn table_of(&mut self, rows: &[&Vec<SqlValue>], varying: &[usize]) {
        let columns: String = (0..varying.len()).map(|column| format!(", c{column}")).collect();
        let _ = write!(self.out, "WITH given(i{columns}) AS (VALUES ");
        for (number, row) in rows.iter().enumerate() {
            let _ = write!(self.out, "{}({number}", if number > 0 { ", " } else { "" });
            for at in varying {
                self.push(", ");
                self.param(row[*at].clone());
            }
            self.push(")");
        }
        let _ = write!(self.out, "), {TABLE} AS MATERIALIZED (SELECT i{columns}");
        let count = rows.first().map_or(0, |row| row.len());
        let mut found = vec![None; count];
        for (column, at) in varying.iter().enumerate() {
            let is_text =
                rows.iter().all(|row| matches!(&row[*at], SqlValue::Text(text) if !text.is_empty()));
            if is_text {
                let _ = write!(self.out, ", CAST(c{column} AS TEXT) AS t{column}");
            }
            found[*at] = Some(Varying { column, is_text });
        }
        self.push(" FROM given) ");
        self.varying = found;
        self.position = 0;
    }

    /// Numbers of the rows that fulfil the condition.
    pub(crate) fn choose(&mut self, root: &str, node: &Node) {
        match node {
            Node::Or(nodes) if nodes.len() <= FLAT => {
                for (index, node) in nodes.iter().enumerate() {
                    self.push(if index > 0 { " UNION ALL " } else { "" });
                    self.choose(root, node);
                }
            }
            Node::And(nodes) => self.choose_all(root, nodes),
            other => self.choose_all(root, std::slice::from_ref(other)),
        }
    }

    /// The joins of a node that can be looked up among the constants are walked once for all rows, not once for each.
    fn choose_all(&mut self, root: &str, nodes: &[Node]) {
        let mut starts = vec![self.position];
        for node in nodes {
            starts.push(starts[starts.len() - 1] + self.count(|sql| sql.node(node)));
        }
        let joined = nodes.iter().zip(&starts).enumerate().find_map(|(index, (node, start))| match node {
            Node::Any(any) => Some((index, any, self.search_key(any, *start)?)),
            _ => None,
        });
        let _ = write!(self.out, "SELECT {TABLE}.i FROM {root} AS \"{ROOT}\"");
        let mut end = "";
        if let Some((index, any, key)) = &joined {
            self.position = starts[*index];
            end = self.search(any, key);
        } else {
            let _ = write!(self.out, ", {TABLE} WHERE 1");
        }
        for (index, node) in nodes.iter().enumerate() {
            if joined.as_ref().is_none_or(|(joined, ..)| *joined != index) {
                self.position = starts[index];
                self.push(" AND ");
                self.node(node);
            }
        }
        self.push(end);
        self.open.clear();
        self.position = starts[nodes.len()];
    }

    /// The joins, the constants that are found by their rows, and the condition on both; returns what closes it.
    fn search(&mut self, any: &Quantified, key: &Key<'_>) -> &'static str {
        any.joins.iter().for_each(|join| self.join(join));
        // SQLite takes lists for short and would walk one for each row of a table: what is in a CASE cannot tempt it to
        // join in another order
        let is_list = |join: &Join| matches!(join.source, Source::Each { .. } | Source::Items(_));
        let is_ordered = any.joins.iter().any(is_list);
        let between = if is_ordered { [" LEFT JOIN ", " ON "] } else { [", ", " WHERE "] };
        let _ = write!(self.out, "{}{TABLE}{}", between[0], between[1]);
        self.operand(key.operand);
        let _ = write!(self.out, " = {TABLE}.t{}", key.column);
        if is_ordered {
            let _ = write!(self.out, " WHERE CASE WHEN {TABLE}.i IS NOT NULL");
        }
        self.push(" AND ");
        self.node(&any.body);
        if is_ordered { " THEN 1 END" } else { "" }
    }

    /// A column of the joins that must equal a varying text, if the joins themselves are the same for all rows.
    fn search_key<'a>(&self, any: &'a Quantified, start: usize) -> Option<Key<'a>> {
        let mut position = start + self.count(|sql| any.joins.iter().for_each(|join| sql.join(join)));
        if (start..position).any(|at| self.varying_at(at).is_some()) {
            return None;
        }
        let tests = match &any.body {
            Node::And(nodes) => &nodes[..],
            other => std::slice::from_ref(other),
        };
        for node in tests {
            if let Node::Test(test) = node
                && let Some(operand) = equal_to_text(test)
                && let Some(Varying { column, is_text: true }) = self.varying_at(position)
            {
                return Some(Key { operand, column });
            }
            position += self.count(|sql| sql.node(node));
        }
        None
    }

    /// True if the parameter at this place of the condition stands in the table.
    pub(super) fn write_varying(&mut self, position: usize) -> bool {
        let Some(Varying { column, .. }) = self.varying_at(position) else { return false };
        let _ = write!(self.out, "{TABLE}.c{column}");
        true
    }

    fn varying_at(&self, position: usize) -> Option<Varying> {
        self.varying.get(position).copied().flatten()
    }

    /// How many parameters something has.
    fn count(&self, write: impl FnOnce(&mut Sql<'_>)) -> usize {
        let mut scratch = Sql::new(self.tables, self.now);
        write(&mut scratch);
        scratch.params.len()
    }
}

/// The other side of an equality with a text: a column of texts, or an element. That it equals the text follows.
fn equal_to_text(test: &Test) -> Option<&Operand> {
    let (left, right) = match test {
        Test::Compare { order: Order::Equal, left, right, .. }
        | Test::Same { negated: false, left, right, .. }
        | Test::Merged { negated: false, left, right } => (left, right),
        _ => return None,
    };
    let is_text =
        |operand: &Operand| matches!(operand, Operand::Value(Constant { value: Scalar::Text(_), .. }));
    let is_column = |operand: &Operand| match operand {
        Operand::Column { at: At::Join(_), field } => field.affinity() == Affinity::Text,
        Operand::Element(_) => true,
        _ => false,
    };
    match (left, right) {
        (column, text) if is_column(column) && is_text(text) => Some(column),
        (text, column) if is_column(column) && is_text(text) => Some(column),
        _ => None,
    }
}
