//! Messages on topics that no record event can have: `POST /api/pubsub/publish`, and the command of the same name.

//! Messages on topics that no record event can have: `POST /api/pubsub/publish`, and the command of the same name.

use crate::body::{self, Payload};
use crate::call::Call;
use crate::error::ApiError;
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value as Json, json};
use tidewire_model::json::Escape;
use tidewire_model::{MessageError, TenantId};
use tidewire_store::{Posted, Store, StoreError};

pub async fn publish(mut call: Call) -> Result<Response, ApiError> {
    call.require_superuser()?;
    let fixed =
        call.read_body(body::LIMIT).await.and_then(Payload::into_fixed).map_err(|error| error.or(""))?;
    let topic = fixed.text("topic").map_err(|error| error.or(""))?.unwrap_or_default();
    let data = match fixed.json("data") {
        Some(data) => data.clone(),
        None => fixed.text("data").ok().flatten().map_or(Json::Null, Json::String),
    };
    let posted = send(&call.app.store, &call.asker.tenant, &topic, &data).await.map_err(refusal)?;
    let answer = json!({ "id": posted.id, "topic": topic, "created": posted.at.to_text() });
    Ok(call.answer_in_order(&answer, &["id", "topic", "created"]))
}

/// Tells everyone who is subscribed to exactly this topic.
pub async fn send(store: &Store, tenant: &TenantId, topic: &str, data: &Json) -> Result<Posted, StoreError> {
    let (tenant, topic, data) = (tenant.clone(), topic.to_owned(), line(data));
    store.write_shortly(move |tx| tx.post(&tenant, &topic, data)).await
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
