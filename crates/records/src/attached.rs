//! Records of system collections that belong to an auth record by `collectionRef` and `recordRef`.

use std::sync::Arc;
use tidewire_model::{Collection, Record, TenantId, Timestamp};
use tidewire_rules::Query;
use tidewire_store::{StoreError, Tx};

pub(crate) const LINKS: &str = "_externalAuths";
const NAMES: [&str; 4] = ["_authOrigins", LINKS, "_mfas", "_otps"];

/// The auth record is going.
pub(crate) fn remove(tx: &mut Tx<'_>, record: &Record, actor: &str) -> Result<(), StoreError> {
    NAMES.into_iter().try_for_each(|name| remove_from(tx, name, record, actor))
}

/// No provider leads to the auth record any longer. Tells whether one did.
pub(crate) fn remove_links(tx: &mut Tx<'_>, record: &Record, actor: &str) -> Result<bool, StoreError> {
    let before = tx.head()?;
    remove_from(tx, LINKS, record, actor)?;
    Ok(tx.head()? != before)
}

/// The auth collection is going.
pub(crate) fn remove_all(tx: &mut Tx<'_>, collection: &Collection) -> Result<(), StoreError> {
    let tenants: Vec<TenantId> = match &collection.owner {
        Some(owner) => vec![owner.clone()],
        None => tx.accounts()?.into_iter().map(|account| account.id).collect(),
    };
    for name in NAMES {
        for tenant in &tenants {
            remove_where(tx, name, tenant, &[("collectionRef", &collection.id)], "")?;
        }
    }
    Ok(())
}

fn remove_from(tx: &mut Tx<'_>, name: &str, record: &Record, actor: &str) -> Result<(), StoreError> {
    let of_record = [("collectionRef", &*record.collection.id), ("recordRef", record.id())];
    remove_where(tx, name, &record.tenant, &of_record, actor)
}

fn remove_where(
    tx: &mut Tx<'_>,
    name: &str,
    tenant: &TenantId,
    values: &[(&str, &str)],
    actor: &str,
) -> Result<(), StoreError> {
    let Some(collection) = find(tx, tenant, name, values) else { return Ok(()) };
    let all = Query::new(&collection, tenant, Timestamp::now());
    let query = values.iter().fold(all, |query, (field, value)| query.only(field, &[value]));
    for attached in tx.select(&collection, &query)? {
        tx.delete(&attached, actor)?;
    }
    Ok(())
}

/// An old folder or a careless superuser may have it otherwise.
fn find(tx: &Tx<'_>, tenant: &TenantId, name: &str, values: &[(&str, &str)]) -> Option<Arc<Collection>> {
    let found = tx.catalog().by_name(tenant, name)?;
    values.iter().all(|(field, _)| found.field(field).is_some()).then(|| found.clone())
}
