//! `/auth`: accounts come to be, users sign in, stay signed in and sign out.

mod login;
mod mail;
pub mod password;
mod refresh;
mod register;
mod session;
mod slug;

pub use login::signed_in;
pub use session::Lifetimes;
pub use slug::{free_slug, slug_fault};

use crate::App;
use crate::call::Call;
use crate::error::ApiError;
use crate::wire;
use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};
use serde::Serialize;
use tidewire_connection::events::{self, SignIn};
use tidewire_hooks::Refusal;
use tidewire_model::{Record, TenantId};
use tidewire_records::{sign_in, user};
use tidewire_store::Account;

/// Where users of accounts are looked for that do not exist.
pub const USERS: &str = "users";

pub fn routes() -> Router<App> {
    Router::new()
        .route("/auth/register", post(register::register))
        .route("/auth/login", post(login::login))
        .route("/auth/refresh", post(refresh::refresh))
        .route("/auth/logout", post(refresh::logout))
        .route("/auth/me", get(me))
        .route("/auth/forgot-password", post(mail::forgot_password))
        .route("/auth/reset-password", post(mail::reset_password))
        .route("/auth/verify-reset-token/{token}", get(mail::verify_reset_token))
        .route("/auth/send-verification", post(mail::send_verification))
        .route("/auth/resend-verification", post(mail::send_verification))
        .route("/auth/verify-email", post(mail::verify_email))
}

/// Somebody who wants to be signed in, as user code is told of it.
pub fn attempt<'a>(
    call: &'a Call,
    tenant: &'a TenantId,
    collection: &'a str,
    identity: &'a str,
    method: &'static str,
) -> SignIn<'a> {
    SignIn { tenant, collection, identity, method, ip: call.address(), parts: &call.parts }
}

/// User code does not let somebody in.
pub fn hook_refusal(refusal: &Refusal) -> ApiError {
    ApiError::message(events::status(refusal), "Authentication failed", &refusal.message)
}

/// An account as it is shown beside its users.
#[derive(Serialize)]
pub struct ShownAccount {
    id: String,
    slug: String,
    name: String,
    created_at: String,
}

/// A user as sign-ins show it.
#[derive(Serialize)]
pub struct ShownUser {
    id: String,
    email: String,
    role: String,
    is_active: bool,
    created_at: String,
}

impl ShownAccount {
    pub fn of(account: &Account) -> Self {
        Self {
            id: account.id.to_string(),
            slug: account.slug.clone(),
            name: account.name.clone(),
            created_at: wire::naive_time(&account.created),
        }
    }
}

impl ShownUser {
    pub fn of(record: &Record) -> Self {
        Self {
            id: record.id().to_owned(),
            email: record.text("email").to_owned(),
            role: user::role(record).to_owned(),
            is_active: !sign_in::is_disabled(record),
            created_at: wire::naive_time(record.text("created")),
        }
    }
}

#[derive(Serialize)]
struct Me<'a> {
    user_id: &'a str,
    account_id: &'a str,
    email: &'a str,
    role: &'a str,
}

/// `GET /auth/me`
async fn me(call: Call) -> Result<Response, ApiError> {
    let identity = call.user()?;
    let record = &identity.record;
    Ok(wire::ok(&Me {
        user_id: record.id(),
        account_id: identity.tenant.as_str(),
        email: record.text("email"),
        role: user::role(record),
    }))
}
