//! Who a request is, and how one becomes somebody.

use crate::{Asker, RecordError};
use std::sync::Arc;
use tidewire_auth::Passwords;
use tidewire_model::{Collection, Principal, Record, TenantId};
use tidewire_store::Store;

/// The principal that a token stands for; anything wrong with it is a guest. `tenant` is what a superuser asked for.
pub fn principal(store: &Store, token: &str, tenant: &TenantId) -> Principal {
    let _ = (store, token, tenant);
    unimplemented!()
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
    let _ = (store, passwords, asker, collection, identity, password, identity_field);
    unimplemented!()
}

/// Creates or updates a superuser; for commands, on the calling thread.
pub fn upsert_superuser(store: &Store, email: &str, password: &str) -> Result<Arc<Record>, RecordError> {
    let _ = (store, email, password);
    unimplemented!()
}
