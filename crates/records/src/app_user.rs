//! App users of a tenant: records of an auth collection that it has for itself.

use crate::account::random_uuid;
use crate::collections::defaults;
use std::sync::Arc;
use tidewire_model::field::{AutodateOptions, JsonOptions, TextOptions};
use tidewire_model::{Catalog, Collection, CollectionKind, Field, FieldKind, Record, TenantId, Timestamp};
use tidewire_store::{StoreError, Tx};

/// No client can make a collection of this name.
pub const COLLECTION: &str = "_app_users";
/// roles are not for those to write who have them
pub const ROLES: &str = "roles";
/// seven days
const TOKEN_SECONDS: i64 = 7 * 86_400;

pub fn find(catalog: &Catalog, tenant: &TenantId) -> Option<Arc<Collection>> {
    catalog.by_name(tenant, COLLECTION).cloned()
}

pub fn find_or_create(tx: &mut Tx<'_>, tenant: &TenantId) -> Result<Arc<Collection>, StoreError> {
    match find(tx.catalog(), tenant) {
        Some(found) => Ok(found),
        None => tx.save_collection(definition(tenant)),
    }
}

/// The roles that a user has.
pub fn roles(user: &Record) -> Vec<&str> {
    match user.get(ROLES) {
        Some(tidewire_model::Value::Json(serde_json::Value::Array(items))) => {
            items.iter().filter_map(serde_json::Value::as_str).collect()
        }
        _ => Vec::new(),
    }
}

fn definition(tenant: &TenantId) -> Collection {
    let mut users = defaults::new(CollectionKind::Auth, COLLECTION, &random_uuid());
    users.owner = Some(tenant.clone());
    users.system = true;
    if let Some(auth) = &mut users.auth {
        auth.auth_token.duration = TOKEN_SECONDS;
        auth.auth_rule = Some("".into());
    }
    let at = |on_update| FieldKind::Autodate(AutodateOptions { on_create: true, on_update });
    let json = || FieldKind::Json(JsonOptions::default());
    for (name, kind) in [
        (Collection::DATA, json()),
        (ROLES, json()),
        ("phone_number", FieldKind::Text(TextOptions::default())),
        ("created_at", at(false)),
        ("updated_at", at(true)),
    ] {
        let id = format!("{}{}", kind.type_name(), defaults::checksum(name));
        users.fields.push(Field { id: id.into(), name: name.into(), kind, ..Field::default() });
    }
    let now = Timestamp::now().to_text();
    (users.created, users.updated) = (now.as_str().into(), now.into());
    users.index_fields();
    users
}
