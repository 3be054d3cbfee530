//! What a reader sees of a record: its JSON with hidden fields left out, relations expanded, fields picked.

use crate::Asker;
pub use crate::expand::Expand;
use crate::expand::Expander;
pub use crate::fields::Fields;
pub use crate::sight::Sight;
use serde_json::{Map, Value as Json};
use std::sync::Arc;
use tidewire_model::Record;
use tidewire_store::{Snapshot, StoreError};

/// A record as JSON for this asker, with expand and fields.
pub fn show(
    snapshot: &Snapshot<'_>,
    asker: &Asker,
    record: &Arc<Record>,
    expand: Option<&Expand>,
    fields: Option<&Fields>,
) -> Result<Json, StoreError> {
    let shown = show_all(snapshot, asker, std::slice::from_ref(record), expand, fields)?;
    Ok(shown.into_iter().next().unwrap_or(Json::Null))
}

/// The same for many records of one collection, with one query per expanded relation.
pub fn show_all(
    snapshot: &Snapshot<'_>,
    asker: &Asker,
    records: &[Arc<Record>],
    expand: Option<&Expand>,
    fields: Option<&Fields>,
) -> Result<Vec<Json>, StoreError> {
    let Some(first) = records.first() else { return Ok(Vec::new()) };
    let sight = Sight::of(asker, snapshot.catalog(), &first.collection);
    let shown = Shown { snapshot, sight: &sight };
    let objects = match expand {
        Some(expand) => {
            let asker = asker.expanding();
            Expander::new(snapshot, &asker).expand(records, expand)?.objects
        }
        None => vec![None; records.len()],
    };
    let each = records.iter().zip(objects).map(|(record, object)| {
        let json = shown.json(record, object.map(|object| object.members))?;
        Ok(if let Some(fields) = fields { fields.pick(&json) } else { json })
    });
    each.collect()
}

/// Turns records into JSON, asking the store where a record's own values do not decide.
pub(crate) struct Shown<'a> {
    pub snapshot: &'a Snapshot<'a>,
    pub sight: &'a Sight,
}

impl Shown<'_> {
    pub fn json(&self, record: &Record, expand: Option<Map<String, Json>>) -> Result<Json, StoreError> {
        let email = !record.collection.is_auth() || self.snapshot.holds(&self.sight.email, record, &[])?;
        let mut members = self.sight.members(record, email);
        if let Some(object) = expand {
            members.insert("expand".to_owned(), Json::Object(object));
        }
        Ok(Json::Object(members))
    }
}
