//! The SQL function for conditions of CocoBase filters.

use crate::distance::argument;
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use tidewire_rules::{DOCUMENT_TEST, DocumentTest};

pub(crate) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function(DOCUMENT_TEST, 3, flags, |context| {
        // the test is a parameter: read once per statement, not once per row
        let test = context.get_or_create_aux(2, |text| {
            let read = text.as_str().ok().and_then(DocumentTest::read);
            read.ok_or_else(|| rusqlite::Error::UserFunctionError("a malformed condition".into()))
        })?;
        Ok(test.matches(context.get(0)?, argument(context, 1)))
    })
}
