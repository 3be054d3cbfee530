//! `/groups`: named sets of users of one account. A user holds the names of its groups, since that is what rules read.

use crate::App;
use crate::asker::Caller;
use crate::call::Call;
use crate::error::ApiError;
use crate::page::number;
use crate::users;
use crate::wire;
use axum::Router;
use axum::response::Response;
use axum::routing::{delete, get, post};
use http::StatusCode;
use serde::Serialize;
use std::sync::Arc;
use tidewire_model::{Collection, Record, TenantId, Timestamp, Value};
use tidewire_records::account::random_uuid;
use tidewire_records::internal::{self, GROUPS};
use tidewire_records::user::{self, UserChange};
use tidewire_records::{Asker, personal};
use tidewire_rules::{Audience, Expr, Facts, Limits, Query, Rule};
use tidewire_store::{Snapshot, StoreError, Tx};

const NAME_LENGTH: (usize, usize) = (1, 100);
/// Groups of one account, and members that one group shows or a renaming follows.
const GROUPS_MAX: u64 = 1000;
const MEMBERS_MAX: u64 = 10_000;

pub fn routes() -> Router<App> {
    Router::new()
        .route("/groups", get(list).post(create))
        .route("/groups/{id}", get(view).patch(update).put(update).delete(remove))
        .route("/groups/{id}/users", post(add_user))
        .route("/groups/{id}/users/{user}", delete(remove_user))
}

#[derive(Serialize)]
struct Shown {
    name: String,
    description: Option<String>,
    id: String,
    account_id: String,
    account_code: String,
    member_count: usize,
    created_at: String,
    updated_at: String,
    users: Vec<Member>,
}

#[derive(Serialize)]
struct Member {
    id: String,
    email: String,
    is_active: bool,
}

async fn list(call: Call) -> Result<Response, ApiError> {
    let identity = call.user()?;
    let limit = number(&call, "limit", GROUPS_MAX, 1, GROUPS_MAX)?;
    let skip = number(&call, "skip", 0, 0, GROUPS_MAX)?;
    let search = call.query("search").unwrap_or_default().to_lowercase();
    let shown = call.app.store.read(move |snapshot| {
        let groups = internal::all(snapshot, GROUPS, &identity.tenant, GROUPS_MAX)?;
        let found = groups.iter().filter(|group| group.text("name").to_lowercase().contains(&search));
        let page = found.skip(skip as usize).take(limit as usize);
        page.map(|group| shown(snapshot, group)).collect::<Result<Vec<_>, ApiError>>()
    });
    Ok(wire::ok(&shown.await?))
}

async fn view(call: Call) -> Result<Response, ApiError> {
    let (caller, id) = (call.caller()?, call.param("id").to_owned());
    caller.identity()?;
    let shown = call.app.store.read(move |snapshot| {
        let group = named(snapshot, &caller, &id)?;
        shown(snapshot, &group)
    });
    Ok(wire::ok(&shown.await?))
}

async fn create(mut call: Call) -> Result<Response, ApiError> {
    let identity = call.user()?;
    let mut form = call.form().await?;
    let name = form.sized_text("name", NAME_LENGTH.0, NAME_LENGTH.1);
    let description = form.optional_text("description").unwrap_or_default();
    form.check()?;
    let created = call.app.store.write(move |tx| {
        let account = &identity.tenant;
        check_free(tx, account, &name)?;
        if internal::all(tx, GROUPS, account, GROUPS_MAX)?.len() as u64 >= GROUPS_MAX {
            return Err(ApiError::detail(StatusCode::BAD_REQUEST, "Maximum number of groups reached"));
        }
        let values = [("name", Value::text(&name)), ("description", Value::text(&description))];
        let group = internal::insert(tx, GROUPS, account, &random_uuid(), values, &wire::actor(&identity))?;
        shown(tx, &group)
    });
    Ok(wire::created(&created.await?))
}

async fn update(mut call: Call) -> Result<Response, ApiError> {
    let (caller, id) = (call.caller()?, call.param("id").to_owned());
    caller.identity()?;
    let mut form = call.form().await?;
    let name = form.has("name").then(|| form.sized_text("name", NAME_LENGTH.0, NAME_LENGTH.1));
    let description = form.optional_text("description");
    form.check()?;
    let updated = call.app.store.write(move |tx| {
        let group = named(tx, &caller, &id)?;
        if let Some(name) = name.as_deref().filter(|name| *name != group.text("name")) {
            check_guarded(&caller, group.text("name"))?;
            check_guarded(&caller, name)?;
            check_free(tx, &group.tenant, name)?;
            rename_of_members(tx, &caller, &group, Some(name))?;
        }
        let name = name.map(|name| ("name", Value::text(&name)));
        let description = description.map(|text| ("description", Value::text(&text)));
        let values = name.into_iter().chain(description);
        let group = internal::update(tx, &group, values, &caller.principal.actor())?;
        shown(tx, &group)
    });
    Ok(wire::ok(&updated.await?))
}

async fn remove(call: Call) -> Result<Response, ApiError> {
    let (caller, id) = (call.caller()?, call.param("id").to_owned());
    caller.identity()?;
    let removed = call.app.store.write(move |tx| {
        let group = named(tx, &caller, &id)?;
        check_guarded(&caller, group.text("name"))?;
        rename_of_members(tx, &caller, &group, None)?;
        Ok::<_, ApiError>(tx.delete(&group, &caller.principal.actor())?)
    });
    removed.await?;
    Ok(wire::no_content())
}

async fn add_user(mut call: Call) -> Result<Response, ApiError> {
    let mut form = call.form().await?;
    let user = form.text("user_id");
    form.check()?;
    set_membership(&call, user, true).await?;
    Ok(wire::message(StatusCode::CREATED, "User added to group successfully"))
}

async fn remove_user(call: Call) -> Result<Response, ApiError> {
    set_membership(&call, call.param("user").to_owned(), false).await?;
    Ok(wire::no_content())
}

async fn set_membership(call: &Call, user: String, is_member: bool) -> Result<(), ApiError> {
    let (caller, id) = (call.caller()?, call.param("id").to_owned());
    caller.identity()?;
    let changed = call.app.store.write(move |tx| {
        let group = named(tx, &caller, &id)?;
        let name = group.text("name");
        check_guarded(&caller, name)?;
        let found = user::find(tx, &group.tenant, &user)?;
        let user = found.ok_or_else(|| ApiError::not_found("User not found"))?;
        let mut groups: Vec<&str> = user::groups(&user);
        match (groups.iter().position(|group| *group == name), is_member) {
            (Some(_), true) => {
                return Err(ApiError::detail(StatusCode::BAD_REQUEST, "User is already in this group"));
            }
            (None, false) => return Err(ApiError::not_found("User is not in this group")),
            (None, true) => groups.push(name),
            (Some(at), false) => {
                groups.remove(at);
            }
        }
        set_groups(tx, &caller, &user, &groups)
    });
    changed.await
}

/// The group of this id in the caller's account; superadmins reach those of all accounts.
fn named(snapshot: &Snapshot<'_>, caller: &Caller, id: &str) -> Result<Arc<Record>, ApiError> {
    let own = caller.tenant()?.clone();
    let tenant = if caller.is_superadmin() {
        let groups = internal::collection(snapshot.catalog(), GROUPS)?;
        snapshot.tenant_of(&groups, id)?.unwrap_or(own)
    } else {
        own
    };
    let found = internal::get(snapshot, GROUPS, &tenant, id)?;
    found.ok_or_else(|| ApiError::not_found("Group not found"))
}

/// Whoever could join this group by themselves would see what is masked for them.
fn check_guarded(caller: &Caller, name: &str) -> Result<(), ApiError> {
    if name != personal::GROUP || caller.is_superadmin() || caller.role() == user::ADMIN {
        return Ok(());
    }
    Err(ApiError::forbidden("Only admins can change who may see personal data"))
}

fn check_free(tx: &Tx<'_>, account: &TenantId, name: &str) -> Result<(), ApiError> {
    if internal::all_by(tx, GROUPS, account, "name", name, 1)?.is_empty() {
        return Ok(());
    }
    Err(ApiError::conflict("A group with this name already exists in this account", "name"))
}

/// Members follow the name of their group; `None`: it is gone.
fn rename_of_members(
    tx: &mut Tx<'_>,
    caller: &Caller,
    group: &Record,
    name: Option<&str>,
) -> Result<(), ApiError> {
    let old = group.text("name");
    for user in members(tx, group)? {
        let kept = user::groups(&user).into_iter().filter(|group| *group != old);
        let groups: Vec<&str> = kept.chain(name).collect();
        set_groups(tx, caller, &user, &groups)?;
    }
    Ok(())
}

fn set_groups(tx: &mut Tx<'_>, caller: &Caller, user: &Arc<Record>, groups: &[&str]) -> Result<(), ApiError> {
    let groups = Some(groups.iter().map(|group| (*group).to_owned()).collect());
    let by = Asker { tenant: user.tenant.clone(), ..caller.asker(&user.tenant, "POST") };
    user::change(tx, user, &UserChange { groups, ..UserChange::default() }, &by).map_err(users::refusal)?;
    Ok(())
}

/// In the order in which they were made.
fn members(snapshot: &Snapshot<'_>, group: &Record) -> Result<Vec<Arc<Record>>, ApiError> {
    let Some(users) = snapshot.catalog().by_id(Collection::USERS_ID) else { return Ok(Vec::new()) };
    let name = group.text("name");
    let named = Expr::parse(&format!("{} ~ {}", user::GROUPS, users::quoted(name)), Limits::default());
    let rule = named.ok().and_then(|expr| {
        let tenant = TenantId::default();
        Rule::resolve(&expr, snapshot.catalog(), &tenant, users, Audience::Superuser).ok()
    });
    let residual = rule.ok_or_else(ApiError::internal)?.bind(&Facts::default());
    let query = Query::new(users, &group.tenant, Timestamp::now()).filter(&residual).page(MEMBERS_MAX, 0);
    let mut found = snapshot.select(users, &query)?;
    // the filter finds parts of names, too
    found.retain(|user| user::groups(user).contains(&name));
    Ok(found)
}

fn shown(snapshot: &Snapshot<'_>, group: &Record) -> Result<Shown, ApiError> {
    let users: Vec<Member> = members(snapshot, group)?.iter().map(|user| member(user)).collect();
    Ok(Shown {
        name: group.text("name").to_owned(),
        description: wire::some_text(group.text("description")),
        id: group.id().to_owned(),
        account_id: group.tenant.to_string(),
        account_code: code(snapshot, &group.tenant)?,
        member_count: users.len(),
        created_at: wire::zoned_time(group.text("created")),
        updated_at: wire::zoned_time(group.text("updated")),
        users,
    })
}

fn member(user: &Record) -> Member {
    Member {
        id: user.id().to_owned(),
        email: user.text("email").to_owned(),
        is_active: !tidewire_records::sign_in::is_disabled(user),
    }
}

fn code(snapshot: &Snapshot<'_>, account: &TenantId) -> Result<String, StoreError> {
    let found = snapshot.accounts()?.into_iter().find(|one| one.id == *account);
    Ok(found.map_or_else(String::new, |account| account.code))
}
