//! Collections as a project sees them: its own, and those of the instance that hold no users.

use serde_json::{Value as Json, json};
use std::sync::Arc;
use tidewire_model::{Catalog, Collection, CollectionKind, TenantId};
use tidewire_rules::shown_time;

/// By name, then by id. What another project made for itself is not there.
pub fn find(catalog: &Catalog, tenant: &TenantId, name_or_id: &str) -> Option<Arc<Collection>> {
    let by_name = catalog
        .by_name(tenant, name_or_id)
        .filter(|found| *found.name == *name_or_id && is_visible(found, tenant));
    let found = by_name.or_else(|| catalog.by_id(name_or_id).filter(|found| is_visible(found, tenant)));
    found.cloned()
}

/// `users` of the instance are people, not documents: the name is free for every project.
pub fn is_visible(collection: &Collection, tenant: &TenantId) -> bool {
    let is_document = collection.kind == CollectionKind::Base && !collection.name.starts_with('_');
    is_document && !collection.is_foreign(tenant)
}

/// The object that each document carries.
pub fn show(collection: &Collection) -> Json {
    let webhook = (!collection.webhook_url.is_empty()).then_some(&collection.webhook_url);
    json!({
        "id": collection.id,
        "name": collection.name,
        "created_at": shown_time(&collection.created),
        "webhook_url": webhook,
        "permissions": collection.permissions,
    })
}
