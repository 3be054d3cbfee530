//! Sums, counts and the like over groups of records.

use super::{Query, Statement, Tables, count, finish};
use crate::sql::Sql;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    Count,
    Sum,
    Average,
    Least,
    Greatest,
}

/// One function over one field; a count may be of records.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    pub function: Function,
    pub field: Option<Box<str>>,
}

impl Query {
    /// A row for each group of records that are equal in the fields `by`: the aggregates, then those fields. At most
    /// `limit` groups, in the order of `by`; `page` and `sort` are ignored.
    pub fn aggregate(&self, of: &[Aggregate], by: &[&str], limit: u64, tables: &dyn Tables) -> Statement {
        let mut sql = Sql::new(tables, self.now);
        sql.push("SELECT ");
        for (index, aggregate) in of.iter().enumerate() {
            sql.push(if index > 0 { ", " } else { "" });
            self.function(&mut sql, aggregate);
        }
        for (index, field) in by.iter().enumerate() {
            sql.push(if index + of.len() > 0 { ", " } else { "" });
            self.root_column(&mut sql, field);
        }
        self.body(&mut sql, tables);
        for (word, comma) in [(" GROUP BY ", ", "), (" ORDER BY ", ", ")] {
            for (index, field) in by.iter().enumerate() {
                sql.push(if index > 0 { comma } else { word });
                self.root_column(&mut sql, field);
            }
        }
        sql.push(" LIMIT ");
        sql.param(count(limit));
        finish(sql)
    }

    fn function(&self, sql: &mut Sql<'_>, aggregate: &Aggregate) {
        sql.push(match aggregate.function {
            Function::Count => "COUNT(",
            Function::Sum => "SUM(",
            Function::Average => "AVG(",
            Function::Least => "MIN(",
            Function::Greatest => "MAX(",
        });
        match &aggregate.field {
            Some(field) => self.root_column(sql, field),
            None => sql.push("*"),
        }
        sql.push(")");
    }
}
