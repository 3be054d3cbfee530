//! Several residuals judged on one record.

use crate::eval::{Answer, Eval};
use crate::node::Node;
use crate::query::{SqlValue, Statement, Tables};
use crate::residual::{Residual, Truth};
use crate::sql::Sql;
use std::collections::HashMap;
use tidewire_model::{Record, Timestamp};

/// Residuals in one statement, at most.
const ROWS: usize = 512;
/// Parameters that SQLite takes in one statement.
const PARAMS: usize = 32_766;

/// How several residuals are judged on one record: in memory as far as it goes, and by as few statements as can be, since
/// those that differ in constants only share one.
pub struct Panel {
    /// for each residual, what the record alone says
    pub known: Vec<Option<bool>>,
    /// they tell of all others
    pub choices: Vec<Choice>,
}

/// A statement whose rows are numbers: those of its residuals that hold. Numbers may come twice, and some stand for nothing.
pub struct Choice {
    pub statement: Statement,
    /// places of the residuals, by number
    pub of: Vec<usize>,
    /// none of them has a number of its own: they all hold if there is a row
    pub all: bool,
}

/// What is left of a residual, and the parameters of its condition.
struct Case {
    place: usize,
    node: Node,
    params: Vec<SqlValue>,
}

impl Panel {
    /// `tables` names one that has this record alone as its root.
    pub fn new(residuals: &[&Residual], record: &Record, now: Timestamp, tables: &dyn Tables) -> Self {
        let mut known = Vec::with_capacity(residuals.len());
        let mut groups: Vec<Vec<Case>> = Vec::new();
        let mut by_text: HashMap<String, usize> = HashMap::new();
        for (place, residual) in residuals.iter().enumerate() {
            let node = rest(residual, record, now);
            if let Node::Const(answer) = node {
                known.push(Some(answer));
                continue;
            }
            known.push(None);
            let mut sql = Sql::new(tables, now);
            sql.node(&node);
            let group = *by_text.entry(sql.out).or_insert_with(|| {
                groups.push(Vec::new());
                groups.len() - 1
            });
            groups[group].push(Case { place, node, params: sql.params });
        }
        let root = tables.root(&record.collection);
        let writer = Writer { tables, now, root: &root };
        Self { known, choices: groups.iter().flat_map(|cases| writer.choices(cases)).collect() }
    }
}

/// What other records decide, once the record's own part is known.
fn rest(residual: &Residual, record: &Record, now: Timestamp) -> Node {
    match residual.collection() {
        Some(collection) => reduced(&Eval::new(record, collection, now), &residual.node),
        None => Node::Const(residual.eval(record, now) == Truth::Yes),
    }
}

/// Where only truth counts, NULL is as good as false.
fn reduced<'a>(eval: &Eval<'a>, node: &'a Node) -> Node {
    match node {
        Node::And(nodes) => Node::all(nodes.iter().map(|node| reduced(eval, node))),
        Node::Or(nodes) => Node::some(nodes.iter().map(|node| reduced(eval, node))),
        other => match eval.node(other, None) {
            Answer::True => Node::Const(true),
            Answer::False | Answer::Null => Node::Const(false),
            Answer::Ask => other.clone(),
        },
    }
}

struct Writer<'a> {
    tables: &'a dyn Tables,
    now: Timestamp,
    root: &'a str,
}

impl Writer<'_> {
    /// Statements for cases whose conditions differ in parameters only.
    fn choices(&self, cases: &[Case]) -> Vec<Choice> {
        let Some(first) = cases.first() else { return Vec::new() };
        let differs = |at: &usize| cases.iter().any(|case| case.params[*at] != first.params[*at]);
        let varying: Vec<usize> = (0..first.params.len()).filter(differs).collect();
        if varying.is_empty() {
            return vec![self.alone(cases)];
        }
        let room = PARAMS.saturating_sub(first.params.len()) / varying.len();
        // few sizes, so that statements are used again
        let rows = room.min(ROWS).checked_ilog2().map_or(1, |log| 1 << log);
        let chunks = cases.chunks(rows);
        chunks
            .map(|chunk| if rows > 1 { self.together(chunk, &varying) } else { self.alone(chunk) })
            .collect()
    }

    fn alone(&self, cases: &[Case]) -> Choice {
        let mut sql = Sql::new(self.tables, self.now);
        sql.whole(self.root, &cases[0].node);
        self.choice(sql, cases, true)
    }

    fn together(&self, cases: &[Case], varying: &[usize]) -> Choice {
        let mut sql = Sql::new(self.tables, self.now);
        let rows = cases.len().next_power_of_two();
        let padded = (0..rows).map(|row| &cases[row.min(cases.len() - 1)].params);
        sql.table_of(&padded.collect::<Vec<_>>(), varying);
        sql.choose(self.root, &cases[0].node);
        self.choice(sql, cases, false)
    }

    fn choice(&self, sql: Sql<'_>, cases: &[Case], all: bool) -> Choice {
        let statement = Statement { sql: sql.out, params: sql.params };
        Choice { statement, of: cases.iter().map(|case| case.place).collect(), all }
    }
}
