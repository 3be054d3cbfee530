//! Temporary tables that stand in for stored rows when a rule is judged on an image. They have the column types of the
//! real table, so that values compare alike.

use crate::StoreError;
use crate::database::Database;
use crate::layout::{self, quote};
use crate::row::Column;
use rusqlite::{Connection, ToSql, params_from_iter};
use std::collections::HashMap;
use std::sync::Arc;
use tidewire_model::{Collection, Record};
use tidewire_rules::{TENANT_COLUMN, Tables};

/// Tables of one question: the image in place of its row, deleted records as if they were still there.
pub(crate) struct ImageTables {
    root: String,
    gone: HashMap<Box<str>, String>,
}

impl ImageTables {
    pub(crate) fn fill(
        database: &Database,
        image: &Record,
        gone: &[Arc<Record>],
    ) -> Result<Self, StoreError> {
        let root = make(database, "image", &image.collection, &[image])?;
        let mut by_collection: HashMap<Box<str>, Vec<&Record>> = HashMap::new();
        for record in gone {
            by_collection.entry(record.collection.id.clone()).or_default().push(record);
        }
        let mut tables = HashMap::new();
        for (id, records) in by_collection {
            let Some(first) = records.first() else { continue };
            let table = make(database, "gone", &first.collection, &records)?;
            tables.insert(id, both(&first.collection, &table));
        }
        Ok(Self { root, gone: tables })
    }
}

impl Tables for ImageTables {
    fn table(&self, collection: &Collection) -> String {
        self.gone.get(&collection.id).cloned().unwrap_or_else(|| layout::table(&collection.id))
    }

    fn root(&self, _: &Collection) -> String {
        self.root.clone()
    }
}

/// Which stand-ins exist on a connection.
#[derive(Default)]
pub(crate) struct StandIns {
    made: HashMap<String, Arc<Collection>>,
    /// those made since the last savepoint
    fresh: Vec<String>,
}

impl StandIns {
    pub(crate) fn mark(&mut self) {
        self.fresh.clear();
    }

    /// Makes again what a rollback took away: a table made anew in every refused write would cost all ready statements.
    pub(crate) fn restore(&mut self, connection: &Connection) -> Result<(), StoreError> {
        self.remake(connection)?;
        self.fresh.clear();
        Ok(())
    }

    /// The same inside of the savepoint, which may still be rolled back.
    pub(crate) fn remake(&self, connection: &Connection) -> Result<(), StoreError> {
        for table in &self.fresh {
            if let Some(collection) = self.made.get(table) {
                create(connection, table, collection)?;
            }
        }
        Ok(())
    }

    /// After the rollback of a whole transaction.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    fn ensure(
        &mut self,
        connection: &Connection,
        table: &str,
        collection: &Arc<Collection>,
    ) -> Result<(), StoreError> {
        if self.made.get(table).is_some_and(|known| Arc::ptr_eq(known, collection)) {
            return Ok(());
        }
        create(connection, table, collection)?;
        self.made.insert(table.to_owned(), collection.clone());
        self.fresh.push(table.to_owned());
        Ok(())
    }
}

fn create(connection: &Connection, table: &str, collection: &Collection) -> Result<(), StoreError> {
    let declarations = layout::declarations(collection);
    connection
        .execute_batch(&format!("DROP TABLE IF EXISTS {table}; CREATE TABLE {table} ({declarations})"))?;
    Ok(())
}

fn make(
    database: &Database,
    role: &str,
    collection: &Arc<Collection>,
    records: &[&Record],
) -> Result<String, StoreError> {
    let table = format!("temp.{}", quote(&format!("{role}:{}", layout::fold(&collection.id))));
    let connection = &database.connection;
    database.stand_ins.borrow_mut().ensure(connection, &table, collection)?;
    connection.prepare_cached(&format!("DELETE FROM {table}"))?.execute(())?;
    let marks = vec!["?"; collection.fields.len() + 1].join(",");
    let mut insert = connection.prepare_cached(&format!("INSERT INTO {table} VALUES ({marks})"))?;
    for record in records {
        let columns: Vec<_> = record.values.iter().map(Column).collect();
        let tenant = record.tenant.as_str();
        let values = columns.iter().map(|column| column as &dyn ToSql);
        insert.execute(params_from_iter(std::iter::once(&tenant as &dyn ToSql).chain(values)))?;
    }
    Ok(table)
}

fn both(collection: &Collection, gone: &str) -> String {
    let columns = format!("{},{}", quote(TENANT_COLUMN), layout::columns(collection));
    let stored = layout::table(&collection.id);
    format!("(SELECT {columns} FROM {stored} UNION ALL SELECT {columns} FROM {gone})")
}
