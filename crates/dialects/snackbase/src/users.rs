//! `/users`: the users of all accounts, for superadmins.

use crate::App;
use crate::accounts;
use crate::auth::password;
use crate::call::Call;
use crate::error::{ApiError, Detail};
use crate::page::number;
use crate::roles;
use crate::wire;
use axum::Router;
use axum::response::Response;
use axum::routing::{get, post, put};
use http::StatusCode;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::Arc;
use tidewire_model::{Collection, Identity, Record, TenantId, Timestamp};
use tidewire_records::account::SYSTEM_ID;
use tidewire_records::user::{self, NewUser, UserChange};
use tidewire_records::{Asker, RecordError, sign_in};
use tidewire_rules::{Audience, Expr, Facts, Limits, Query, Rule};
use tidewire_store::{Account, Snapshot, StoreError, Tx};

const LIMIT: u64 = 25;
const LIMIT_MAX: u64 = 100;

pub fn routes() -> Router<App> {
    Router::new()
        .route("/users", get(list).post(create))
        .route("/users/{id}", get(view).patch(update).delete(deactivate))
        .route("/users/{id}/password", put(set_password))
        .route("/users/{id}/verify", post(verify))
        .route("/users/{id}/resend-verification", post(resend_verification))
}

#[derive(Serialize)]
struct Shown {
    id: String,
    email: String,
    account_id: String,
    account_code: String,
    account_name: String,
    role_id: i64,
    role_name: String,
    groups: Vec<String>,
    is_active: bool,
    auth_provider: &'static str,
    auth_provider_name: Option<String>,
    created_at: String,
    updated_at: String,
    last_login: Option<String>,
    email_verified: bool,
}

#[derive(Serialize)]
struct List {
    total: u64,
    items: Vec<Shown>,
}

async fn list(call: Call) -> Result<Response, ApiError> {
    call.superadmin()?;
    answer_list(&call, call.query("account_id").map(str::to_owned)).await
}

/// `GET /accounts/{id}/users`
pub async fn list_of_account(call: Call) -> Result<Response, ApiError> {
    call.superadmin()?;
    let id = call.param("id").to_owned();
    call.app.store.read_here(|snapshot| accounts::by_id(snapshot, &id))?;
    answer_list(&call, Some(id)).await
}

async fn answer_list(call: &Call, account: Option<String>) -> Result<Response, ApiError> {
    let limit = number(call, "limit", number(call, "page_size", LIMIT, 1, LIMIT_MAX)?, 1, LIMIT_MAX)?;
    let page = number(call, "page", 1, 1, u64::from(u32::MAX))?;
    let skip = number(call, "skip", (page - 1) * limit, 0, u64::from(u32::MAX))?;
    let text = call.query("search").map(quoted);
    let active = call.query("is_active").map(|text| text == "true" || text == "1");
    let role = call.query("role_id").and_then(|id| id.parse().ok());
    let found = call.app.store.read(move |snapshot| {
        let account = account.as_deref().map(TenantId::new);
        let Some(query) = query(snapshot, account.as_ref())? else { return Ok((0, Vec::new())) };
        let role = role.map(|id| role_name(snapshot, id)).transpose()?;
        let query = narrowed(snapshot, query, text.as_deref(), active, role.as_deref())?;
        let (users, query) = query;
        let total = snapshot.count(&query)?;
        let records = snapshot.select(&users, &query.page(limit, skip))?;
        Ok::<_, ApiError>((total, show_all(snapshot, &records)?))
    });
    let (total, items) = found.await?;
    Ok(wire::ok(&List { total, items }))
}

async fn view(call: Call) -> Result<Response, ApiError> {
    call.superadmin()?;
    let shown = call.app.store.read_here(|snapshot| {
        let user = by_id(snapshot, call.param("id"))?;
        show(snapshot, user)
    });
    Ok(wire::ok(&shown?))
}

async fn create(mut call: Call) -> Result<Response, ApiError> {
    let identity = call.superadmin()?;
    let mut form = call.form().await?;
    let (email, plain) = (form.email("email"), form.text("password"));
    let (account, role) = (form.text("account_id"), form.integer("role_id"));
    let active = form.optional_bool("is_active").unwrap_or(true);
    form.check()?;
    let password = password::hashed(&call.app, plain).await?;
    let created = call.app.store.write(move |tx| {
        let account = accounts::by_id(tx, &account)?;
        check_tenant(&account)?;
        let role = role_name(tx, role)?;
        let new = NewUser { email, password, role, disabled: !active, ..NewUser::default() };
        let user = user::create(tx, &account.id, &new, &asker(&identity, &account.id)).map_err(refusal)?;
        show(tx, user)
    });
    Ok(wire::created(&created.await?))
}

async fn update(mut call: Call) -> Result<Response, ApiError> {
    call.superadmin()?;
    let mut form = call.form().await?;
    let email = form.optional_email("email");
    let role = form.optional_integer("role_id");
    let active = form.optional_bool("is_active");
    form.check()?;
    let moved = form.get("account_id").and_then(|id| id.as_str()).map(str::to_owned);
    let change = move |tx: &Tx<'_>, user: &Record| {
        if moved.is_some_and(|account| *account != *user::account_of(user).as_str()) {
            let text = "A user cannot be moved to another account";
            return Err(ApiError::detail(StatusCode::BAD_REQUEST, text));
        }
        let role = role.map(|role| role_name(tx, role)).transpose()?;
        Ok(UserChange { email, role, disabled: active.map(|active| !active), ..UserChange::default() })
    };
    Ok(wire::ok(&changed(&call, change).await?))
}

async fn set_password(mut call: Call) -> Result<Response, ApiError> {
    call.superadmin()?;
    let mut form = call.form().await?;
    let name = if form.has("password") { "password" } else { "new_password" };
    let plain = form.text(name);
    form.check()?;
    let password = Some(password::hashed(&call.app, plain).await?);
    changed(&call, move |_, _| Ok(UserChange { password, ..UserChange::default() })).await?;
    Ok(wire::message(StatusCode::OK, "Password reset successfully"))
}

async fn verify(call: Call) -> Result<Response, ApiError> {
    call.superadmin()?;
    let change = UserChange { verified: Some(true), ..UserChange::default() };
    Ok(wire::ok(&changed(&call, move |_, _| Ok(change)).await?))
}

async fn deactivate(call: Call) -> Result<Response, ApiError> {
    call.superadmin()?;
    let change = UserChange { disabled: Some(true), ..UserChange::default() };
    changed(&call, move |_, _| Ok(change)).await?;
    Ok(wire::no_content())
}

async fn resend_verification(call: Call) -> Result<Response, ApiError> {
    call.superadmin()?;
    call.app.store.read_here(|snapshot| by_id(snapshot, call.param("id")))?;
    Err(ApiError::detail(StatusCode::BAD_REQUEST, "This server sends no mail; verify the address instead"))
}

/// The user that the path names, after a change.
async fn changed(
    call: &Call,
    change: impl FnOnce(&Tx<'_>, &Record) -> Result<UserChange, ApiError> + Clone + Send + 'static,
) -> Result<Shown, ApiError> {
    let (identity, id) = (call.superadmin()?, call.param("id").to_owned());
    let changed = call.app.store.write(move |tx| {
        let old = by_id(tx, &id)?;
        let change = change(tx, &old)?;
        if old.collection.is_superusers() && change.disabled == Some(true) {
            return Err(ApiError::detail(StatusCode::BAD_REQUEST, "A superadmin cannot be deactivated"));
        }
        let by = asker(&identity, &old.tenant);
        let new = user::change(tx, &old, &change, &by).map_err(refusal)?;
        show(tx, new)
    });
    changed.await
}

fn by_id(snapshot: &Snapshot<'_>, id: &str) -> Result<Arc<Record>, ApiError> {
    for collection in [Collection::USERS_ID, Collection::SUPERUSERS_ID] {
        let Some(users) = snapshot.catalog().by_id(collection) else { continue };
        if let Some(tenant) = snapshot.tenant_of(users, id)?
            && let Some(user) = snapshot.get(users, &tenant, id)?
        {
            return Ok(user);
        }
    }
    Err(ApiError::not_found("User not found"))
}

/// Superusers are made by commands, not over HTTP.
fn check_tenant(account: &Account) -> Result<(), ApiError> {
    if account.id.as_str() != SYSTEM_ID {
        return Ok(());
    }
    Err(ApiError::detail(StatusCode::BAD_REQUEST, "Superadmins are made on the command line"))
}

fn role_name(snapshot: &Snapshot<'_>, id: i64) -> Result<String, ApiError> {
    let role = roles::by_id(snapshot, id)?.ok_or_else(|| ApiError::not_found("Role not found"))?;
    Ok(role.text("name").to_owned())
}

fn query(
    snapshot: &Snapshot<'_>,
    account: Option<&TenantId>,
) -> Result<Option<(Arc<Collection>, Query)>, StoreError> {
    let now = Timestamp::now();
    Ok(match account {
        Some(account) => user::home(snapshot, account).map(|(users, tenant)| {
            let query = Query::new(&users, &tenant, now);
            (users, query)
        }),
        None => snapshot.catalog().by_id(Collection::USERS_ID).map(|users| {
            let query = Query::of_all_tenants(users, now);
            (users.clone(), query)
        }),
    })
}

fn narrowed(
    snapshot: &Snapshot<'_>,
    (users, query): (Arc<Collection>, Query),
    search: Option<&str>,
    active: Option<bool>,
    role: Option<&str>,
) -> Result<(Arc<Collection>, Query), ApiError> {
    let mut parts: Vec<String> = search.map(|text| format!("email ~ {text}")).into_iter().collect();
    if users.is_users() {
        parts.extend(active.map(|active| format!("{} = {}", user::DISABLED, !active)));
        parts.extend(role.map(|role| match role {
            user::MEMBER => format!("({0} = '' || {0} = 'user')", user::ROLE),
            role => format!("{} = {}", user::ROLE, quoted(role)),
        }));
    }
    if parts.is_empty() {
        return Ok((users, query));
    }
    let failed = |_| ApiError::detail(StatusCode::BAD_REQUEST, "Invalid search");
    let expr = Expr::parse(&parts.join(" && "), Limits::default()).map_err(|_| failed(()))?;
    let tenant = TenantId::default();
    let rule = Rule::resolve(&expr, snapshot.catalog(), &tenant, &users, Audience::Superuser);
    let residual = rule.map_err(|_| failed(()))?.bind(&Facts::default());
    let query = query.filter(&residual);
    Ok((users, query))
}

/// A literal of the filter language.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn show(snapshot: &Snapshot<'_>, user: Arc<Record>) -> Result<Shown, ApiError> {
    show_all(snapshot, &[user])?.pop().ok_or_else(ApiError::internal)
}

fn show_all(snapshot: &Snapshot<'_>, users: &[Arc<Record>]) -> Result<Vec<Shown>, ApiError> {
    let accounts: HashMap<TenantId, Account> =
        snapshot.accounts()?.into_iter().map(|account| (account.id.clone(), account)).collect();
    let shown = users.iter().map(|user| {
        let id = user::account_of(user);
        let account = accounts.get(&id);
        Ok(Shown {
            id: user.id().to_owned(),
            email: user.text("email").to_owned(),
            account_code: account.map_or_else(String::new, |account| account.code.clone()),
            account_name: account.map_or_else(String::new, |account| account.name.clone()),
            account_id: id.to_string(),
            role_id: roles::id_of(snapshot, user::role(user))?,
            role_name: user::role(user).to_owned(),
            groups: user::groups(user).into_iter().map(str::to_owned).collect(),
            is_active: !sign_in::is_disabled(user),
            auth_provider: "password",
            auth_provider_name: None,
            created_at: wire::zoned_time(user.text("created")),
            updated_at: wire::zoned_time(user.text("updated")),
            last_login: None,
            email_verified: user.bool("verified"),
        })
    });
    shown.collect()
}

fn asker(identity: &Arc<Identity>, tenant: &TenantId) -> Asker {
    let principal = tidewire_model::Principal::Known(identity.clone());
    Asker { principal, tenant: tenant.clone(), ..Asker::default() }
}

/// What `users` itself refuses: an address that somebody has, or fields that an app requires.
pub fn refusal(error: RecordError) -> ApiError {
    let RecordError::Invalid(faults) = &error else { return error.into() };
    let mut details = Vec::new();
    for (field, fault) in &faults.0 {
        if let tidewire_records::error::Fault::Field(error) = fault {
            if field == "email" && error.code == "validation_not_unique" {
                let text = "A user with this email already exists in this account";
                return ApiError::conflict(text, "email");
            }
            details.push(Detail::new(field, error.message.clone(), error.code));
        }
    }
    ApiError::validation(&details)
}
