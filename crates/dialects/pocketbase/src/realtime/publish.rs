//! Messages on topics that no record event can have: `POST /api/pubsub/publish`, and the command of the same name.

//! Messages on topics that no record event can have: `POST /api/pubsub/publish`, and the command of the same name.

use crate::asker;
use crate::body::{self, Payload};
use crate::call::Call;
use crate::error::ApiError;
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value as Json, json};
use tidewire_model::json::Escape;
use tidewire_model::{MessageError, TenantId};
use tidewire_records::topics::{self, Deed};
use tidewire_records::user_key::{self, KeyFault};
use tidewire_store::{Posted, Store, StoreError};

/// By which servers of the other dialects show their key.
const KEY_HEADER: &str = "x-api-key";

/// Servers may publish on every topic of their account, others where a rule says so.
pub async fn publish(mut call: Call) -> Result<Response, ApiError> {
    let server = server(&call)?;
    let fixed =
        call.read_body(body::LIMIT).await.and_then(Payload::into_fixed).map_err(|error| error.or(""))?;
    let topic = fixed.text("topic").map_err(|error| error.or(""))?.unwrap_or_default();
    let data = match fixed.json("data") {
        Some(data) => data.clone(),
        None => fixed.text("data").ok().flatten().map_or(Json::Null, Json::String),
    };
    if server.is_none() {
        check_rule(&call, &topic)?;
    }
    let tenant = server.as_ref().unwrap_or(&call.asker.tenant);
    let posted = send(&call.app.store, tenant, &topic, &data).await.map_err(refusal)?;
    let answer = json!({ "id": posted.id, "topic": topic, "created": posted.at.to_text() });
    Ok(call.answer_in_order(&answer, &["id", "topic", "created"]))
}

/// The tenant of a superuser, or of a server that shows a key of its account; `None` for everybody else.
fn server(call: &Call) -> Result<Option<TenantId>, ApiError> {
    if call.asker.is_superuser() {
        return Ok(Some(call.asker.tenant.clone()));
    }
    let shown = call.parts.headers.get(KEY_HEADER).and_then(|value| value.to_str().ok()).map(str::trim);
    let token = || asker::token(&call.parts.headers, &call.query).filter(|token| user_key::is_one(token));
    let Some(key) = shown.filter(|key| !key.is_empty()).map(str::to_owned).or_else(token) else {
        return Ok(None);
    };
    if user_key::is_one(&key) {
        let found = call.app.store.read_here(|snapshot| user_key::identify(snapshot, &key));
        return match found {
            Ok(identity) => Ok(Some(identity.tenant)),
            Err(KeyFault::Store(error)) => Err(error.into()),
            Err(KeyFault::Invalid | KeyFault::Expired) => Err(ApiError::unauthorized("Invalid API key.")),
        };
    }
    match call.app.keys.open(&key)? {
        Some(opened) if opened.is_secret() => Ok(Some(opened.tenant().clone())),
        Some(_) => Err(ApiError::forbidden("The API key is publishable: it can only watch and speak.")),
        None => Err(ApiError::unauthorized("Invalid API key.")),
    }
}

fn check_rule(call: &Call, topic: &str) -> Result<(), ApiError> {
    let asker = &call.asker;
    if topics::may(&call.catalog(), &asker.principal, topic, Deed::Publish, || asker.clone()) {
        return Ok(());
    }
    call.require_auth()?;
    Err(ApiError::forbidden("The authorized record is not allowed to perform this action."))
}

/// Tells everyone who is subscribed to exactly this topic.
pub async fn send(store: &Store, tenant: &TenantId, topic: &str, data: &Json) -> Result<Posted, StoreError> {
    let (tenant, topic, data) = (tenant.clone(), topic.to_owned(), line(data));
    store.write_shortly(None, move |tx| tx.post(&tenant, &topic, data)).await
}

/// One line of ASCII can neither break a frame nor be garbled.
pub fn line(data: &Json) -> Bytes {
    let mut text = Vec::new();
    tidewire_model::json::write(&mut text, data, Escape::Ascii);
    text.into()
}

fn refusal(error: StoreError) -> ApiError {
    let (field, code, message) = match error {
        StoreError::BadMessage(error) => fault(error),
        StoreError::TooManyMessages => return ApiError::too_many_requests(),
        other => return other.into(),
    };
    ApiError::bad_request("").with_fault(field, code, message)
}

fn fault(error: MessageError) -> (&'static str, &'static str, &'static str) {
    match error {
        MessageError::NoTopic => ("topic", "validation_required", "Cannot be blank."),
        MessageError::LongTopic => {
            ("topic", "validation_length_too_long", "The length must be no more than 2500.")
        }
        MessageError::LineBreak => ("topic", "validation_match_invalid", "Must not contain line breaks."),
        MessageError::Reserved => {
            ("topic", "validation_reserved_topic", "The topic is reserved for record events.")
        }
        MessageError::LargeData => {
            ("data", "validation_length_too_long", "The data must be no more than 256 KiB.")
        }
        MessageError::NotOneLine => ("data", "validation_invalid_json", "Must be valid JSON."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_tell_the_field() {
        for (error, status, field) in [
            (StoreError::BadMessage(MessageError::NoTopic), 400, "topic"),
            (StoreError::BadMessage(MessageError::LineBreak), 400, "topic"),
            (StoreError::BadMessage(MessageError::LargeData), 400, "data"),
            (StoreError::TooManyMessages, 429, ""),
            (StoreError::Closed, 500, ""),
        ] {
            let refusal = refusal(error);
            assert_eq!(refusal.status, status);
            let fields: Vec<&str> = refusal.data.keys().map(String::as_str).collect();
            assert_eq!(fields.join(" "), field);
        }
    }

    #[test]
    fn data_become_one_line_of_ascii() {
        assert_eq!(line(&json!({ "h\u{e9}": "a\r\nb" })), r#"{"h\u00e9":"a\r\nb"}"#);
    }
}
