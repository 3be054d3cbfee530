//! App users of a tenant: records of an auth collection that it has for itself.

use crate::account::random_uuid;
use crate::collections::defaults;
use crate::draft::Draft;
use crate::error::{FieldError, FieldErrors};
use crate::hooks::before;
use crate::save::{self, set_dates};
use crate::{Asker, Body, RecordError, validate};
use serde_json::Value as Json;
use std::sync::Arc;
use tidewire_model::field::{AutodateOptions, JsonOptions, TextOptions};
use tidewire_model::{
    Catalog, Collection, CollectionKind, Field, FieldKind, Record, TenantId, Timestamp, Value, id,
};
use tidewire_store::{StoreError, Tx};

/// No client can make a collection of this name.
pub const COLLECTION: &str = "_app_users";
/// roles are not for those to write who have them
pub const ROLES: &str = "roles";
/// seven days
const TOKEN_SECONDS: i64 = 7 * 86_400;
/// characters
const TOKEN_KEY: usize = 50;

pub fn find(catalog: &Catalog, tenant: &TenantId) -> Option<Arc<Collection>> {
    catalog.by_name(tenant, COLLECTION).cloned()
}

pub fn find_or_create(tx: &mut Tx<'_>, tenant: &TenantId) -> Result<Arc<Collection>, StoreError> {
    match find(tx.catalog(), tenant) {
        Some(found) => Ok(found),
        None => tx.save_collection(definition(tenant)),
    }
}

/// What somebody who signs up tells, with the hash of the password.
#[derive(Clone, Debug)]
pub struct NewUser {
    pub email: String,
    pub hash: String,
    pub phone_number: String,
    pub data: Body,
    pub roles: Vec<String>,
}

/// Makes a user; without a mailer nobody could confirm the address.
pub fn sign_up(tx: &mut Tx<'_>, tenant: &TenantId, new: NewUser) -> Result<Arc<Record>, RecordError> {
    let collection = find_or_create(tx, tenant)?;
    let mut user = Record::empty(collection, tenant.clone());
    user.set("id", Value::text(&random_uuid()));
    user.set("email", Value::text(&new.email));
    user.set("emailVisibility", Value::Bool(true));
    user.set("password", Value::text(&new.hash));
    user.set("tokenKey", Value::text(&id::secret(TOKEN_KEY)));
    user.set("phone_number", Value::text(&new.phone_number));
    user.set(Collection::DATA, Value::Json(Json::Object(new.data)));
    user.set(ROLES, Value::Json(new.roles.into()));
    let mut draft = Draft::of(user);
    let asker = Asker { tenant: tenant.clone(), ..Asker::default() };
    let given = draft.record.clone();
    let called = before::creating(tx, &asker, &mut draft)?;
    check_email(tx, tenant, &draft.record)?;
    if called {
        // of the server's own making is the id alone: it stays
        save::check(tx, &draft, Some(&given))?;
    }
    set_dates(tx, &mut draft.record, true);
    Ok(tx.insert(draft.record, "")?)
}

/// What is to change of a user; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct UserPatch {
    pub email: Option<String>,
    pub hash: Option<String>,
    pub phone_number: Option<String>,
    pub data: Option<Body>,
    pub roles: Option<Vec<String>>,
}

/// A new password ends all other tokens.
pub fn update(
    tx: &mut Tx<'_>,
    asker: &Asker,
    id: &str,
    patch: UserPatch,
) -> Result<Arc<Record>, RecordError> {
    let collection = find(tx.catalog(), &asker.tenant).ok_or(RecordError::NotFound)?;
    let old = tx.get(&collection, &asker.tenant, id)?.ok_or(RecordError::NotFound)?;
    let mut user = Record::clone(&old);
    if let Some(email) = patch.email {
        user.set("email", Value::text(&email));
    }
    if let Some(hash) = patch.hash {
        user.set("password", Value::text(&hash));
        user.set("tokenKey", Value::text(&id::secret(TOKEN_KEY)));
    }
    if let Some(phone_number) = patch.phone_number {
        user.set("phone_number", Value::text(&phone_number));
    }
    if let Some(patch) = patch.data {
        let mut data = data(&old);
        data.extend(patch);
        user.set(Collection::DATA, Value::Json(Json::Object(data)));
    }
    if let Some(roles) = patch.roles {
        user.set(ROLES, Value::Json(roles.into()));
    }
    let mut draft = Draft::of(user);
    let current = before::updating(tx, asker, &old, &mut draft)?;
    let called = current.is_some();
    let old = current.unwrap_or(old);
    if draft.record.text("email") != old.text("email") {
        check_email(tx, &asker.tenant, &draft.record)?;
    }
    if called {
        save::check(tx, &draft, Some(&old))?;
        if !draft.typed("password").is_empty() {
            draft.record.set("tokenKey", Value::text(&id::secret(TOKEN_KEY)));
        }
    }
    set_dates(tx, &mut draft.record, false);
    Ok(tx.update(&old, draft.record, &asker.principal.actor())?)
}

/// What the app keeps of a user.
pub fn data(user: &Record) -> Body {
    match user.get(Collection::DATA) {
        Some(Value::Json(Json::Object(data))) => data.clone(),
        _ => Body::new(),
    }
}

fn check_email(tx: &Tx<'_>, tenant: &TenantId, user: &Record) -> Result<(), RecordError> {
    let (collection, email) = (&user.collection, user.text("email"));
    let fault = |error| Err(RecordError::Invalid(FieldErrors::one("email", error)));
    if let Some(field) = collection.field("email")
        && let Err(error) = validate::validate(field, &Value::text(email), None)
    {
        return fault(error);
    }
    match tx.find_by(collection, tenant, "email", email, true)? {
        Some(_) => fault(FieldError::not_unique()),
        None => Ok(()),
    }
}

/// The roles that a user has.
pub fn roles(user: &Record) -> Vec<&str> {
    match user.get(ROLES) {
        Some(Value::Json(Json::Array(items))) => items.iter().filter_map(Json::as_str).collect(),
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
