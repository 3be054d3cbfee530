//! `/auth-collections/…`: the app users of a project.

use crate::body::Object;
use crate::call::Call;
use crate::document::time;
use crate::error::ApiError;
use axum::response::Response;
use http::StatusCode;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use tidewire_auth::TokenKind;
use tidewire_connection::answer;
use tidewire_connection::events::{self, SignIn};
use tidewire_hooks::Refusal;
use tidewire_model::{Collection, Record, Timestamp};
use tidewire_records::app_user::{self, NewUser, UserPatch};
use tidewire_records::error::Fault;
use tidewire_records::{RecordError, sign_in};
use tidewire_rules::{DocumentFilter, Query, Sort};

const WRONG: &str = "Invalid email or password";
const TAKEN: &str = "User with this email already exists";
/// Keys of a sign-up that are not the user's data.
const OWN: [&str; 5] = ["email", "password", "data", "roles", "phone_number"];
/// Fields of a user that a filter names as they are; all else is data.
const FIELDS: [&str; 5] = ["email", "created_at", "updated_at", "phone_number", "roles"];

/// `POST /auth-collections/signup`. Roles are for superusers to give here: the key that apps ship signs up anybody.
pub async fn sign_up(mut call: Call) -> Result<Response, ApiError> {
    let mut body = call.object().await?;
    let (email, password) = (required(&body, "email")?, required(&body, "password")?);
    let roles = if call.asker.is_superuser() { roles(&body)?.unwrap_or_default() } else { Vec::new() };
    let phone_number = optional(&body, "phone_number")?.unwrap_or_default();
    let mut data = object(&mut body, "data")?.unwrap_or_default();
    data.extend(body.into_iter().filter(|(key, _)| !OWN.contains(&key.as_str())));
    let (identity, events) = (email.clone(), &call.app.events);
    let attempt = attempt(&call, &identity, "sign up");
    events.sign_in(&attempt).await.map_err(|refusal| hook_refusal(&refusal))?;
    let hash = call.app.passwords.hash(&password).await?;
    let tenant = call.tenant().clone();
    let new = NewUser { email, hash, phone_number, data, roles };
    let user = call.app.store.write(move |tx| app_user::sign_up(tx, &tenant, new)).await.map_err(of_user)?;
    events.signed_in(&attempt, &user);
    Ok(answer::json(StatusCode::OK, &signed_in(&user)))
}

/// `POST /auth-collections/login`
pub async fn login(mut call: Call) -> Result<Response, ApiError> {
    let body = call.object().await?;
    let (email, password) = (required(&body, "email")?, required(&body, "password")?);
    let address = call.address();
    if !call.app.attempts.begin(address, &email, Timestamp::now()) {
        return Err(ApiError::new(StatusCode::TOO_MANY_REQUESTS, "Too many attempts"));
    }
    let (attempt, events) = (attempt(&call, &email, "password"), &call.app.events);
    events.sign_in(&attempt).await.map_err(|refusal| hook_refusal(&refusal))?;
    let wrong = || ApiError::unauthorized(WRONG);
    let (store, passwords) = (&call.app.store, &call.app.passwords);
    let Some(users) = app_user::find(&call.catalog(), call.tenant()) else {
        // takes as long as a wrong password
        passwords.verify(&password, None).await?;
        return Err(wrong());
    };
    let found =
        sign_in::with_password(store, passwords, &call.asker, &users, &email, &password, Some("email")).await;
    let user = found.map_err(|error| match error {
        sign_in::SignInError::Busy => ApiError::new(StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
        sign_in::SignInError::Record(error) => error.into(),
        _ => wrong(),
    })?;
    call.app.attempts.succeeded(address, &email);
    events.signed_in(&attempt, &user);
    Ok(answer::json(StatusCode::OK, &signed_in(&user)))
}

/// `GET /auth-collections/user`
pub async fn me(call: Call) -> Result<Response, ApiError> {
    Ok(answer::json(StatusCode::OK, &show(&*own(&call)?)))
}

/// `PATCH /auth-collections/user`: users do not change their own roles.
pub async fn update_me(mut call: Call) -> Result<Response, ApiError> {
    let user = own(&call)?;
    let body = call.object().await?;
    let patch = read_patch(&call, body, false).await?;
    change(&call, user.id().to_owned(), patch).await
}

/// `GET /auth-collections/users`: for servers, since it shows addresses.
pub async fn list(call: Call) -> Result<Response, ApiError> {
    call.require_secret()?;
    let page = call.query.page();
    let (sort, descending) = call.query.sort();
    let sort = field_of(sort);
    let pairs: Vec<(String, String)> =
        call.query.filters().map(|(key, value)| (field_of(key), value.to_owned())).collect();
    let filter = DocumentFilter::from_pairs(pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    let filter = filter.map_err(|error| ApiError::bad_request(&error.to_string()))?;
    let (users, tenant) = (app_user::find(&call.catalog(), call.tenant()), call.tenant().clone());
    let read = call.app.store.read(move |snapshot| {
        let Some(users) = users else { return Ok((Vec::new(), 0)) };
        let query = Query::new(&users, &tenant, Timestamp::now()).filter(&filter.residual(&users));
        let total = snapshot.count(&query)?;
        let query = query.sort(&Sort::by_document(&users, &sort, descending));
        let found = snapshot.select(&users, &query.page(page.limit, page.offset))?;
        Ok::<_, ApiError>((found.iter().map(|user| show(user)).collect::<Vec<_>>(), total))
    });
    let (shown, total) = read.await?;
    let has_more = page.offset + (shown.len() as u64) < total;
    let answer = json!({
        "data": shown, "total": total, "limit": page.limit, "offset": page.offset, "has_more": has_more,
    });
    Ok(answer::json(StatusCode::OK, &answer))
}

/// `GET /auth-collections/users/{id}`: for servers and for the user.
pub async fn view(call: Call) -> Result<Response, ApiError> {
    let id = call.param("id");
    if !own(&call).is_ok_and(|user| user.id() == id) {
        call.require_secret()?;
    }
    let users = app_user::find(&call.catalog(), call.tenant()).ok_or_else(missing)?;
    let found = call.app.store.read_here(|snapshot| snapshot.get(&users, call.tenant(), id))?;
    Ok(answer::json(StatusCode::OK, &show(&*found.ok_or_else(missing)?)))
}

/// `PATCH /auth-collections/users/{id}`: the way to give roles.
pub async fn update(mut call: Call) -> Result<Response, ApiError> {
    call.require_secret()?;
    let body = call.object().await?;
    let patch = read_patch(&call, body, true).await?;
    let id = call.param("id").to_owned();
    change(&call, id, patch).await
}

async fn change(call: &Call, id: String, patch: UserPatch) -> Result<Response, ApiError> {
    let asker = call.asker.clone();
    let changed = call.app.store.write(move |tx| app_user::update(tx, &asker, &id, patch));
    Ok(answer::json(StatusCode::OK, &show(&*changed.await.map_err(of_user)?)))
}

async fn read_patch(call: &Call, mut body: Object, with_roles: bool) -> Result<UserPatch, ApiError> {
    let hash = match optional(&body, "password")?.filter(|password| !password.is_empty()) {
        Some(password) => Some(call.app.passwords.hash(&password).await?),
        None => None,
    };
    Ok(UserPatch {
        email: optional(&body, "email")?,
        hash,
        phone_number: optional(&body, "phone_number")?,
        roles: if with_roles { roles(&body)? } else { None },
        data: object(&mut body, "data")?,
    })
}

/// The user whose token came along.
fn own(call: &Call) -> Result<Arc<Record>, ApiError> {
    let user = call.asker.principal.record().filter(|user| &*user.collection.name == app_user::COLLECTION);
    user.cloned().ok_or_else(|| ApiError::unauthorized("Invalid or expired token"))
}

/// Somebody who wants to be signed in, as user code is told of it.
fn attempt<'a>(call: &'a Call, identity: &'a str, method: &'static str) -> SignIn<'a> {
    let (tenant, collection, ip) = (call.tenant(), app_user::COLLECTION, call.address());
    SignIn { tenant, collection, identity, method, ip, parts: &call.parts }
}

/// User code does not let somebody in.
fn hook_refusal(refusal: &Refusal) -> ApiError {
    ApiError::new(events::status(refusal), &*refusal.message)
}

fn signed_in(user: &Record) -> Json {
    let token = tidewire_auth::issue(user, TokenKind::Auth, true, None);
    json!({ "access_token": token, "token_type": "bearer", "user": show(user) })
}

/// A user as clients see one.
fn show(user: &Record) -> Json {
    json!({
        "id": user.id(),
        "email": user.text("email"),
        "data": app_user::data(user),
        "client_id": user.tenant.as_str(),
        "created_at": created_at(user),
        "updated_at": time(user, ["updated_at", "updated"]),
        "roles": app_user::roles(user),
        "phone_number": user.text("phone_number"),
        "email_verified": user.bool("verified"),
        "email_verified_at": null,
    })
}

pub(crate) fn created_at(user: &Record) -> Json {
    time(user, ["created_at", "created"]).into()
}

/// `name_contains` is a key of the data, unless it names a field of the user.
fn field_of(key: &str) -> String {
    let is_field = FIELDS
        .iter()
        .any(|field| key.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('_')));
    if is_field || key.starts_with('[') || key.contains('.') {
        key.to_owned()
    } else {
        format!("{}.{key}", Collection::DATA)
    }
}

fn missing() -> ApiError {
    ApiError::not_found("User not found")
}

fn of_user(error: RecordError) -> ApiError {
    match error {
        RecordError::NotFound => missing(),
        RecordError::Invalid(faults) if is_taken(faults.0.get("email")) => ApiError::bad_request(TAKEN),
        other => other.into(),
    }
}

fn is_taken(fault: Option<&Fault>) -> bool {
    matches!(fault, Some(Fault::Field(error)) if error.code == "validation_not_unique")
}

fn required(body: &Object, key: &str) -> Result<String, ApiError> {
    optional(body, key)?
        .filter(|text| !text.is_empty())
        .ok_or_else(|| ApiError::invalid(&["body", key], "missing", "Field required"))
}

fn optional(body: &Object, key: &str) -> Result<Option<String>, ApiError> {
    match body.get(key) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(ApiError::invalid(&["body", key], "string_type", "Input should be a valid string")),
    }
}

fn object(body: &mut Object, key: &str) -> Result<Option<Object>, ApiError> {
    match body.remove(key) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Object(object)) => Ok(Some(object)),
        Some(_) => Err(ApiError::invalid(&["body", key], "dict_type", "Input should be a valid dictionary")),
    }
}

fn roles(body: &Object) -> Result<Option<Vec<String>>, ApiError> {
    match body.get("roles") {
        None | Some(Json::Null) => Ok(None),
        Some(json) => serde_json::from_value(json.clone()).map(Some).map_err(|_| {
            ApiError::invalid(&["body", "roles"], "list_type", "Input should be a list of strings")
        }),
    }
}
