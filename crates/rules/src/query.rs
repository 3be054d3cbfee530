//! Residuals and sorts to SQLite SQL.

mod aggregate;

use crate::node::Node;
use crate::residual::Residual;
use crate::sort::{Key, Sort};
use crate::sql::{ROOT, Sql};
pub use aggregate::{Aggregate, Function};
use std::sync::Arc;
use tidewire_model::{Collection, TenantId, Timestamp};

/// The column that separates tenants; no field can be called so.
pub const TENANT_COLUMN: &str = "tw:tenant";

#[derive(Clone, Debug, PartialEq)]
pub enum SqlValue {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
}

/// One statement with its parameters, numbered in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    pub sql: String,
    pub params: Vec<SqlValue>,
}

/// What the store calls the table of a collection. May be a quoted name or a bracketed subquery; columns of a subquery
/// must keep the affinity of the table's, and only tables have the row ids that a selection is ordered by.
pub trait Tables {
    /// the table in which records are looked for
    fn table(&self, collection: &Collection) -> String;
    /// true if documents of the collection can be found by this key
    fn has_index(&self, _collection: &Collection, _key: &str) -> bool {
        false
    }
    /// true if the table holds no other tenant's records
    fn is_alone(&self, _collection: &Collection, _tenant: &TenantId) -> bool {
        false
    }
    /// the table in which the record in question stands (an image of it, when rules are judged on a change)
    fn root(&self, collection: &Collection) -> String {
        self.table(collection)
    }
}

/// A question about the records of one collection in one tenant, or in all.
#[derive(Clone, Debug)]
pub struct Query {
    collection: Arc<Collection>,
    tenant: Option<TenantId>,
    now: Timestamp,
    conditions: Vec<Node>,
    only: Vec<(Box<str>, Vec<Box<str>>)>,
    sort: Sort,
    page: Option<(u64, u64)>,
}

impl Query {
    pub fn new(collection: &Arc<Collection>, tenant: &TenantId, now: Timestamp) -> Self {
        let (collection, tenant) = (collection.clone(), Some(tenant.clone()));
        let (conditions, only) = (Vec::new(), Vec::new());
        Self { collection, tenant, now, conditions, only, sort: Sort::default(), page: None }
    }

    /// For those who may see the records of every tenant, and for nobody else. A selection has the tenant as its last
    /// column.
    pub fn of_all_tenants(collection: &Arc<Collection>, now: Timestamp) -> Self {
        Self { tenant: None, ..Self::new(collection, &TenantId::default(), now) }
    }

    /// Whose records are asked for; `None` for all.
    pub fn tenant(&self) -> Option<&TenantId> {
        self.tenant.as_ref()
    }

    pub fn collection(&self) -> &Arc<Collection> {
        &self.collection
    }

    /// Keys of an open collection that must equal a constant in every record that is asked for.
    pub fn document_keys(&self) -> Vec<&str> {
        let mut keys = Vec::new();
        self.conditions.iter().for_each(|condition| crate::equality::document_keys(condition, &mut keys));
        keys
    }

    /// Adds a condition; several are joined by AND.
    pub fn filter(mut self, residual: &Residual) -> Self {
        self.conditions.push(residual.node.clone());
        self
    }

    /// Restricts to records whose text column `field` is one of `values`.
    pub fn only(mut self, field: &str, values: &[&str]) -> Self {
        self.only.push((field.into(), values.iter().map(|value| (*value).into()).collect()));
        self
    }

    pub fn sort(mut self, sort: &Sort) -> Self {
        self.conditions.push(sort.guard.clone());
        self.sort = sort.clone();
        self
    }

    pub fn page(mut self, limit: u64, offset: u64) -> Self {
        self.page = Some((limit, offset));
        self
    }

    /// Selects the columns of all fields in the order of `collection.fields`; rows in insertion order unless sorted.
    pub fn select(&self, tables: &dyn Tables) -> Statement {
        let mut sql = Sql::new(tables, self.now);
        sql.push("SELECT ");
        for (index, field) in self.collection.fields.iter().enumerate() {
            sql.push(if index > 0 { ", \"" } else { "\"" });
            sql.push(ROOT);
            sql.push("\".");
            sql.name(&field.name);
        }
        if self.tenant.is_none() {
            sql.push(", ");
            self.root_column(&mut sql, TENANT_COLUMN);
        }
        self.body(&mut sql, tables);
        self.order(&mut sql);
        if let Some((limit, offset)) = self.page {
            sql.push(" LIMIT ");
            sql.param(count(limit));
            sql.push(" OFFSET ");
            sql.param(count(offset));
        }
        finish(sql)
    }

    /// One row, one column: how many records; `page` and `sort` are ignored.
    pub fn count(&self, tables: &dyn Tables) -> Statement {
        let mut sql = Sql::new(tables, self.now);
        sql.push("SELECT COUNT(*)");
        self.body(&mut sql, tables);
        finish(sql)
    }

    /// One row with 1, or none.
    pub fn exists(&self, tables: &dyn Tables) -> Statement {
        let mut sql = Sql::new(tables, self.now);
        sql.push("SELECT 1");
        self.body(&mut sql, tables);
        sql.push(" LIMIT 1");
        finish(sql)
    }

    fn body(&self, sql: &mut Sql<'_>, tables: &dyn Tables) {
        sql.push(" FROM ");
        sql.push(&tables.root(&self.collection));
        sql.push(" AS \"");
        sql.push(ROOT);
        sql.push("\" WHERE ");
        match &self.tenant {
            Some(tenant) => self.of(tenant, sql, tables),
            None => sql.push("1"),
        }
        for (field, values) in &self.only {
            sql.push(" AND ");
            self.root_column(sql, field);
            sql.push(" IN ");
            sql.texts(values.iter().map(|value| &**value));
        }
        for condition in &self.conditions {
            if !matches!(condition, Node::Const(true)) {
                sql.push(" AND ");
                sql.node(condition);
            }
        }
    }

    /// SQLite must not think that an index over the tenant leaves few rows where all rows are of one.
    fn of(&self, tenant: &TenantId, sql: &mut Sql<'_>, tables: &dyn Tables) {
        let keys = if self.collection.open { self.document_keys() } else { Vec::new() };
        let (before, after) = if keys.iter().any(|key| tables.has_index(&self.collection, key)) {
            ("+", "")
        } else if tables.is_alone(&self.collection, tenant) {
            ("likely(", ")")
        } else {
            ("", "")
        };
        sql.push(before);
        self.root_column(sql, TENANT_COLUMN);
        sql.push(" = ");
        sql.param(SqlValue::Text(tenant.as_str().to_owned()));
        sql.push(after);
    }

    fn root_column(&self, sql: &mut Sql<'_>, name: &str) {
        sql.name(ROOT);
        sql.push(".");
        sql.name(name);
    }

    /// Equal keys stay in insertion order.
    fn order(&self, sql: &mut Sql<'_>) {
        sql.push(" ORDER BY ");
        let mut by_row = false;
        for (key, descending) in &self.sort.keys {
            match key {
                Key::Random => sql.push("RANDOM()"),
                Key::Row => {
                    by_row = true;
                    sql.push("\"r\".rowid");
                }
                Key::Operand { joins, operand } if joins.is_empty() => sql.operand(operand),
                Key::Operand { joins, operand } => sql.first(joins, operand),
            }
            sql.push(if *descending { " DESC, " } else { ", " });
        }
        if by_row {
            sql.out.truncate(sql.out.len() - 2);
        } else {
            sql.push("\"r\".rowid");
        }
    }
}

/// A number or NULL as SQL text.
pub(crate) fn literal(value: &SqlValue) -> String {
    match value {
        SqlValue::Integer(int) => int.to_string(),
        _ => "NULL".to_owned(),
    }
}

fn count(value: u64) -> SqlValue {
    SqlValue::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}

fn finish(sql: Sql<'_>) -> Statement {
    Statement { sql: sql.out, params: sql.params }
}
