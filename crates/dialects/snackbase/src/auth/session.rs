//! The two tokens of a sign-in. Refresh tokens are remembered by their hash, spent ones until they run out: whoever shows one
//! again has stolen it, or was robbed.

use crate::App;
use crate::error::ApiError;
use serde::Serialize;
use std::sync::Arc;
use tidewire_auth::{Session, issue_access, issue_refresh, key_hash};
use tidewire_model::{Record, TenantId, Timestamp, Value};
use tidewire_records::account::random_uuid;
use tidewire_records::internal::{self, REFRESH_TOKENS};
use tidewire_records::user;
use tidewire_store::{StoreError, Tx};

/// How long tokens hold, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// default an hour
    pub access: i64,
    /// default a week
    pub refresh: i64,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self { access: 3600, refresh: 7 * 86_400 }
    }
}

/// Refresh tokens of one user that are remembered; the oldest are forgotten first.
const TOKENS_MAX: usize = 100;
/// Old tokens of an account that are looked at with each new one.
const SWEEP: u64 = 8;

#[derive(Clone, Debug, Serialize)]
pub struct Tokens {
    pub token: String,
    pub refresh_token: String,
    pub expires_in: i64,
}

/// New tokens for a user.
pub async fn open(app: &App, user: Arc<Record>) -> Result<Tokens, ApiError> {
    let lifetimes = app.lifetimes;
    Ok(app.store.write(move |tx| issue(tx, &user, lifetimes)).await?)
}

/// New tokens for an unspent refresh token, which is spent by that. `None` if it is not one; a spent one ends all of its
/// user's.
pub async fn renew(
    app: &App,
    token: &str,
    session: Session,
    user: Arc<Record>,
) -> Result<Option<Tokens>, ApiError> {
    let (hash, lifetimes) = (key_hash(token), app.lifetimes);
    let renewed = app.store.write(move |tx| {
        let kept = internal::get(tx, REFRESH_TOKENS, &session.account, &session.id)?;
        let Some(kept) = kept.filter(|kept| kept.text("token") == hash) else { return Ok(None) };
        if kept.bool("spent") {
            forget_all(tx, &user)?;
            return Ok(None);
        }
        internal::update(tx, &kept, [("spent", Value::Bool(true))], "")?;
        Ok::<_, StoreError>(Some(issue(tx, &user, lifetimes)?))
    });
    Ok(renewed.await?)
}

/// Ends all refresh tokens of a user.
pub fn forget_all(tx: &mut Tx<'_>, user: &Record) -> Result<(), StoreError> {
    let account = user::account_of(user);
    for token in of_user(tx, &account, user)? {
        tx.delete(&token, "")?;
    }
    Ok(())
}

fn issue(tx: &mut Tx<'_>, user: &Arc<Record>, lifetimes: Lifetimes) -> Result<Tokens, StoreError> {
    let account = user::account_of(user);
    make_room(tx, &account, user)?;
    let id = random_uuid();
    let refresh_token = issue_refresh(user, &account, &id, lifetimes.refresh);
    let expires = Timestamp(Timestamp::now().millis() + lifetimes.refresh * 1000).to_text();
    let values = [
        ("user", Value::text(user.id())),
        ("token", Value::text(&key_hash(&refresh_token))),
        ("expires", Value::text(&expires)),
    ];
    internal::insert(tx, REFRESH_TOKENS, &account, &id, values, "")?;
    let token = issue_access(user, &account, user::role(user), lifetimes.access);
    Ok(Tokens { token, refresh_token, expires_in: lifetimes.access })
}

fn make_room(tx: &mut Tx<'_>, account: &TenantId, user: &Record) -> Result<(), StoreError> {
    let own = of_user(tx, account, user)?;
    let too_many = (own.len() + 1).saturating_sub(TOKENS_MAX);
    for token in own.iter().take(too_many) {
        tx.delete(token, "")?;
    }
    let now = Timestamp::now().to_text();
    for token in internal::all(tx, REFRESH_TOKENS, account, SWEEP)? {
        if *token.text("expires") < *now {
            tx.delete(&token, "")?;
        }
    }
    Ok(())
}

fn of_user(tx: &Tx<'_>, account: &TenantId, user: &Record) -> Result<Vec<Arc<Record>>, StoreError> {
    internal::all_by(tx, REFRESH_TOKENS, account, "user", user.id(), TOKENS_MAX as u64)
}
