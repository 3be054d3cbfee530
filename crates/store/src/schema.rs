//! Tables of collections: made, altered so that data follows field ids, dropped.

use crate::StoreError;
use crate::index;
use crate::layout::{self, default_literal, quote};
use rusqlite::Connection;
use tidewire_model::{Collection, CollectionKind, Field};
use tidewire_rules::TENANT_COLUMN;

/// Brings the table of `new` in line; `old` is what it was made for.
pub(crate) fn sync(
    connection: &Connection,
    old: Option<&Collection>,
    new: &Collection,
) -> Result<(), StoreError> {
    let old = old.filter(|old| has_table(old));
    match (old, has_table(new)) {
        (None, false) => Ok(()),
        (Some(old), false) => drop_table(connection, old),
        (None, true) => create(connection, new),
        (Some(old), true) => alter(connection, old, new),
    }
}

/// Views have none.
pub(crate) fn has_table(collection: &Collection) -> bool {
    collection.kind != CollectionKind::View
}

pub(crate) fn drop_table(connection: &Connection, collection: &Collection) -> Result<(), StoreError> {
    Ok(connection.execute_batch(&format!("DROP TABLE IF EXISTS {}", layout::table(&collection.id)))?)
}

fn create(connection: &Connection, collection: &Collection) -> Result<(), StoreError> {
    create_table(connection, &layout::table(&collection.id), collection)?;
    index::create_all(connection, collection)
}

fn create_table(connection: &Connection, table: &str, collection: &Collection) -> Result<(), StoreError> {
    if collection.field("id").is_none() {
        return Err(StoreError::Database(format!("collection {} has no id field", collection.name)));
    }
    let declarations = layout::declarations(collection);
    let tenant = quote(TENANT_COLUMN);
    let sql = format!("CREATE TABLE {table} ({declarations}, UNIQUE ({tenant},\"id\"))");
    Ok(connection.execute_batch(&sql)?)
}

fn alter(connection: &Connection, old: &Collection, new: &Collection) -> Result<(), StoreError> {
    let kept = |new: &&Field| old.fields.iter().any(|old| old.name == new.name && copies_as_is(old, new));
    let (kept, added): (Vec<_>, Vec<_>) = new.fields.iter().partition(kept);
    let columns_differ = kept.len() != old.fields.len();
    if !columns_differ && added.is_empty() && old.indexes == new.indexes && old.kind == new.kind {
        return Ok(());
    }
    if columns_differ {
        rebuild(connection, old, new)?;
    } else {
        index::drop_all(connection, old)?;
        add_columns(connection, new, &added)?;
    }
    index::create_all(connection, new)
}

fn add_columns(connection: &Connection, collection: &Collection, added: &[&Field]) -> Result<(), StoreError> {
    let table = layout::table(&collection.id);
    for field in added {
        let (name, declaration) = (quote(&field.name), layout::declaration(field));
        connection.execute_batch(&format!("ALTER TABLE {table} ADD COLUMN {name} {declaration}"))?;
    }
    Ok(())
}

/// Copies all rows into a table of the new shape: names may be swapped and types changed in one step.
fn rebuild(connection: &Connection, old: &Collection, new: &Collection) -> Result<(), StoreError> {
    let table = layout::table(&new.id);
    let next = quote(&format!("n:{}", layout::fold(&new.id)));
    create_table(connection, &next, new)?;
    let tenant = quote(TENANT_COLUMN);
    let columns = layout::columns(new);
    let sources: Vec<_> = new.fields.iter().map(|field| source(old, field)).collect();
    let sources = sources.join(",");
    connection.execute_batch(&format!(
        "INSERT INTO {next} (rowid,{tenant},{columns}) SELECT rowid,{tenant},{sources} FROM {table} ORDER BY rowid; \
         DROP TABLE {table}; ALTER TABLE {next} RENAME TO {table}"
    ))?;
    Ok(())
}

/// The expression that gives the new column its value from the old row.
fn source(old: &Collection, new: &Field) -> String {
    let Some(known) = old.fields.iter().find(|field| is_same(field, new)) else {
        return default_literal(new).to_owned();
    };
    let column = quote(&known.name);
    match (known.kind.is_multiple(), new.kind.is_multiple()) {
        _ if copies_as_is(known, new) => column,
        _ if is_of_kind(known, new) => format!("COALESCE({column},{})", default_literal(new)),
        _ if known.kind.type_name() != new.kind.type_name() => default_literal(new).to_owned(),
        (false, _) => format!("CASE WHEN {column}='' THEN '[]' ELSE json_array({column}) END"),
        (true, _) => format!("COALESCE(json_extract({column},'$[#-1]'),'')"),
    }
}

fn copies_as_is(old: &Field, new: &Field) -> bool {
    is_same(old, new) && is_of_kind(old, new) && old.nullable == new.nullable
}

fn is_of_kind(old: &Field, new: &Field) -> bool {
    old.kind.type_name() == new.kind.type_name() && old.kind.is_multiple() == new.kind.is_multiple()
}

/// Fields are the same if their ids are; those without an id, if their names are.
fn is_same(old: &Field, new: &Field) -> bool {
    old.id == new.id && (!old.id.is_empty() || old.name == new.name)
}
