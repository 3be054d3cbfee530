//! Users of an account: records of `users` in its tenant, and superusers as the users of the account `system`.

use crate::draft::Draft;
use crate::{Asker, Prepared, RecordError, account, internal, personal, save};
use serde_json::Value as Json;
use std::sync::Arc;
use tidewire_model::{Collection, Record, TenantId, Timestamp, Value};
use tidewire_rules::Query;
use tidewire_store::{Snapshot, StoreError, Tx};

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

/// A user to be made.
#[derive(Clone, Debug, Default)]
pub struct NewUser {
    pub email: String,
    pub password: Password,
    pub role: String,
    pub groups: Vec<String>,
    pub verified: bool,
    pub disabled: bool,
}

/// A password as it was typed, for the rules of its field, and its hash.
#[derive(Clone, Debug, Default)]
pub struct Password {
    pub plain: String,
    pub hash: String,
}

/// What is to become of a user; `None` is left as it is.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    pub email: Option<String>,
    pub password: Option<Password>,
    pub role: Option<String>,
    pub groups: Option<Vec<String>>,
    pub verified: Option<bool>,
    pub disabled: Option<bool>,
}

/// Makes a user of an account, whatever the rules of `users` say. The first one may see personal data.
pub fn create(
    tx: &mut Tx<'_>,
    account: &TenantId,
    user: &NewUser,
    by: &Asker,
) -> Result<Arc<Record>, RecordError> {
    let (collection, tenant) = home(tx, account).ok_or(RecordError::NotFound)?;
    let mut groups: Vec<&str> = user.groups.iter().map(String::as_str).collect();
    if is_first(tx, &collection, &tenant)? {
        ensure_group(tx, account, personal::GROUP, by)?;
        groups.push(personal::GROUP);
    }
    let mut draft = Draft::new(Record::empty(collection, tenant), &Prepared::default(), true);
    draft.type_password(&user.password.plain, &user.password.hash);
    let record = &mut draft.record;
    record.set("email", Value::text(&user.email));
    record.set("verified", Value::Bool(user.verified));
    record.set(ROLE, Value::text(&user.role));
    record.set(DISABLED, Value::Bool(user.disabled));
    set_groups(record, &groups);
    save::insert(tx, by, draft)
}

/// Changes a user. A new password or address ends all sign-ins; so does nothing else.
pub fn change(
    tx: &mut Tx<'_>,
    old: &Arc<Record>,
    change: &UserChange,
    by: &Asker,
) -> Result<Arc<Record>, RecordError> {
    let mut draft = Draft::new(Record::clone(old), &Prepared::default(), true);
    if let Some(password) = &change.password {
        draft.type_password(&password.plain, &password.hash);
    }
    let record = &mut draft.record;
    let texts = [("email", &change.email), (ROLE, &change.role)];
    for (field, text) in texts {
        text.iter().for_each(|text| record.set(field, Value::text(text)));
    }
    for (field, flag) in [("verified", change.verified), (DISABLED, change.disabled)] {
        flag.iter().for_each(|flag| record.set(field, Value::Bool(*flag)));
    }
    if let Some(groups) = &change.groups {
        set_groups(record, &groups.iter().map(String::as_str).collect::<Vec<_>>());
    }
    save::replace(tx, by, old, draft)
}

/// The group of this name, made if it is not there.
pub fn ensure_group(
    tx: &mut Tx<'_>,
    account: &TenantId,
    name: &str,
    by: &Asker,
) -> Result<Arc<Record>, StoreError> {
    let found = internal::all_by(tx, internal::GROUPS, account, "name", name, 1)?.pop();
    match found {
        Some(group) => Ok(group),
        None => {
            let (id, values) = (account::random_uuid(), [("name", Value::text(name))]);
            internal::insert(tx, internal::GROUPS, account, &id, values, &by.principal.actor())
        }
    }
}

fn is_first(tx: &Tx<'_>, collection: &Arc<Collection>, tenant: &TenantId) -> Result<bool, StoreError> {
    let query = Query::new(collection, tenant, Timestamp::now()).page(1, 0);
    Ok(collection.is_users() && tx.select(collection, &query)?.is_empty())
}
