//! API keys that programs of a user sign in with.

use crate::internal::{self, API_KEYS};
use crate::{sign_in, user};
use tidewire_auth::unseal;
use tidewire_model::{Identity, TenantId, Timestamp};
use tidewire_store::{Snapshot, StoreError};

const PREFIX: &str = "sb_ak.";

/// Why a key opens nothing.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum KeyFault {
    #[error("invalid key")]
    Invalid,
    #[error("the key has expired")]
    Expired,
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub fn is_one(token: &str) -> bool {
    token.starts_with(PREFIX)
}

/// The user whose key this is, as long as the key is kept and has not run out.
pub fn identify(snapshot: &Snapshot<'_>, token: &str) -> Result<Identity, KeyFault> {
    let sealed = unseal(token, &internal::key_secret(snapshot)?).ok_or(KeyFault::Invalid)?;
    let account = TenantId::new(&sealed.account_id);
    let kept = internal::get(snapshot, API_KEYS, &account, &sealed.token_id)?;
    let kept = kept.filter(|key| key.text("user") == sealed.user_id).ok_or(KeyFault::Invalid)?;
    let expires_at = Timestamp::parse(kept.text("expires"));
    if expires_at.is_some_and(|at| at <= Timestamp::now()) {
        return Err(KeyFault::Expired);
    }
    let record = user::find(snapshot, &account, &sealed.user_id)?;
    let record = record.filter(|user| !sign_in::is_disabled(user)).ok_or(KeyFault::Invalid)?;
    Ok(Identity { superuser: record.collection.is_superusers(), record, tenant: account, expires_at })
}
