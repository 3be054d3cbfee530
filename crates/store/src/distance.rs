//! The SQL function for distances: SQLite comes without the mathematical functions that it takes.

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use tidewire_rules::{GEO_DISTANCE, SqlValue, geo_distance};

pub(crate) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function(GEO_DISTANCE, 4, flags, |context| {
        Ok(geo_distance([0, 1, 2, 3].map(|index| argument(context, index))))
    })
}

pub(crate) fn argument(context: &Context<'_>, index: usize) -> SqlValue {
    match context.get_raw(index) {
        ValueRef::Integer(number) => SqlValue::Integer(number),
        ValueRef::Real(number) => SqlValue::Real(number),
        ValueRef::Text(bytes) => SqlValue::Text(String::from_utf8_lossy(bytes).into_owned()),
        ValueRef::Null | ValueRef::Blob(_) => SqlValue::Null,
    }
}
