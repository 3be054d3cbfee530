use super::fault::Faults;
use super::save::save;
use super::validate::{Check, with_new};
use super::{draft, draft::Draft};
use crate::{Body, RecordError};
use std::sync::Arc;
use tidewire_model::{Catalog, Collection, TenantId};
use tidewire_store::Tx;

/// Makes a collection. `tenant` owns it, unless it is the default one, whose collections are the instance's; superusers
/// make theirs there.
pub fn create(tx: &mut Tx<'_>, tenant: &TenantId, body: &Body) -> Result<Arc<Collection>, RecordError> {
    let collection = checked(tx.catalog(), tenant, body)?;
    save(tx, collection)
}

/// The definition that the body describes, if it may be made.
pub(super) fn checked(
    catalog: &Arc<Catalog>,
    tenant: &TenantId,
    body: &Body,
) -> Result<Collection, RecordError> {
    let mut draft = draft::create(catalog, tenant, body)?;
    let new = Arc::new(std::mem::take(&mut draft.collection));
    let faults = check(catalog, tenant, &draft, &new);
    if faults.is_empty() { Ok(Arc::unwrap_or_clone(new)) } else { Err(RecordError::Invalid(faults.0)) }
}

fn check(catalog: &Arc<Catalog>, tenant: &TenantId, draft: &Draft, new: &Arc<Collection>) -> Faults {
    Check { catalog: &with_new(catalog, new), tenant, new, old: None }.run(draft)
}
