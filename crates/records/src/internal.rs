//! Collections of the server itself: what accounts have besides users and records. Closed to everybody but superusers, and
//! listed by no dialect.

use crate::account::SYSTEM_ID;
use crate::bootstrap::{autodates, system_field, with_fields};
use crate::collections::defaults;
use crate::save::set_dates;
use crate::user;
use std::sync::Arc;
use tidewire_model::field::{JsonOptions, TextOptions};
use tidewire_model::{Catalog, Collection, CollectionKind, Field, FieldKind, Record, TenantId, Value, id};
use tidewire_rules::Query;
use tidewire_store::{Snapshot, StoreError, Tx};

/// By name; their ids are made of these.
pub const ROLES: &str = "_roles";
pub const GROUPS: &str = "_groups";
pub const INVITATIONS: &str = "_invitations";
pub const API_KEYS: &str = "_apiKeys";
pub const REFRESH_TOKENS: &str = "_refreshTokens";

/// The setting that holds the secret of API keys.
const KEY_SECRET: &str = "tidewire.apiKeySecret";
const SECRET_LENGTH: usize = 50;

/// The collection of this name.
pub fn collection(catalog: &Catalog, name: &str) -> Result<Arc<Collection>, StoreError> {
    let missing = || StoreError::NoCollection(name.to_owned());
    catalog.by_id(&collection_id(name)).cloned().ok_or_else(missing)
}

/// What API keys are sealed with.
pub fn key_secret(snapshot: &Snapshot<'_>) -> Result<String, StoreError> {
    Ok(snapshot.setting(KEY_SECRET)?.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default())
}

pub fn get(
    snapshot: &Snapshot<'_>,
    name: &str,
    tenant: &TenantId,
    id: &str,
) -> Result<Option<Arc<Record>>, StoreError> {
    snapshot.get(&collection(snapshot.catalog(), name)?, tenant, id)
}

/// At most `limit` in the order in which they were made.
pub fn all(
    snapshot: &Snapshot<'_>,
    name: &str,
    tenant: &TenantId,
    limit: u64,
) -> Result<Vec<Arc<Record>>, StoreError> {
    let collection = collection(snapshot.catalog(), name)?;
    let query = Query::new(&collection, tenant, tidewire_model::Timestamp::now()).page(limit, 0);
    snapshot.select(&collection, &query)
}

/// Those whose text field `field` is `value`, in the order in which they were made.
pub fn all_by(
    snapshot: &Snapshot<'_>,
    name: &str,
    tenant: &TenantId,
    field: &str,
    value: &str,
    limit: u64,
) -> Result<Vec<Arc<Record>>, StoreError> {
    let collection = collection(snapshot.catalog(), name)?;
    snapshot.referencing(&collection, tenant, field, value, limit)
}

/// Adds a record under this id.
pub fn insert(
    tx: &mut Tx<'_>,
    name: &str,
    tenant: &TenantId,
    id: &str,
    values: impl IntoIterator<Item = (&'static str, Value)>,
    actor: &str,
) -> Result<Arc<Record>, StoreError> {
    let mut record = Record::empty(collection(tx.catalog(), name)?, tenant.clone());
    record.set("id", Value::text(id));
    for (field, value) in values {
        record.set(field, value);
    }
    set_dates(tx, &mut record, true);
    tx.insert(record, actor)
}

/// Lays values over a record.
pub fn update(
    tx: &mut Tx<'_>,
    old: &Arc<Record>,
    values: impl IntoIterator<Item = (&'static str, Value)>,
    actor: &str,
) -> Result<Arc<Record>, StoreError> {
    let mut record = Record::clone(old);
    for (field, value) in values {
        record.set(field, value);
    }
    set_dates(tx, &mut record, false);
    tx.update(old, record, actor)
}

pub(crate) fn is_ready(snapshot: &Snapshot<'_>) -> Result<bool, StoreError> {
    let has = |wanted: &Collection| snapshot.catalog().by_id(&wanted.id).is_some();
    Ok(collections().iter().all(has) && snapshot.setting(KEY_SECRET)?.is_some())
}

/// Makes what is missing.
pub(crate) fn prepare(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    for collection in collections() {
        if tx.catalog().by_id(&collection.id).is_none() {
            tx.save_collection(collection)?;
        }
    }
    let system = TenantId::new(SYSTEM_ID);
    for (id, name, description) in
        [("1", user::ADMIN, "Administrator of an account"), ("2", user::MEMBER, "Regular user")]
    {
        if get(tx, ROLES, &system, id)?.is_none() {
            let values = [("name", Value::text(name)), ("description", Value::text(description))];
            insert(tx, ROLES, &system, id, values, "")?;
        }
    }
    if tx.setting(KEY_SECRET)?.is_none() {
        let secret = serde_json::to_string(&id::secret(SECRET_LENGTH))?;
        tx.set_setting(KEY_SECRET, &secret)?;
    }
    Ok(())
}

fn collection_id(name: &str) -> String {
    defaults::generated_id(CollectionKind::Base, name)
}

fn collections() -> [Collection; 5] {
    let text = |name: &str| system_field(name, FieldKind::Text(TextOptions::default()));
    let json = |name: &str| system_field(name, FieldKind::Json(JsonOptions::default()));
    let flag = |name: &str| system_field(name, FieldKind::Bool {});
    let unique = |field: &str| Some((field.to_owned(), true));
    let indexed = |field: &str| Some((field.to_owned(), false));
    [
        define(ROLES, unique("name"), vec![text("name"), text("description")]),
        define(GROUPS, unique("name"), vec![text("name"), text("description")]),
        define(
            INVITATIONS,
            unique("token"),
            ["email", "role", "token", "invitedBy", "expires", "accepted"]
                .map(text)
                .into_iter()
                .chain([json("groups")])
                .collect(),
        ),
        define(
            API_KEYS,
            indexed("user"),
            ["name", "user", "masked", "expires"].map(text).into_iter().chain([json("scopes")]).collect(),
        ),
        define(
            REFRESH_TOKENS,
            indexed("user"),
            ["user", "token", "expires"].map(text).into_iter().chain([flag("spent")]).collect(),
        ),
    ]
}

fn define(name: &str, index: Option<(String, bool)>, fields: Vec<Field>) -> Collection {
    let mut collection = defaults::new(CollectionKind::Base, name, &collection_id(name));
    (collection.system, collection.internal) = (true, true);
    let mut collection = with_fields(collection, fields.into_iter().chain(autodates(true)));
    if let Some((field, unique)) = index {
        let unique = if unique { "UNIQUE " } else { "" };
        let sql = format!("CREATE {unique}INDEX `idx{name}_{field}` ON `{name}` (`{field}`)");
        collection.indexes.push(sql.into());
    }
    collection
}
