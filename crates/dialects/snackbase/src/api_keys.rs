//! `/admin/api-keys`: tokens that programs sign in with, shown once.

use crate::App;
use crate::asker;
use crate::call::Call;
use crate::error::{ApiError, Detail};
use crate::token::TokenFault;
use crate::wire;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;
use serde::Serialize;
use std::sync::Arc;
use tidewire_auth::{Sealed, key_hash, seal, unseal};
use tidewire_model::{Identity, Record, Timestamp, Value};
use tidewire_records::account::random_uuid;
use tidewire_records::internal::{self, API_KEYS};
use tidewire_records::user;
use tidewire_records::user_key::{self, KeyFault};
use tidewire_store::{StoreError, Tx};

/// Keys of one user.
const KEYS_MAX: u64 = 10;
const NAME_LENGTH: (usize, usize) = (3, 100);

pub fn routes() -> Router<App> {
    Router::new()
        .route("/admin/api-keys", get(list).post(create))
        .route("/admin/api-keys/{id}", get(view).delete(revoke))
}

/// The user whose key this is, as long as the key is kept and has not run out.
pub fn identify(app: &App, token: &str) -> Result<Identity, TokenFault> {
    app.store.read_here(|snapshot| user_key::identify(snapshot, token)).map_err(|fault| match fault {
        KeyFault::Invalid => TokenFault::Invalid,
        KeyFault::Expired => TokenFault::Expired,
        KeyFault::Store(error) => error.into(),
    })
}

/// Whether the request comes with a key that was made for this.
pub fn has_scope(call: &Call, scope: &str) -> Result<bool, ApiError> {
    let token = asker::token(&call.parts.headers).filter(|token| user_key::is_one(token));
    let Some(token) = token else { return Ok(false) };
    let secret = call.app.store.read_here(internal::key_secret)?;
    Ok(unseal(&token, &secret).is_some_and(|key| key.scopes.iter().any(|one| one == scope)))
}

#[derive(Serialize)]
struct Created {
    name: String,
    id: String,
    key: String,
    expires_at: Option<String>,
    created_at: String,
    scopes: Vec<String>,
}

#[derive(Serialize)]
struct Listed {
    name: String,
    id: String,
    key: String,
    is_active: bool,
    last_used_at: Option<String>,
    expires_at: Option<String>,
    created_at: String,
    scopes: serde_json::Value,
}

#[derive(Serialize)]
struct List {
    items: Vec<Listed>,
    total: usize,
}

async fn create(mut call: Call) -> Result<Response, ApiError> {
    let identity = call.user()?;
    let mut form = call.form().await?;
    let name = form.sized_text("name", NAME_LENGTH.0, NAME_LENGTH.1);
    let expires = form.optional_text("expires_at");
    let scopes = form.optional_texts("scopes").unwrap_or_default();
    let expires_at = expires.as_deref().map(|text| Timestamp::parse(text).ok_or(()));
    if matches!(expires_at, Some(Err(()))) {
        form.wrong("expires_at", "datetime_from_date_parsing", "Input should be a valid datetime");
    }
    form.check()?;
    let expires_at = expires_at.and_then(Result::ok);
    if expires_at.is_some_and(|at| at <= Timestamp::now()) {
        let fault = Detail::new("expires_at", "Expiration date must be in the future", "invalid_value");
        return Err(ApiError::validation(&[fault]));
    }
    let made = call.app.store.write(move |tx| make(tx, &identity, name, expires_at, scopes)).await?;
    Ok(wire::created(&made))
}

async fn list(call: Call) -> Result<Response, ApiError> {
    let identity = call.user()?;
    let keys = call.app.store.read(move |snapshot| {
        let user = identity.record.id();
        internal::all_by(snapshot, API_KEYS, &identity.tenant, "user", user, KEYS_MAX)
    });
    let items: Vec<Listed> = keys.await?.iter().map(|key| listed(key)).collect();
    Ok(wire::ok(&List { total: items.len(), items }))
}

async fn view(call: Call) -> Result<Response, ApiError> {
    let identity = call.user()?;
    let id = call.param("id");
    let key = call.app.store.read_here(|snapshot| own(snapshot, &identity, id))?;
    let key = key.ok_or_else(missing)?;
    Ok(wire::ok(&listed(&key)))
}

async fn revoke(call: Call) -> Result<Response, ApiError> {
    let identity = call.user()?;
    let id = call.param("id").to_owned();
    let revoked = call.app.store.write(move |tx| {
        let Some(key) = own(tx, &identity, &id)? else { return Ok(false) };
        tx.delete(&key, &wire::actor(&identity))?;
        Ok::<_, StoreError>(true)
    });
    if revoked.await? { Ok(wire::no_content()) } else { Err(missing()) }
}

fn make(
    tx: &mut Tx<'_>,
    identity: &Identity,
    name: String,
    expires_at: Option<Timestamp>,
    scopes: Vec<String>,
) -> Result<Created, ApiError> {
    let user = &identity.record;
    let others = internal::all_by(tx, API_KEYS, &identity.tenant, "user", user.id(), KEYS_MAX)?;
    if others.len() as u64 >= KEYS_MAX {
        let text = format!("Maximum number of API keys ({KEYS_MAX}) reached");
        return Err(ApiError::detail(StatusCode::BAD_REQUEST, &text));
    }
    let id = random_uuid();
    let expires = expires_at.map(Timestamp::to_text);
    let mut key = Sealed::new(&id);
    key.user_id = user.id().to_owned();
    key.email = user.text("email").to_owned();
    key.account_id = identity.tenant.to_string();
    key.role = user::role(user).to_owned();
    key.scopes.clone_from(&scopes);
    key.expires_at = expires.as_deref().map(wire::zoned_time);
    let text = seal(&key, &internal::key_secret(tx)?);
    let values = [
        ("name", Value::text(&name)),
        ("user", Value::text(user.id())),
        ("masked", Value::text(&masked(&key_hash(&text)))),
        ("expires", Value::text(expires.as_deref().unwrap_or_default())),
        ("scopes", Value::Json(scopes.clone().into())),
    ];
    let record = internal::insert(tx, API_KEYS, &identity.tenant, &id, values, &wire::actor(identity))?;
    let created_at = wire::zoned_time(record.text("created"));
    Ok(Created {
        name,
        id,
        key: text,
        expires_at: expires.as_deref().map(wire::zoned_time),
        created_at,
        scopes,
    })
}

fn own(
    snapshot: &tidewire_store::Snapshot<'_>,
    identity: &Identity,
    id: &str,
) -> Result<Option<Arc<Record>>, StoreError> {
    let key = internal::get(snapshot, API_KEYS, &identity.tenant, id)?;
    Ok(key.filter(|key| key.text("user") == identity.record.id()))
}

fn listed(key: &Record) -> Listed {
    let expires = key.text("expires");
    Listed {
        name: key.text("name").to_owned(),
        id: key.id().to_owned(),
        key: key.text("masked").to_owned(),
        is_active: Timestamp::parse(expires).is_none_or(|at| at > Timestamp::now()),
        last_used_at: None,
        expires_at: (!expires.is_empty()).then(|| wire::zoned_time(expires)),
        created_at: wire::zoned_time(key.text("created")),
        scopes: key.get("scopes").map(Value::to_json).unwrap_or_default(),
    }
}

/// Enough of a key to know it again.
fn masked(hash: &str) -> String {
    format!("{}...{}", &hash[..6], &hash[hash.len() - 4..])
}

fn missing() -> ApiError {
    ApiError::not_found("API key not found")
}
