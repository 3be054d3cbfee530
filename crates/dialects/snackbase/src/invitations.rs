//! `/invitations`: a token that makes whoever shows it a user of an account.

use crate::App;
use crate::accounts;
use crate::asker::Caller;
use crate::auth::{USERS, attempt, hook_refusal, password, signed_in};
use crate::call::Call;
use crate::error::ApiError;
use crate::roles;
use crate::users;
use crate::wire;
use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};
use http::StatusCode;
use serde::Serialize;
use serde_json::Value as Json;
use std::sync::Arc;
use tidewire_auth::key_hash;
use tidewire_model::{Record, TenantId, Timestamp, Value, id};
use tidewire_records::account::{SYSTEM_ID, random_uuid};
use tidewire_records::internal::{self, GROUPS, INVITATIONS};
use tidewire_records::user::{self, NewUser};
use tidewire_records::{Asker, personal};
use tidewire_rules::Query;
use tidewire_store::{Snapshot, StoreError, Tx};

const HOURS: i64 = 48;
const TOKEN_LENGTH: usize = 48;
/// Invitations of one account.
const INVITATIONS_MAX: u64 = 1000;

pub fn routes() -> Router<App> {
    Router::new()
        .route("/invitations", get(list).post(create))
        // a token for GET, an id for DELETE
        .route("/invitations/{id}", get(view).delete(cancel))
        .route("/invitations/{id}/accept", post(accept))
        .route("/invitations/{id}/resend", post(resend))
}

#[derive(Serialize)]
struct Shown {
    id: String,
    account_id: String,
    email: String,
    role_id: i64,
    groups: Json,
    invited_by: String,
    status: &'static str,
    expires_at: String,
    accepted_at: Option<String>,
    created_at: String,
    updated_at: String,
    email_sent: bool,
    /// shown to whoever made it, once
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

#[derive(Serialize)]
struct List {
    invitations: Vec<Shown>,
    total: usize,
}

#[derive(Serialize)]
struct Public {
    email: String,
    account_name: String,
    invited_by_name: String,
    expires_at: String,
    is_valid: bool,
}

async fn create(mut call: Call) -> Result<Response, ApiError> {
    let caller = call.caller()?;
    caller.identity()?;
    let mut form = call.form().await?;
    let email = form.email("email");
    let role = form.optional_integer("role_id");
    let groups = form.optional_texts("groups").unwrap_or_default();
    let account = form.optional_text("account_id").filter(|_| caller.is_superadmin());
    form.check()?;
    let created = call.app.store.write(move |tx| {
        let account = match account {
            Some(id) => accounts::by_id(tx, &id)?.id,
            None => caller.tenant()?.clone(),
        };
        let role = role_name(tx, role)?;
        let groups = group_names(tx, &account, &groups)?;
        check_powers(&caller, &account, &role, &groups)?;
        invite(tx, &caller, &account, &email, &role, groups)
    });
    Ok(wire::created(&created.await?))
}

async fn list(call: Call) -> Result<Response, ApiError> {
    let identity = call.user()?;
    let mut account = identity.tenant.clone();
    if let Some(id) = call.query("account_id").filter(|_| identity.superuser) {
        account = TenantId::new(id);
    }
    let wanted = call.query("status_filter").map(str::to_owned);
    let found = call.app.store.read(move |snapshot| {
        let all = internal::all(snapshot, INVITATIONS, &account, INVITATIONS_MAX)?;
        let wanted = all.iter().filter(|one| wanted.as_deref().is_none_or(|wanted| status(one) == wanted));
        wanted.map(|one| shown(snapshot, one, None)).collect::<Result<Vec<_>, StoreError>>()
    });
    let invitations = found.await?;
    Ok(wire::ok(&List { total: invitations.len(), invitations }))
}

/// `GET /invitations/{token}`, for whoever was invited.
async fn view(call: Call) -> Result<Response, ApiError> {
    let shown = call.app.store.read_here(|snapshot| {
        let invitation = by_token(snapshot, call.param("id"))?;
        let account = accounts::by_id(snapshot, invitation.tenant.as_str())?;
        let host = user::find(snapshot, &invitation.tenant, invitation.text("invitedBy"))?;
        Ok::<_, ApiError>(Public {
            email: invitation.text("email").to_owned(),
            account_name: account.name,
            invited_by_name: host.map_or_else(String::new, |host| host.text("email").to_owned()),
            expires_at: wire::zoned_time(invitation.text("expires")),
            is_valid: status(&invitation) == "pending",
        })
    });
    Ok(wire::ok(&shown?))
}

async fn accept(mut call: Call) -> Result<Response, ApiError> {
    let token = call.param("id").to_owned();
    let open = call.app.store.read_here(|snapshot| open(snapshot, &token))?;
    let mut form = call.form().await?;
    let plain = form.text("password");
    form.check()?;
    let (tenant, email) = (open.tenant.clone(), open.text("email").to_owned());
    let (attempt, events) = (attempt(&call, &tenant, USERS, &email, "invitation"), &call.app.events);
    events.sign_in(&attempt).await.map_err(|refusal| hook_refusal(&refusal))?;
    let password = password::hashed(&call.app, plain).await?;
    let accepted = call.app.store.write(move |tx| {
        let invitation = self::open(tx, &token)?;
        let account = accounts::by_id(tx, open.tenant.as_str())?;
        let new = NewUser {
            email: invitation.text("email").to_owned(),
            password,
            role: invitation.text("role").to_owned(),
            groups: names(&invitation),
            verified: true,
            disabled: false,
        };
        let by = Asker { tenant: account.id.clone(), ..Asker::default() };
        let user = user::create(tx, &account.id, &new, &by).map_err(users::refusal)?;
        let now = Timestamp::now().to_text();
        internal::update(tx, &invitation, [("accepted", Value::text(&now))], "")?;
        Ok::<_, ApiError>((account, user))
    });
    let (account, user) = accepted.await?;
    events.signed_in(&attempt, &user);
    signed_in(&call.app, &account, user).await
}

/// A new token; the old one is worth nothing any more.
async fn resend(call: Call) -> Result<Response, ApiError> {
    let (caller, id) = (call.caller()?, call.param("id").to_owned());
    caller.identity()?;
    let renewed = call.app.store.write(move |tx| {
        let invitation = named(tx, &caller, &id)?;
        if status(&invitation) == "accepted" {
            let text = "Invitation has already been accepted";
            return Err(ApiError::detail(StatusCode::BAD_REQUEST, text));
        }
        let token = id::secret(TOKEN_LENGTH);
        let values = [("token", Value::text(&key_hash(&token))), ("expires", Value::text(&expiry()))];
        let invitation = internal::update(tx, &invitation, values, &caller.principal.actor())?;
        Ok(shown(tx, &invitation, Some(token))?)
    });
    Ok(wire::ok(&renewed.await?))
}

async fn cancel(call: Call) -> Result<Response, ApiError> {
    let (caller, id) = (call.caller()?, call.param("id").to_owned());
    caller.identity()?;
    let cancelled = call.app.store.write(move |tx| {
        let invitation = named(tx, &caller, &id)?;
        Ok::<_, ApiError>(tx.delete(&invitation, &caller.principal.actor())?)
    });
    cancelled.await?;
    Ok(wire::no_content())
}

fn invite(
    tx: &mut Tx<'_>,
    caller: &Caller,
    account: &TenantId,
    email: &str,
    role: &str,
    groups: Vec<String>,
) -> Result<Shown, ApiError> {
    if user::find_by_email(tx, account, email)?.is_some() {
        return Err(ApiError::conflict("A user with this email already exists in this account", "email"));
    }
    let all = internal::all(tx, INVITATIONS, account, INVITATIONS_MAX)?;
    if all.iter().any(|one| one.text("email") == email && status(one) == "pending") {
        return Err(ApiError::conflict("A pending invitation for this email already exists", "email"));
    }
    if all.len() as u64 >= INVITATIONS_MAX {
        // what is of no use any more makes room
        for old in all.iter().filter(|one| status(one) != "pending") {
            tx.delete(old, "")?;
        }
        if all.iter().all(|one| status(one) == "pending") {
            return Err(ApiError::detail(StatusCode::BAD_REQUEST, "Maximum number of invitations reached"));
        }
    }
    let token = id::secret(TOKEN_LENGTH);
    let values = [
        ("email", Value::text(email)),
        ("role", Value::text(role)),
        ("groups", Value::Json(groups.into())),
        ("token", Value::text(&key_hash(&token))),
        ("invitedBy", Value::text(caller.principal.id())),
        ("expires", Value::text(&expiry())),
    ];
    let actor = caller.principal.actor();
    let invitation = internal::insert(tx, INVITATIONS, account, &random_uuid(), values, &actor)?;
    Ok(shown(tx, &invitation, Some(token))?)
}

/// Nobody may give what they do not have.
fn check_powers(caller: &Caller, account: &TenantId, role: &str, groups: &[String]) -> Result<(), ApiError> {
    if account.as_str() == SYSTEM_ID {
        let text = "Superadmins are made on the command line";
        return Err(ApiError::detail(StatusCode::BAD_REQUEST, text));
    }
    let is_plain = role == user::MEMBER && groups.iter().all(|group| group != personal::GROUP);
    if is_plain || caller.is_superadmin() || caller.role() == user::ADMIN {
        return Ok(());
    }
    Err(ApiError::forbidden("Only admins can invite with this role or group"))
}

fn role_name(snapshot: &Snapshot<'_>, id: Option<i64>) -> Result<String, ApiError> {
    let Some(id) = id else { return Ok(user::MEMBER.to_owned()) };
    let role = roles::by_id(snapshot, id)?.ok_or_else(|| ApiError::not_found("Role not found"))?;
    Ok(role.text("name").to_owned())
}

/// Groups are named by their ids, or by their names.
fn group_names(
    snapshot: &Snapshot<'_>,
    account: &TenantId,
    wanted: &[String],
) -> Result<Vec<String>, ApiError> {
    let find = |wanted: &String| {
        let found = match internal::get(snapshot, GROUPS, account, wanted)? {
            Some(group) => Some(group),
            None => internal::all_by(snapshot, GROUPS, account, "name", wanted, 1)?.pop(),
        };
        let group = found.ok_or_else(|| ApiError::not_found("Group not found"))?;
        Ok(group.text("name").to_owned())
    };
    wanted.iter().map(find).collect()
}

fn named(snapshot: &Snapshot<'_>, caller: &Caller, id: &str) -> Result<Arc<Record>, ApiError> {
    let own = caller.tenant()?.clone();
    let tenant = if caller.is_superadmin() {
        let invitations = internal::collection(snapshot.catalog(), INVITATIONS)?;
        snapshot.tenant_of(&invitations, id)?.unwrap_or(own)
    } else {
        own
    };
    internal::get(snapshot, INVITATIONS, &tenant, id)?.ok_or_else(missing)
}

/// Whatever account it is of: the token alone names it.
fn by_token(snapshot: &Snapshot<'_>, token: &str) -> Result<Arc<Record>, ApiError> {
    let invitations = internal::collection(snapshot.catalog(), INVITATIONS)?;
    let query = Query::of_all_tenants(&invitations, Timestamp::now());
    let query = query.only("token", &[&key_hash(token)]).page(1, 0);
    snapshot.select(&invitations, &query)?.pop().ok_or_else(missing)
}

fn open(snapshot: &Snapshot<'_>, token: &str) -> Result<Arc<Record>, ApiError> {
    let invitation = by_token(snapshot, token)?;
    let refuse = |text| Err(ApiError::detail(StatusCode::BAD_REQUEST, text));
    match status(&invitation) {
        "accepted" => refuse("Invitation has already been accepted"),
        "expired" => refuse("Invitation has expired"),
        _ => Ok(invitation),
    }
}

fn status(invitation: &Record) -> &'static str {
    if !invitation.text("accepted").is_empty() {
        return "accepted";
    }
    let is_over = Timestamp::parse(invitation.text("expires")).is_none_or(|at| at <= Timestamp::now());
    if is_over { "expired" } else { "pending" }
}

fn names(invitation: &Record) -> Vec<String> {
    match invitation.get("groups") {
        Some(Value::Json(Json::Array(names))) => {
            names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
        }
        _ => Vec::new(),
    }
}

fn shown(snapshot: &Snapshot<'_>, invitation: &Record, token: Option<String>) -> Result<Shown, StoreError> {
    let accepted = invitation.text("accepted");
    Ok(Shown {
        id: invitation.id().to_owned(),
        account_id: invitation.tenant.to_string(),
        email: invitation.text("email").to_owned(),
        role_id: roles::id_of(snapshot, invitation.text("role"))?,
        groups: names(invitation).into(),
        invited_by: invitation.text("invitedBy").to_owned(),
        status: status(invitation),
        expires_at: wire::zoned_time(invitation.text("expires")),
        accepted_at: (!accepted.is_empty()).then(|| wire::zoned_time(accepted)),
        created_at: wire::zoned_time(invitation.text("created")),
        updated_at: wire::zoned_time(invitation.text("updated")),
        email_sent: false,
        token,
    })
}

fn expiry() -> String {
    Timestamp(Timestamp::now().millis() + HOURS * 3_600_000).to_text()
}

fn missing() -> ApiError {
    ApiError::not_found("Invitation not found")
}
