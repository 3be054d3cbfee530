//! Who a request is, and how one becomes somebody.

use crate::collections::fault::{self, Faults};
use crate::collections::index;
use crate::rule::{self, Bound};
use crate::{Asker, Body, RecordError, user};
use std::sync::Arc;
use tidewire_auth::{PasswordError, Passwords, TokenKind};
use tidewire_model::{Collection, Identity, Principal, Record, TenantId, Timestamp, Value, id};
use tidewire_store::{Snapshot, Store, StoreError, Tx};

const PASSWORD_LENGTH_MIN: usize = 8;
const TOKEN_KEY_LENGTH: usize = 50;

/// The principal that a token stands for; anything wrong with it is a guest. `tenant` is what a superuser asked for.
pub fn principal(store: &Store, token: &str, tenant: &TenantId) -> Principal {
    let identity = tidewire_auth::peek(token).ok().and_then(|claims| {
        let found = store.read_here(|snapshot| named(snapshot, &claims));
        identify(token, found.ok().flatten()?, tenant)
    });
    identity.map_or(Principal::Guest, |identity| Principal::Known(Arc::new(identity)))
}

/// Whoever is disabled is nobody, whatever they show.
pub fn is_disabled(record: &Record) -> bool {
    record.bool(user::DISABLED)
}

#[derive(Debug)]
pub enum SignInError {
    /// wrong password or unknown identity: never told apart
    Failed,
    /// the collection does not allow passwords
    PasswordsDisabled,
    /// the collection's auth rule does not hold
    RuleFailed,
    /// too many attempts at once
    Busy,
    Record(RecordError),
}

impl From<StoreError> for SignInError {
    fn from(error: StoreError) -> Self {
        Self::Record(error.into())
    }
}

/// Identity and password to a record. Costs the same for unknown identities.
pub async fn with_password(
    store: &Store,
    passwords: &Passwords,
    asker: &Asker,
    collection: &Arc<Collection>,
    identity: &str,
    password: &str,
    identity_field: Option<&str>,
) -> Result<Arc<Record>, SignInError> {
    let fields = identity_fields(collection, identity_field).ok_or(SignInError::PasswordsDisabled)?;
    let tenant = home(collection, &asker.tenant);
    let found = store.read_here(|snapshot| find(snapshot, collection, &tenant, &fields, identity))?;
    let hash = found.as_ref().map(|record| record.text("password").to_string());
    let good = match passwords.verify(password, hash.as_deref()).await {
        Ok(good) => good,
        Err(PasswordError::Busy) => return Err(SignInError::Busy),
        Err(PasswordError::TooLong | PasswordError::Failed) => false,
    };
    let record = found.filter(|record| good && !is_disabled(record)).ok_or(SignInError::Failed)?;
    if !may_sign_in(store, asker, &record)? {
        return Err(SignInError::RuleFailed);
    }
    match hash.filter(|hash| Passwords::is_outdated(hash)) {
        Some(old) => Ok(renew_hash(store, passwords, &record, password, old).await),
        None => Ok(record),
    }
}

/// The collection's auth rule on this record. Superusers pass; a null rule lets nobody else in.
pub fn may_sign_in(store: &Store, asker: &Asker, record: &Record) -> Result<bool, StoreError> {
    let collection = &record.collection;
    let text = collection.auth.as_ref().and_then(|auth| auth.auth_rule.as_deref());
    store.read_here(|snapshot| match rule::bind(snapshot.catalog(), collection, asker, text, &Body::new()) {
        Ok(Bound::Open) => Ok(true),
        Ok(Bound::If(residual)) => snapshot.holds(&residual, record, &[]),
        Ok(Bound::Broken) | Err(_) => Ok(false),
    })
}

/// Creates or updates a superuser; for commands, on the calling thread.
pub fn upsert_superuser(store: &Store, email: &str, password: &str) -> Result<Arc<Record>, RecordError> {
    check_superuser(email, password)?;
    let hash = Passwords::hash_here(password).map_err(|_| too_long())?;
    let email = email.to_string();
    store.write_blocking(move |tx| {
        let collection =
            tx.catalog().by_id(Collection::SUPERUSERS_ID).cloned().ok_or(RecordError::NotFound)?;
        let old = tx.find_by(&collection, &TenantId::default(), "email", &email, true)?;
        save_superuser(tx, &collection, old.as_ref(), &email, &hash)
    })
}

/// The record that a token names, where it lives.
fn named(snapshot: &Snapshot<'_>, claims: &tidewire_auth::Claims) -> Result<Option<Arc<Record>>, StoreError> {
    match snapshot.catalog().by_id(&claims.collection_id) {
        Some(collection) if collection.is_auth() => {
            snapshot.get(collection, &home(collection, &claims.tenant), &claims.id)
        }
        _ => Ok(None),
    }
}

fn identify(token: &str, record: Arc<Record>, tenant: &TenantId) -> Option<Identity> {
    let claims = tidewire_auth::verify(token, &record, TokenKind::Auth).ok()?;
    if is_disabled(&record) {
        return None;
    }
    let superuser = record.collection.is_superusers();
    let tenant = if superuser { tenant.clone() } else { record.tenant.clone() };
    let expires_at = Some(Timestamp(claims.exp.saturating_mul(1000)));
    Some(Identity { record, superuser, tenant, expires_at })
}

/// Superusers belong to the instance: whatever tenant they work in, they live in the default one.
pub(crate) fn home(collection: &Collection, tenant: &TenantId) -> TenantId {
    match &collection.owner {
        _ if collection.is_superusers() => TenantId::default(),
        Some(owner) => owner.clone(),
        None => tenant.clone(),
    }
}

/// The fields to look in, the e-mail first; `None` if there is no signing in by password.
fn identity_fields<'a>(collection: &'a Collection, wanted: Option<&'a str>) -> Option<Vec<&'a str>> {
    let auth = collection.auth.as_ref().filter(|auth| auth.password_auth.enabled)?;
    let mut fields: Vec<&str> = auth.password_auth.identity_fields.iter().map(|name| &**name).collect();
    fields.retain(|name| wanted.is_none_or(|wanted| wanted == *name));
    fields.sort_by_key(|name| *name != "email");
    Some(fields)
}

/// Whose address it is, in any case if the collection's index says so.
pub(crate) fn find_by_email(
    snapshot: &Snapshot<'_>,
    collection: &Arc<Collection>,
    tenant: &TenantId,
    email: &str,
) -> Result<Option<Arc<Record>>, StoreError> {
    find(snapshot, collection, tenant, &["email"], email)
}

fn find(
    snapshot: &Snapshot<'_>,
    collection: &Arc<Collection>,
    tenant: &TenantId,
    fields: &[&str],
    identity: &str,
) -> Result<Option<Arc<Record>>, StoreError> {
    for field in fields {
        // Without an index that makes it unique, an identity would name anybody.
        let Some(index) = index::unique_on(&collection.indexes, field) else { continue };
        if identity.is_empty() || (*field == "email" && !identity.contains('@')) {
            continue;
        }
        let nocase =
            index.columns.first().is_some_and(|column| column.collate.eq_ignore_ascii_case("nocase"));
        let found = snapshot.find_by(collection, tenant, field, identity, nocase)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Replaces an outdated hash. Who signs in does not suffer if that fails: it is tried again next time.
async fn renew_hash(
    store: &Store,
    passwords: &Passwords,
    record: &Arc<Record>,
    password: &str,
    old_hash: String,
) -> Arc<Record> {
    let Ok(hash) = passwords.hash(password).await else { return record.clone() };
    let (seen, id) = (record.clone(), record.id().to_string());
    let renewed = store.write(move |tx| {
        let Some(current) = tx.get(&seen.collection, &seen.tenant, &id)? else { return Ok(seen) };
        if current.text("password") != old_hash {
            return Ok(current);
        }
        let mut new = Record::clone(&current);
        new.set("password", Value::text(&hash));
        tx.update(&current, new, "")
    });
    renewed.await.unwrap_or_else(|error: StoreError| {
        tracing::warn!(%error, "an outdated password hash was not renewed");
        record.clone()
    })
}

fn save_superuser(
    tx: &mut Tx<'_>,
    collection: &Arc<Collection>,
    old: Option<&Arc<Record>>,
    email: &str,
    hash: &str,
) -> Result<Arc<Record>, RecordError> {
    let now = Value::text(&Timestamp::now().to_text());
    let mut record = match old {
        Some(old) => Record::clone(old),
        None => {
            let mut record = Record::empty(collection.clone(), TenantId::default());
            record.set("id", Value::text(&id::record_id()));
            record.set("email", Value::text(email));
            record.set("created", now.clone());
            record
        }
    };
    record.set("password", Value::text(hash));
    record.set("tokenKey", Value::text(&id::secret(TOKEN_KEY_LENGTH)));
    record.set("verified", Value::Bool(true));
    record.set("updated", now);
    Ok(match old {
        Some(old) => tx.update(old, record, "")?,
        None => tx.insert(record, "")?,
    })
}

fn check_superuser(email: &str, password: &str) -> Result<(), RecordError> {
    let mut faults = Faults::default();
    let (local, domain) = email.split_once('@').unwrap_or_default();
    if local.is_empty() || domain.is_empty() || email.contains(char::is_whitespace) {
        let text = "Must be a valid email address.";
        faults.add(&["email"], fault::fault("validation_is_email", text));
    }
    if password.chars().count() < PASSWORD_LENGTH_MIN {
        let text = format!("Must be at least {PASSWORD_LENGTH_MIN} character(s).");
        faults.add(&["password"], fault::fault("validation_min_text_constraint", text));
    }
    if faults.is_empty() { Ok(()) } else { Err(RecordError::Invalid(faults.0)) }
}

fn too_long() -> RecordError {
    let mut faults = Faults::default();
    let text = format!("Must be no more than {} bytes.", tidewire_auth::PASSWORD_BYTES_MAX);
    faults.add(&["password"], fault::fault("validation_max_text_constraint", text));
    RecordError::Invalid(faults.0)
}
