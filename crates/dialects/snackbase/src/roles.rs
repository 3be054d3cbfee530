//! `/roles`: names of what users may be. Rules read a role by its name, so it is users that hold the name.

use crate::App;
use crate::call::Call;
use crate::error::ApiError;
use crate::wire;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;
use serde::Serialize;
use std::sync::Arc;
use tidewire_model::{Collection, Record, TenantId, Timestamp, Value};
use tidewire_records::account::SYSTEM_ID;
use tidewire_records::internal::{self, ROLES};
use tidewire_records::user;
use tidewire_rules::Query;
use tidewire_store::{Snapshot, StoreError, Tx};

const NAME_LENGTH: (usize, usize) = (1, 100);
const ROLES_MAX: u64 = 1000;
/// Roles that every server has.
const BUILT_IN: [&str; 2] = [user::ADMIN, user::MEMBER];

pub fn routes() -> Router<App> {
    Router::new()
        .route("/roles", get(list).post(create))
        .route("/roles/{id}", get(view).put(update).patch(update).delete(delete))
}

/// The role of this number.
pub fn by_id(snapshot: &Snapshot<'_>, id: i64) -> Result<Option<Arc<Record>>, StoreError> {
    internal::get(snapshot, ROLES, &home(), &id.to_string())
}

/// The number of the role of this name; 0 if it is gone.
pub fn id_of(snapshot: &Snapshot<'_>, name: &str) -> Result<i64, StoreError> {
    let found = internal::all_by(snapshot, ROLES, &home(), "name", name, 1)?.pop();
    Ok(found.map_or(0, |role| number(&role)))
}

#[derive(Serialize)]
struct Shown {
    id: i64,
    name: String,
    description: Option<String>,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize)]
struct List {
    items: Vec<Shown>,
    total: usize,
}

async fn list(call: Call) -> Result<Response, ApiError> {
    call.superadmin()?;
    let roles = call.app.store.read_here(all)?;
    let items: Vec<Shown> = roles.iter().map(|role| shown(role)).collect();
    Ok(wire::ok(&List { total: items.len(), items }))
}

async fn view(call: Call) -> Result<Response, ApiError> {
    call.superadmin()?;
    let role = call.app.store.read_here(|snapshot| named(snapshot, call.param("id")))?;
    Ok(wire::ok(&shown(&role)))
}

async fn create(mut call: Call) -> Result<Response, ApiError> {
    let identity = call.superadmin()?;
    let mut form = call.form().await?;
    let name = form.sized_text("name", NAME_LENGTH.0, NAME_LENGTH.1);
    let description = form.optional_text("description").unwrap_or_default();
    form.check()?;
    let created = call.app.store.write(move |tx| {
        check_free(tx, &name, None)?;
        let roles = all(tx)?;
        let id = roles.iter().map(|role| number(role)).max().unwrap_or(0) + 1;
        if id > ROLES_MAX as i64 {
            return Err(ApiError::detail(StatusCode::BAD_REQUEST, "Maximum number of roles reached"));
        }
        let values = [("name", Value::text(&name)), ("description", Value::text(&description))];
        Ok(internal::insert(tx, ROLES, &home(), &id.to_string(), values, &wire::actor(&identity))?)
    });
    let role = created.await?;
    Ok(wire::created(&shown(&role)))
}

async fn update(mut call: Call) -> Result<Response, ApiError> {
    let identity = call.superadmin()?;
    let id = call.param("id").to_owned();
    let mut form = call.form().await?;
    let name = form.has("name").then(|| form.sized_text("name", NAME_LENGTH.0, NAME_LENGTH.1));
    let description = form.optional_text("description");
    form.check()?;
    let updated = call.app.store.write(move |tx| {
        let role = named(tx, &id)?;
        if let Some(name) = name.as_deref().filter(|name| *name != role.text("name")) {
            check_free(tx, name, Some(&role))?;
        }
        let name = name.map(|name| ("name", Value::text(&name)));
        let description = description.map(|text| ("description", Value::text(&text)));
        let values = name.into_iter().chain(description);
        Ok::<_, ApiError>(internal::update(tx, &role, values, &wire::actor(&identity))?)
    });
    let role = updated.await?;
    Ok(wire::ok(&shown(&role)))
}

async fn delete(call: Call) -> Result<Response, ApiError> {
    let identity = call.superadmin()?;
    let id = call.param("id").to_owned();
    let deleted = call.app.store.write(move |tx| {
        let role = named(tx, &id)?;
        check_unused(tx, &role)?;
        Ok::<_, ApiError>(tx.delete(&role, &wire::actor(&identity))?)
    });
    deleted.await?;
    Ok(wire::no_content())
}

/// A name must be new, and an old one of no use to anybody.
fn check_free(tx: &Tx<'_>, name: &str, old: Option<&Record>) -> Result<(), ApiError> {
    if id_of(tx, name)? != 0 {
        return Err(ApiError::conflict("A role with this name already exists", "name"));
    }
    old.map_or(Ok(()), |old| check_unused(tx, old))
}

fn check_unused(tx: &Tx<'_>, role: &Record) -> Result<(), ApiError> {
    let name = role.text("name");
    if BUILT_IN.contains(&name) {
        let text = "Default roles cannot be renamed or deleted";
        return Err(ApiError::detail(StatusCode::BAD_REQUEST, text));
    }
    let Some(users) = tx.catalog().by_id(Collection::USERS_ID) else { return Ok(()) };
    let query = Query::of_all_tenants(users, Timestamp::now()).only(user::ROLE, &[name]);
    if tx.count(&query)? > 0 {
        return Err(ApiError::conflict("Users have this role", "name"));
    }
    Ok(())
}

fn named(snapshot: &Snapshot<'_>, id: &str) -> Result<Arc<Record>, ApiError> {
    let found = internal::get(snapshot, ROLES, &home(), id)?;
    found.ok_or_else(|| ApiError::not_found("Role not found"))
}

fn all(snapshot: &Snapshot<'_>) -> Result<Vec<Arc<Record>>, StoreError> {
    internal::all(snapshot, ROLES, &home(), ROLES_MAX)
}

fn shown(role: &Record) -> Shown {
    Shown {
        id: number(role),
        name: role.text("name").to_owned(),
        description: wire::some_text(role.text("description")),
        created_at: wire::zoned_time(role.text("created")),
        updated_at: wire::zoned_time(role.text("updated")),
    }
}

fn number(role: &Record) -> i64 {
    role.id().parse().unwrap_or(0)
}

/// Roles are the same in all accounts.
fn home() -> TenantId {
    TenantId::new(SYSTEM_ID)
}
