//! Residuals and sorts to SQLite SQL.

use crate::residual::Residual;
use crate::sort::Sort;
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

/// What the store calls the table of a collection. May be a quoted name or a bracketed subquery.
pub trait Tables {
    /// the table in which records are looked for
    fn table(&self, collection: &Collection) -> String;
    /// the table in which the record in question stands (an image of it, when rules are judged on a change)
    fn root(&self, collection: &Collection) -> String {
        self.table(collection)
    }
}

/// A question about the records of one collection in one tenant.
#[derive(Clone, Debug)]
pub struct Query {}

impl Query {
    pub fn new(collection: &Arc<Collection>, tenant: &TenantId, now: Timestamp) -> Self {
        let _ = (collection, tenant, now);
        unimplemented!()
    }

    /// Whose records are asked for.
    pub fn tenant(&self) -> &TenantId {
        unimplemented!()
    }

    /// Adds a condition; several are joined by AND.
    pub fn filter(self, residual: &Residual) -> Self {
        let _ = residual;
        unimplemented!()
    }

    /// Restricts to records whose text column `field` is one of `values`.
    pub fn only(self, field: &str, values: &[&str]) -> Self {
        let _ = (field, values);
        unimplemented!()
    }

    pub fn sort(self, sort: &Sort) -> Self {
        let _ = sort;
        unimplemented!()
    }

    pub fn page(self, limit: u64, offset: u64) -> Self {
        let _ = (limit, offset);
        unimplemented!()
    }

    /// Selects the columns of all fields in the order of `collection.fields`; rows in insertion order unless sorted.
    pub fn select(&self, tables: &dyn Tables) -> Statement {
        let _ = tables;
        unimplemented!()
    }

    /// One row, one column: how many records; `page` and `sort` are ignored.
    pub fn count(&self, tables: &dyn Tables) -> Statement {
        let _ = tables;
        unimplemented!()
    }

    /// One row with 1, or none.
    pub fn exists(&self, tables: &dyn Tables) -> Statement {
        let _ = tables;
        unimplemented!()
    }
}
