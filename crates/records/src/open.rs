//! Open collections: they belong to one tenant, take any JSON object, and are made by the first write.

use crate::account::random_uuid;
use crate::collections::defaults::checksum;
use crate::draft::Draft;
use crate::error::{FieldError, FieldErrors, RecordError};
use crate::hooks::before;
use crate::save::{check, set_dates};
use crate::{Asker, Body, validate};
use serde_json::Value as Json;
use std::sync::Arc;
use tidewire_model::field::{AutodateOptions, JsonOptions, TextOptions};
use tidewire_model::{Collection, Field, FieldKind, Record, TenantId, Timestamp, Value};
use tidewire_rules::Query;
use tidewire_store::Tx;

const LONGEST_NAME: usize = 255;
/// documents deleted at a time
const BATCH: u64 = 1000;
const ID: &str = "[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}";
const ID_PATTERN: &str = "^[A-Za-z0-9_-]+$";

/// Makes an open collection; its rules are null, so that other dialects show it to superusers until they say otherwise.
pub fn create(
    tx: &mut Tx<'_>,
    tenant: &TenantId,
    name: &str,
    finish: impl FnOnce(&mut Collection),
) -> Result<Arc<Collection>, RecordError> {
    check_name(name)?;
    let mut collection = definition(tenant, name);
    finish(&mut collection);
    Ok(tx.save_collection(collection)?)
}

/// An open collection as the first write will make it.
pub fn unmade(tenant: &TenantId, name: &str) -> Arc<Collection> {
    Arc::new(definition(tenant, name))
}

/// Writes a new document of an open collection; who may do so was decided before.
pub fn insert(
    tx: &mut Tx<'_>,
    asker: &Asker,
    collection: &Arc<Collection>,
    data: Body,
) -> Result<Arc<Record>, RecordError> {
    let mut record = Record::empty(collection.clone(), asker.tenant.clone());
    record.set("id", Value::text(&random_uuid()));
    let mut draft = documented(record, data)?;
    if before::creating(tx, asker, &mut draft)? {
        check(tx, &draft, None)?;
    }
    set_dates(tx, &mut draft.record, true);
    Ok(tx.insert(draft.record, &asker.principal.actor())?)
}

/// Lays `patch` over a document of an open collection.
pub fn merge(
    tx: &mut Tx<'_>,
    asker: &Asker,
    old: &Arc<Record>,
    patch: Body,
) -> Result<Arc<Record>, RecordError> {
    let record = Record::clone(old);
    let mut data = match record.get(Collection::DATA) {
        Some(Value::Json(Json::Object(data))) => data.clone(),
        _ => Body::new(),
    };
    lay_over(&mut data, patch);
    let mut draft = documented(record, data)?;
    let current = before::updating(tx, asker, old, &mut draft)?;
    if let Some(current) = &current {
        check(tx, &draft, Some(current))?;
    }
    set_dates(tx, &mut draft.record, false);
    Ok(tx.update(current.as_ref().unwrap_or(old), draft.record, &asker.principal.actor())?)
}

/// Deletes a document of an open collection.
pub fn delete(tx: &mut Tx<'_>, asker: &Asker, old: Arc<Record>) -> Result<(), RecordError> {
    match before::deleting(tx, asker, old)? {
        Some(old) => Ok(tx.delete(&old, &asker.principal.actor())?),
        // a hook did
        None => Ok(()),
    }
}

/// Deletes all documents, one change each. The collection goes in a later write, so that who watches it hears of them.
pub fn empty(tx: &mut Tx<'_>, asker: &Asker, collection: &Arc<Collection>) -> Result<(), RecordError> {
    loop {
        let records = some_documents(tx, asker, collection)?;
        if records.is_empty() {
            return Ok(());
        }
        for record in records {
            // a hook may have taken it already
            if let Some(record) = tx.get(collection, &asker.tenant, record.id())? {
                delete(tx, asker, record)?;
            }
        }
    }
}

/// False if somebody wrote to the collection since it was emptied.
pub fn drop_empty(tx: &mut Tx<'_>, asker: &Asker, collection: &Arc<Collection>) -> Result<bool, RecordError> {
    if !some_documents(tx, asker, collection)?.is_empty() {
        return Ok(false);
    }
    tx.delete_collection(&collection.id)?;
    Ok(true)
}

fn some_documents(
    tx: &Tx<'_>,
    asker: &Asker,
    collection: &Arc<Collection>,
) -> Result<Vec<Arc<Record>>, RecordError> {
    let query = Query::new(collection, &asker.tenant, Timestamp::now()).page(BATCH, 0);
    Ok(tx.select(collection, &query)?)
}

/// `$append` and `$remove` edit lists; all other keys replace.
fn lay_over(data: &mut Body, mut patch: Body) {
    for (operator, is_append) in [("$append", true), ("$remove", false)] {
        let Some(Json::Object(edits)) = patch.get(operator).cloned() else { continue };
        patch.remove(operator);
        for (key, items) in edits {
            let items = if let Json::Array(items) = items { items } else { vec![items] };
            match data.get_mut(&key) {
                Some(Json::Array(list)) if is_append => list.extend(items),
                Some(Json::Array(list)) => list.retain(|item| !items.contains(item)),
                None | Some(Json::Null) if is_append => {
                    data.insert(key, Json::Array(items));
                }
                _ => {}
            }
        }
    }
    data.extend(patch);
}

/// A record with this document.
fn documented(mut record: Record, data: Body) -> Result<Draft, RecordError> {
    let value = Value::Json(Json::Object(data));
    if let Some(field) = record.collection.field(Collection::DATA) {
        let checked = validate::validate(field, &value, None);
        checked.map_err(|error| RecordError::Invalid(FieldErrors::one(Collection::DATA, error)))?;
    }
    record.set(Collection::DATA, value);
    Ok(Draft::of(record))
}

/// Names stand in URLs; everything else about them is up to the tenant.
pub fn check_name(name: &str) -> Result<(), RecordError> {
    let fits = !name.trim().is_empty() && name.len() <= LONGEST_NAME;
    if fits && !name.contains(|c: char| c.is_control() || c == '/') && !name.starts_with('_') {
        return Ok(());
    }
    let text = "Must be 1 to 255 characters, without a slash, and not begin with an underscore.";
    Err(RecordError::Invalid(FieldErrors::one("name", FieldError::new("validation_match_invalid", text))))
}

fn definition(tenant: &TenantId, name: &str) -> Collection {
    let id = TextOptions {
        pattern: ID_PATTERN.into(),
        autogenerate_pattern: ID.into(),
        primary_key: true,
        ..TextOptions::default()
    };
    let at = |on_update| FieldKind::Autodate(AutodateOptions { on_create: true, on_update });
    let fields = [
        ("id", FieldKind::Text(id)),
        (Collection::DATA, FieldKind::Json(JsonOptions::default())),
        ("created_at", at(false)),
        ("updated_at", at(true)),
    ];
    let now = Timestamp::now().to_text();
    let mut collection = Collection::default();
    collection.id = random_uuid().into();
    collection.name = name.into();
    collection.owner = Some(tenant.clone());
    collection.open = true;
    collection.fields = fields.into_iter().map(|(name, kind)| field(name, kind)).collect();
    let id = &collection.id;
    let sql = format!("CREATE INDEX `idx_created_at_{id}` ON `documents` (`created_at`)");
    collection.indexes = vec![sql.into()];
    (collection.created, collection.updated) = (now.as_str().into(), now.into());
    collection.index_fields();
    collection
}

fn field(name: &str, kind: FieldKind) -> Field {
    let id = format!("{}{}", kind.type_name(), checksum(name));
    let required = name == "id";
    Field { id: id.into(), name: name.into(), system: true, required, kind, ..Field::default() }
}
