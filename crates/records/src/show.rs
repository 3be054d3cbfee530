//! What a reader sees of a record: its JSON with hidden fields left out, relations expanded, fields picked.

use crate::Asker;
use std::sync::Arc;
use tidewire_model::Record;
use tidewire_model::json::Escape;
use tidewire_rules::Residual;
use tidewire_store::{Snapshot, StoreError};

/// The `fields=` option: a tree of picked names with `:excerpt` modifiers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields {}

impl Fields {
    /// `None` for an empty text: everything is shown.
    pub fn parse(text: &str) -> Option<Self> {
        let _ = text;
        unimplemented!()
    }

    /// Keeps what is picked of any JSON (used for auth answers and lists as well).
    pub fn pick(&self, json: &serde_json::Value) -> serde_json::Value {
        let _ = json;
        unimplemented!()
    }
}

/// The `expand=` option.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expand {}

impl Expand {
    /// `None` for an empty text.
    pub fn parse(text: &str) -> Option<Self> {
        let _ = text;
        unimplemented!()
    }
}

/// How records of one collection look to one reader (or one class of readers).
#[derive(Clone, Debug)]
pub struct Sight {
    /// hidden fields are shown
    pub superuser: bool,
    /// for auth collections: in which records the e-mail address is shown
    pub email: Residual,
}

impl Sight {
    pub fn of(
        asker: &Asker,
        catalog: &Arc<tidewire_model::Catalog>,
        collection: &Arc<tidewire_model::Collection>,
    ) -> Self {
        let _ = (asker, catalog, collection);
        unimplemented!()
    }

    /// Appended to class keys: equal texts, equal sight.
    pub fn write_key(&self, out: &mut String) {
        let _ = out;
        unimplemented!()
    }

    /// Writes the record's JSON without asking the store; `Truth::Ask` counts as no.
    pub fn write(&self, record: &Record, escape: Escape, out: &mut Vec<u8>) {
        let _ = (record, escape, out);
        unimplemented!()
    }
}

/// A record as JSON for this asker, with expand and fields.
pub fn show(
    snapshot: &Snapshot<'_>,
    asker: &Asker,
    record: &Arc<Record>,
    expand: Option<&Expand>,
    fields: Option<&Fields>,
) -> Result<serde_json::Value, StoreError> {
    let _ = (snapshot, asker, record, expand, fields);
    unimplemented!()
}

/// The same for many records of one collection, with one query per expanded relation.
pub fn show_all(
    snapshot: &Snapshot<'_>,
    asker: &Asker,
    records: &[Arc<Record>],
    expand: Option<&Expand>,
    fields: Option<&Fields>,
) -> Result<Vec<serde_json::Value>, StoreError> {
    let _ = (snapshot, asker, records, expand, fields);
    unimplemented!()
}
