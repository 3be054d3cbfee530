//! Signing in and staying signed in: `/api/collections/{collection}/auth-…` and `impersonate`.

use crate::asker;
use crate::body::{self, BodyError, Fixed, Payload};
use crate::call::Call;
use crate::error::ApiError;
use crate::fault::{blank, fault, out_of_range};
use crate::records::MISSING_OR_INVALID;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Map, json};
use std::sync::Arc;
use tidewire_auth::TokenKind;
use tidewire_connection::events::{self, SignIn};
use tidewire_hooks::Refusal;
use tidewire_model::{Collection, Identity, Principal, Record, Timestamp};
use tidewire_records::error::{Fault, FieldErrors};
use tidewire_records::show::{Expand, show};
use tidewire_records::sign_in::{self, SignInError};
use tidewire_records::{Asker, RecordError};

const NO_AUTH_COLLECTION: &str = "Missing or invalid auth collection context.";
const NOT_LOADED: &str = "An error occurred while loading the submitted data.";
const NOT_VALID: &str = "An error occurred while validating the submitted data.";
const RULE_FAILED: &str = "The request doesn't satisfy the collection requirements to authenticate.";
const NO_PASSWORDS: &str = "The collection is not configured to allow password authentication.";

/// Characters of an identity or a password.
const MAX_LENGTH: usize = 255;

/// `POST …/auth-with-password`
pub async fn with_password(mut call: Call) -> Result<Response, ApiError> {
    let collection = auth_collection(&call, MISSING_OR_INVALID)?;
    if !password_enabled(&collection) {
        return Err(ApiError::forbidden(NO_PASSWORDS));
    }
    let fixed = call.read_body(body::LIMIT).await.and_then(Payload::into_fixed);
    let form = fixed.and_then(|fixed| Credentials::read(&fixed));
    let form = form.map_err(|error| error.or_unsupported(NOT_LOADED))?;
    form.check(&collection)?;
    let address = asker::address(&call.parts);
    if !call.app.attempts.begin(address, &form.identity, Timestamp::now()) {
        return Err(ApiError::too_many_requests());
    }
    let attempt = attempt(&call, &collection, &form.identity, "password");
    let events = &call.app.events;
    events.sign_in(&attempt).await.map_err(|refusal| hook_refusal(&refusal))?;
    let asker = Asker { context: "password", ..call.asker.clone() };
    let field = Some(form.identity_field.as_str()).filter(|field| !field.is_empty());
    let found = sign_in::with_password(
        &call.app.store,
        &call.app.passwords,
        &asker,
        &collection,
        &form.identity,
        &form.password,
        field,
    );
    let record = found.await.map_err(refusal)?;
    call.app.attempts.succeeded(address, &form.identity);
    events.signed_in(&attempt, &record);
    let token = tidewire_auth::issue(&record, TokenKind::Auth, true, None);
    signed_in(&call, &record, &token).await
}

/// `POST …/auth-refresh`: a token that may not be renewed is given back as it is.
pub async fn refresh(call: Call) -> Result<Response, ApiError> {
    let collection = call.collection(MISSING_OR_INVALID)?;
    call.require_auth()?;
    let Some(record) = call.asker.principal.record().cloned() else { return Err(ApiError::unauthorized("")) };
    if collection.id != record.collection.id {
        let name = &record.collection.name;
        return Err(ApiError::forbidden(&format!(
            "The request requires auth record from {name} collection."
        )));
    }
    if !sign_in::may_sign_in(&call.app.store, &call.asker, &record)? {
        return Err(ApiError::forbidden(RULE_FAILED));
    }
    let attempt = attempt(&call, &collection, "", "token refresh");
    let events = &call.app.events;
    events.sign_in(&attempt).await.map_err(|refusal| hook_refusal(&refusal))?;
    events.signed_in(&attempt, &record);
    let given = asker::token(&call.parts.headers, &call.query).unwrap_or_default();
    let refreshable = tidewire_auth::peek(&given).is_ok_and(|claims| claims.refreshable);
    let token = if refreshable { tidewire_auth::issue(&record, TokenKind::Auth, true, None) } else { given };
    signed_in(&call, &record, &token).await
}

/// `POST …/impersonate/{id}`
pub async fn impersonate(mut call: Call) -> Result<Response, ApiError> {
    call.require_superuser()?;
    let collection = auth_collection(&call, NO_AUTH_COLLECTION)?;
    let (tenant, id) = (call.asker.tenant.clone(), call.param("id").to_owned());
    let found = call.app.store.read_here(|snapshot| snapshot.get(&collection, &tenant, &id))?;
    let record = found.ok_or_else(|| ApiError::not_found(""))?;
    let fixed = call.read_body(body::LIMIT).await.and_then(Payload::into_fixed);
    let duration = fixed.and_then(|fixed| fixed.integer("duration")).map_err(|error| error.or(NOT_LOADED))?;
    let duration = duration.unwrap_or(0);
    if duration < 0 {
        let params = Map::from_iter([("threshold".to_owned(), json!(0))]);
        let fault = fault("validation_min_greater_equal_than_required", "Must be no less than 0.", params);
        let faults = FieldErrors([("duration".to_owned(), fault)].into());
        return Err(ApiError::bad_request(NOT_VALID).with_faults(&faults));
    }
    let attempt = attempt(&call, &collection, "", "impersonation");
    let events = &call.app.events;
    events.sign_in(&attempt).await.map_err(|refusal| hook_refusal(&refusal))?;
    events.signed_in(&attempt, &record);
    let token = tidewire_auth::issue(&record, TokenKind::Auth, false, Some(duration).filter(|d| *d > 0));
    signed_in(&call, &record, &token).await
}

/// `GET …/auth-methods`
pub async fn methods(call: Call) -> Result<Response, ApiError> {
    let collection = auth_collection(&call, MISSING_OR_INVALID)?;
    let enabled = password_enabled(&collection);
    let identity_fields: Vec<&str> = match &collection.auth {
        Some(auth) if enabled => auth.password_auth.identity_fields.iter().map(|field| &**field).collect(),
        _ => Vec::new(),
    };
    call.answer_as(&Methods {
        username_password: identity_fields.contains(&"username"),
        email_password: identity_fields.contains(&"email"),
        password: PasswordMethod { identity_fields, enabled },
        ..Methods::default()
    })
}

/// The ways to sign in; those that do not exist yet are off.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Methods<'a> {
    password: PasswordMethod<'a>,
    oauth2: ProviderMethod,
    mfa: TimedMethod,
    otp: TimedMethod,
    auth_providers: [(); 0],
    username_password: bool,
    email_password: bool,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct PasswordMethod<'a> {
    identity_fields: Vec<&'a str>,
    enabled: bool,
}

#[derive(Default, Serialize)]
struct ProviderMethod {
    providers: [(); 0],
    enabled: bool,
}

#[derive(Default, Serialize)]
struct TimedMethod {
    enabled: bool,
    duration: i64,
}

/// The auth collection that the path names; `missing` is the message if there is no collection at all.
pub(crate) fn auth_collection(call: &Call, missing: &str) -> Result<Arc<Collection>, ApiError> {
    let collection = call.collection(missing)?;
    if collection.is_auth() { Ok(collection) } else { Err(ApiError::not_found(NO_AUTH_COLLECTION)) }
}

#[derive(Debug, Default)]
struct Credentials {
    identity: String,
    password: String,
    identity_field: String,
}

impl Credentials {
    fn read(fixed: &Fixed) -> Result<Self, BodyError> {
        Ok(Self {
            identity: fixed.text("identity")?.unwrap_or_default(),
            password: fixed.text("password")?.unwrap_or_default(),
            identity_field: fixed.text("identityField")?.unwrap_or_default(),
        })
    }

    fn check(&self, collection: &Collection) -> Result<(), ApiError> {
        let mut faults = FieldErrors::default();
        for (name, value) in [("identity", &self.identity), ("password", &self.password)] {
            if let Some(fault) = required_fault(value) {
                faults.0.insert(name.to_owned(), fault);
            }
        }
        if let Some(fault) = self.identity_field_fault(collection) {
            faults.0.insert("identityField".to_owned(), fault);
        }
        if faults.0.is_empty() { Ok(()) } else { Err(ApiError::bad_request(NOT_VALID).with_faults(&faults)) }
    }

    fn identity_field_fault(&self, collection: &Collection) -> Option<Fault> {
        let allowed = collection.auth.as_ref().map(|auth| auth.password_auth.identity_fields.as_slice());
        let is_allowed = allowed.unwrap_or_default().iter().any(|field| **field == *self.identity_field);
        match self.identity_field.len() {
            0 => None,
            length if length > MAX_LENGTH => Some(out_of_range(MAX_LENGTH)),
            _ if is_allowed => None,
            _ => Some(fault("validation_in_invalid", "Must be a valid value.", Map::new())),
        }
    }
}

fn required_fault(value: &str) -> Option<Fault> {
    match value.len() {
        0 => Some(blank()),
        length if length > MAX_LENGTH => Some(out_of_range(MAX_LENGTH)),
        _ => None,
    }
}

fn password_enabled(collection: &Collection) -> bool {
    collection.auth.as_ref().is_some_and(|auth| auth.password_auth.enabled)
}

/// Somebody who wants to be signed in, as user code is told of it.
pub(crate) fn attempt<'a>(
    call: &'a Call,
    collection: &'a Collection,
    identity: &'a str,
    method: &'static str,
) -> SignIn<'a> {
    let (tenant, collection) = (&call.asker.tenant, &*collection.name);
    SignIn { tenant, collection, identity, method, ip: asker::address(&call.parts), parts: &call.parts }
}

/// User code does not let somebody in.
pub(crate) fn hook_refusal(refusal: &Refusal) -> ApiError {
    ApiError::new(events::status(refusal), &refusal.message)
}

fn refusal(error: SignInError) -> ApiError {
    match error {
        SignInError::Failed => ApiError::bad_request("Failed to authenticate."),
        SignInError::PasswordsDisabled => ApiError::forbidden(NO_PASSWORDS),
        SignInError::RuleFailed => ApiError::forbidden(RULE_FAILED),
        SignInError::Busy => ApiError::too_many_requests(),
        SignInError::Record(error) => ApiError::of_record(error, "Failed to authenticate."),
    }
}

/// The answer to every way of signing in: the record as it sees itself, and a token.
async fn signed_in(call: &Call, record: &Arc<Record>, token: &str) -> Result<Response, ApiError> {
    let identity = Identity {
        record: record.clone(),
        superuser: record.collection.is_superusers(),
        tenant: record.tenant.clone(),
        expires_at: None,
    };
    let asker = Asker { principal: Principal::Known(Arc::new(identity)), ..call.asker.clone() };
    let expand = Expand::parse(call.query.get("expand"));
    let record = record.clone();
    let shown = call
        .app
        .store
        .read(move |snapshot| Ok::<_, RecordError>(show(snapshot, &asker, &record, expand.as_ref(), None)?));
    Ok(call.answer(&json!({ "record": shown.await?, "token": token })))
}
