use super::save::save;
use super::validate::{Check, with_changed};
use super::{auth_options, draft};
use crate::{Body, RecordError};
use serde_json::Value as Json;
use std::sync::Arc;
use tidewire_model::{Catalog, Collection, TenantId};
use tidewire_store::Tx;

/// Changes a definition. A list of fields replaces the stored one: fields are the same if their ids are, or, without an
/// id, their names.
pub fn update(
    tx: &mut Tx<'_>,
    tenant: &TenantId,
    collection: &Arc<Collection>,
    body: &Body,
) -> Result<Arc<Collection>, RecordError> {
    let collection = checked(tx.catalog(), tenant, collection, body)?;
    save(tx, collection)
}

fn checked(
    catalog: &Arc<Catalog>,
    tenant: &TenantId,
    old: &Arc<Collection>,
    body: &Body,
) -> Result<Collection, RecordError> {
    if body.get("id").and_then(Json::as_str).is_some_and(|id| *id != *old.id) {
        return Err(RecordError::NotFound);
    }
    let mut draft = draft::load(Collection::clone(old), body)?;
    rotate_secret(old, &mut draft.collection);
    let new = Arc::new(std::mem::take(&mut draft.collection));
    let mut faults =
        Check { catalog: &with_changed(catalog, &new), tenant, new: &new, old: Some(old) }.run(&draft);
    if body.get("type").and_then(Json::as_str).is_some_and(|kind| kind != old.kind.as_str()) {
        let text = "Collection type cannot be changed.";
        faults.add(&["type"], super::fault::fault("validation_collection_type_change", text));
    }
    if faults.is_empty() { Ok(Arc::unwrap_or_clone(new)) } else { Err(RecordError::Invalid(faults.0)) }
}

/// Who signed in under another auth rule must do so again.
pub(super) fn rotate_secret(old: &Collection, new: &mut Collection) {
    if let (Some(old), Some(new)) = (&old.auth, &mut new.auth)
        && old.auth_rule.as_deref().unwrap_or("") != new.auth_rule.as_deref().unwrap_or("")
    {
        new.auth_token.secret = auth_options::new_secret();
    }
}
