//! Users of an account: records of `users` in its tenant, and superusers as the users of the account `system`.

use crate::account;
use serde_json::Value as Json;
use std::sync::Arc;
use tidewire_model::{Collection, Record, TenantId, Value};
use tidewire_store::{Snapshot, StoreError};

/// The name of a user's role; "" is [`MEMBER`].
pub const ROLE: &str = "accountRole";
/// The names of a user's groups.
pub const GROUPS: &str = "accountGroups";
/// A user who is disabled is let in nowhere.
pub const DISABLED: &str = "accountDisabled";

/// The role of the first user of an account.
pub const ADMIN: &str = "admin";
/// The role of all others, unless they are given another.
pub const MEMBER: &str = "user";

/// Whether a field of `users` is one of those that only SnackBase's dialect speaks of.
pub fn is_member_field(name: &str) -> bool {
    [ROLE, GROUPS, DISABLED].contains(&name)
}

/// The collection that an account's users are in, and the tenant that they live in.
pub fn home(snapshot: &Snapshot<'_>, account: &TenantId) -> Option<(Arc<Collection>, TenantId)> {
    let (id, tenant) = if account.as_str() == account::SYSTEM_ID {
        (Collection::SUPERUSERS_ID, TenantId::default())
    } else {
        (Collection::USERS_ID, account.clone())
    };
    let collection = snapshot.catalog().by_id(id).filter(|collection| collection.is_auth())?;
    Some((collection.clone(), tenant))
}

pub fn find(
    snapshot: &Snapshot<'_>,
    account: &TenantId,
    id: &str,
) -> Result<Option<Arc<Record>>, StoreError> {
    match home(snapshot, account) {
        Some((collection, tenant)) => snapshot.get(&collection, &tenant, id),
        None => Ok(None),
    }
}

pub fn find_by_email(
    snapshot: &Snapshot<'_>,
    account: &TenantId,
    email: &str,
) -> Result<Option<Arc<Record>>, StoreError> {
    match home(snapshot, account) {
        Some((collection, tenant)) => snapshot.find_by(&collection, &tenant, "email", email, false),
        None => Ok(None),
    }
}

/// Whether this record is a user of an account or a superuser, and not of some other auth collection.
pub fn is_one(record: &Record) -> bool {
    record.collection.is_users() || record.collection.is_superusers()
}

/// The account that a user belongs to.
pub fn account_of(user: &Record) -> TenantId {
    if user.collection.is_superusers() { TenantId::new(account::SYSTEM_ID) } else { user.tenant.clone() }
}

pub fn role(user: &Record) -> &str {
    match user.text(ROLE) {
        _ if user.collection.is_superusers() => ADMIN,
        "" => MEMBER,
        role => role,
    }
}

pub fn groups(user: &Record) -> Vec<&str> {
    match user.get(GROUPS) {
        Some(Value::Json(Json::Array(names))) => names.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
}

pub fn set_groups(user: &mut Record, names: &[&str]) {
    user.set(GROUPS, Value::Json(names.iter().copied().collect()));
}
