use super::at_most;
use super::select::too_many;
use crate::error::FieldError;
use tidewire_model::field::RelationOptions;
use tidewire_model::{TenantId, Value};
use tidewire_store::{Snapshot, StoreError};

pub(super) fn check(options: &RelationOptions, required: bool, value: &Value) -> Result<(), FieldError> {
    let count = value.items().len();
    if count == 0 {
        return super::required(required, value);
    }
    if (count as u64) < options.min_select {
        let message = format!("Select at least {}.", options.min_select);
        return Err(
            FieldError::new("validation_not_enough_values", message).with("minSelect", options.min_select)
        );
    }
    let max = at_most(options.max_select);
    if count > max {
        return Err(too_many(max));
    }
    Ok(())
}

/// The fault of a relation that names records which are not there.
pub(crate) fn related(
    snapshot: &Snapshot<'_>,
    options: &RelationOptions,
    tenant: &TenantId,
    value: &Value,
) -> Result<Option<FieldError>, StoreError> {
    let ids = value.items();
    if ids.is_empty() {
        return Ok(None);
    }
    let Some(collection) = snapshot.catalog().by_id(&options.collection_id) else {
        return Ok(Some(FieldError::new(
            "validation_missing_rel_collection",
            "Relation connection is missing or cannot be accessed.",
        )));
    };
    for id in ids {
        if !snapshot.has(collection, tenant, id)? {
            return Ok(Some(FieldError::new(
                "validation_missing_rel_records",
                "Failed to find all relation records with the provided ids.",
            )));
        }
    }
    Ok(None)
}
