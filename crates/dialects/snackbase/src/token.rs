//! What a token proves: JSON web tokens of this dialect, API keys, and tokens of the same users from the PocketBase dialect.

use crate::App;
use crate::api_keys;
use std::sync::Arc;
use tidewire_auth::{Session, SessionKind, TokenError};
use tidewire_model::{Identity, Principal, Record, TenantId, Timestamp};
use tidewire_records::{account, sign_in, user, user_key};
use tidewire_store::StoreError;

/// Why a token proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    #[error("missing token")]
    Missing,
    #[error("invalid token")]
    Invalid,
    #[error("token has expired")]
    Expired,
    #[error("the store failed")]
    Store,
}

impl From<StoreError> for TokenFault {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a token could not be checked");
        Self::Store
    }
}

impl From<TokenError> for TokenFault {
    fn from(error: TokenError) -> Self {
        if error == TokenError::Expired { Self::Expired } else { Self::Invalid }
    }
}

/// Whom a token stands for, as they are now. Superadmins work in the account `system`.
pub fn identify(app: &App, token: &str) -> Result<Identity, TokenFault> {
    if token.is_empty() {
        return Err(TokenFault::Missing);
    }
    if user_key::is_one(token) {
        return api_keys::identify(app, token);
    }
    match tidewire_auth::peek_session(token) {
        Ok(session) if session.kind == SessionKind::Access => of_session(app, token, &session),
        Ok(_) => Err(TokenFault::Invalid),
        Err(_) => of_record(app, token),
    }
}

/// A token of either kind, checked against its user.
pub fn verify(app: &App, token: &str, session: &Session) -> Result<Arc<Record>, TokenFault> {
    let found = app.store.read_here(|snapshot| user::find(snapshot, &session.account, &session.user))?;
    let user = found.filter(|user| !sign_in::is_disabled(user)).ok_or(TokenFault::Invalid)?;
    tidewire_auth::verify_session(token, &user, &session.account)?;
    Ok(user)
}

fn of_session(app: &App, token: &str, session: &Session) -> Result<Identity, TokenFault> {
    let record = verify(app, token, session)?;
    Ok(Identity {
        superuser: record.collection.is_superusers(),
        record,
        tenant: session.account.clone(),
        expires_at: Some(Timestamp(session.exp.saturating_mul(1000))),
    })
}

fn of_record(app: &App, token: &str) -> Result<Identity, TokenFault> {
    tidewire_auth::peek(token)?;
    let system = TenantId::new(account::SYSTEM_ID);
    match sign_in::principal(&app.store, token, &system) {
        Principal::Known(identity) if user::is_one(&identity.record) => Ok(Identity::clone(&identity)),
        _ => Err(TokenFault::Invalid),
    }
}
