use crate::demand::Demand;
use parking_lot::Mutex;
use rusqlite::Connection;
use std::sync::Arc;
use tidewire_model::{Collection, Field, FieldKind, Seq, TenantId};
use tidewire_rules::{TENANT_COLUMN, Tables};

/// Names and ready statement texts of the table of one collection.
pub(crate) struct Layout {
    pub(crate) collection: Arc<Collection>,
    pub(crate) table: String,
    /// the columns of all fields, in their order
    pub(crate) columns: String,
    pub(crate) get: String,
    /// whether there is a record, answered by the index alone
    pub(crate) has: String,
    pub(crate) insert: String,
    pub(crate) delete: String,
    tenants: String,
    /// whose all records were, by the position at which that was looked up
    only_tenant: Mutex<Option<(Seq, Option<TenantId>)>>,
}

impl Layout {
    pub(crate) fn new(collection: Arc<Collection>) -> Self {
        let table = table(&collection.id);
        let columns = columns(&collection);
        let tenant = quote(TENANT_COLUMN);
        let marks = vec!["?"; collection.fields.len() + 1].join(",");
        Self {
            get: format!("SELECT {columns} FROM {table} WHERE {tenant}=? AND \"id\"=?"),
            has: format!("SELECT 1 FROM {table} WHERE {tenant}=? AND \"id\"=?"),
            insert: format!("INSERT INTO {table} ({tenant},{columns}) VALUES ({marks})"),
            delete: format!("DELETE FROM {table} WHERE {tenant}=? AND \"id\"=?"),
            tenants: format!(
                "SELECT (SELECT MIN({tenant}) FROM {table}), (SELECT MAX({tenant}) FROM {table})"
            ),
            only_tenant: Mutex::default(),
            collection,
            table,
            columns,
        }
    }

    /// The tenant that all records are of; none if there are several, or no records. `head` is the position of the view.
    pub(crate) fn only_tenant(
        &self,
        connection: &Connection,
        head: Seq,
    ) -> rusqlite::Result<Option<TenantId>> {
        let known = self.only_tenant.lock().clone();
        if let Some((_, tenant)) = known.filter(|(seq, _)| *seq == head) {
            return Ok(tenant);
        }
        let mut statement = connection.prepare_cached(&self.tenants)?;
        let tenant = statement.query_row((), |row| {
            let (first, last) = (row.get_ref(0)?, row.get_ref(1)?);
            Ok(first.as_str().ok().filter(|_| first == last).map(TenantId::new))
        })?;
        *self.only_tenant.lock() = Some((head, tenant.clone()));
        Ok(tenant)
    }

    /// `SELECT` of the records of one tenant; the tenant is the first parameter.
    pub(crate) fn select(&self, condition: &str) -> String {
        let Self { table, columns, .. } = self;
        format!("SELECT {columns} FROM {table} WHERE {}=? AND {condition}", quote(TENANT_COLUMN))
    }
}

/// The stored tables, as rules see them in one view.
pub(crate) struct Stored<'a> {
    pub(crate) demand: &'a Demand,
    /// whose all records of the collection in question are
    pub(crate) only_tenant: Option<TenantId>,
}

impl Tables for Stored<'_> {
    fn has_index(&self, collection: &Collection, key: &str) -> bool {
        self.demand.is_made(collection, key)
    }

    fn is_alone(&self, _: &Collection, tenant: &TenantId) -> bool {
        self.only_tenant.as_ref() == Some(tenant)
    }

    fn table(&self, collection: &Collection) -> String {
        table(&collection.id)
    }
}

pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The quoted name of a collection's table.
pub(crate) fn table(id: &str) -> String {
    quote(&format!("c:{}", fold(id)))
}

/// SQLite compares names without case, ids are compared with it.
pub(crate) fn fold(id: &str) -> String {
    let mut folded = String::with_capacity(id.len());
    for character in id.chars() {
        if character.is_ascii_uppercase() || character == '^' {
            folded.push('^');
        }
        folded.push(character);
    }
    folded
}

pub(crate) fn columns(collection: &Collection) -> String {
    let names: Vec<_> = collection.fields.iter().map(|field| quote(&field.name)).collect();
    names.join(",")
}

/// Names and types of all columns; the same for the table and for what stands in for it.
pub(crate) fn declarations(collection: &Collection) -> String {
    let mut text = format!("{} TEXT NOT NULL", quote(TENANT_COLUMN));
    for field in &collection.fields {
        text.push(',');
        text.push_str(&quote(&field.name));
        text.push(' ');
        text.push_str(declaration(field));
    }
    text
}

/// PocketBase's column types: their affinity decides how values compare.
pub(crate) fn declaration(field: &Field) -> &'static str {
    match &field.kind {
        kind if field.nullable => nullable(kind),
        FieldKind::Number(_) => "NUMERIC DEFAULT 0 NOT NULL",
        FieldKind::Bool {} => "BOOLEAN DEFAULT FALSE NOT NULL",
        FieldKind::Json(_) => "JSON DEFAULT NULL",
        FieldKind::GeoPoint {} => "JSON DEFAULT '{\"lon\":0,\"lat\":0}' NOT NULL",
        kind if kind.is_multiple() => "JSON DEFAULT '[]' NOT NULL",
        _ => "TEXT DEFAULT '' NOT NULL",
    }
}

fn nullable(kind: &FieldKind) -> &'static str {
    match kind {
        FieldKind::Number(_) => "NUMERIC DEFAULT NULL",
        FieldKind::Bool {} => "BOOLEAN DEFAULT NULL",
        FieldKind::Json(_) | FieldKind::GeoPoint {} => "JSON DEFAULT NULL",
        kind if kind.is_multiple() => "JSON DEFAULT NULL",
        _ => "TEXT DEFAULT NULL",
    }
}

/// The literal that `declaration` names as the default.
pub(crate) fn default_literal(field: &Field) -> &'static str {
    match &field.kind {
        _ if field.nullable => "NULL",
        FieldKind::Number(_) => "0",
        FieldKind::Bool {} => "FALSE",
        FieldKind::Json(_) => "NULL",
        FieldKind::GeoPoint {} => "'{\"lon\":0,\"lat\":0}'",
        kind if kind.is_multiple() => "'[]'",
        _ => "''",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_differ_by_case_get_tables_that_differ_without_it() {
        let ids = ["abc", "Abc", "^abc", "aBc", "^Abc", "a^bc", "a\"b"];
        let mut tables: Vec<_> = ids.iter().map(|id| table(id).to_lowercase()).collect();
        tables.sort();
        tables.dedup();
        assert_eq!(tables.len(), ids.len());
    }
}
