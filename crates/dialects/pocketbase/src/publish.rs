//! `POST /api/pubsub/publish`: messages on topics that no record event can have.

use crate::body::{self, Payload};
use crate::call::Call;
use crate::error::ApiError;
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value as Json, json};
use tidewire_model::json::Escape;
use tidewire_model::{Catalog, TenantId, Timestamp, id};

/// Bytes of one message.
const MAX_DATA: usize = 256 << 10;
const MAX_TOPIC: usize = 2500;
/// Names that the protocol itself gives a meaning.
const RESERVED: [&str; 2] = ["PB_CONNECT", "@oauth2"];

pub async fn publish(mut call: Call) -> Result<Response, ApiError> {
    call.require_superuser()?;
    let fixed =
        call.read_body(body::LIMIT).await.and_then(Payload::into_fixed).map_err(|error| error.or(""))?;
    let topic = fixed.text("topic").map_err(|error| error.or(""))?.unwrap_or_default();
    check_topic(&call.catalog(), &call.asker.tenant, &topic)?;
    let data = match fixed.json("data") {
        Some(data) => data.clone(),
        None => fixed.text("data").ok().flatten().map_or(Json::Null, Json::String),
    };
    let mut text = Vec::new();
    tidewire_model::json::write(&mut text, &data, Escape::Ascii);
    if text.len() > MAX_DATA {
        return Err(refuse("data", "validation_length_too_long", "The data must be no more than 256 KiB."));
    }
    call.app.feed.publish(&call.asker.tenant, &topic, Bytes::from(text)).await;
    let answer = json!({ "id": id::record_id(), "topic": topic, "created": Timestamp::now().to_text() });
    Ok(call.answer_in_order(&answer, &["id", "topic", "created"]))
}

fn check_topic(catalog: &Catalog, tenant: &TenantId, topic: &str) -> Result<(), ApiError> {
    if topic.trim().is_empty() {
        return Err(refuse("topic", "validation_required", "Cannot be blank."));
    }
    if topic.len() > MAX_TOPIC {
        return Err(refuse("topic", "validation_length_too_long", "The length must be no more than 2500."));
    }
    if topic.contains(['\r', '\n']) {
        return Err(refuse("topic", "validation_match_invalid", "Must not contain line breaks."));
    }
    let first = topic.split(['/', '?']).next().unwrap_or_default();
    if RESERVED.contains(&first) || catalog.find(tenant, first).is_some() {
        return Err(refuse("topic", "validation_reserved_topic", "The topic is reserved for record events."));
    }
    Ok(())
}

fn refuse(field: &str, code: &str, message: &str) -> ApiError {
    ApiError::bad_request("").with_fault(field, code, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tidewire_model::Collection;

    #[test]
    fn topics_that_look_like_record_events_are_refused() {
        let mut posts = Collection::default();
        (posts.id, posts.name) = ("pbc_1".into(), "posts".into());
        let catalog = Catalog::new(1, vec![Arc::new(posts)]);
        for (topic, allowed) in [
            ("jobs/finished", true),
            ("post", true),
            ("a b", true),
            ("", false),
            ("  ", false),
            ("a\nb", false),
            ("a\rb", false),
            ("posts", false),
            ("POSTS/*", false),
            ("posts/abc", false),
            ("posts?x=1", false),
            ("pbc_1/*", false),
            ("PB_CONNECT", false),
            ("@oauth2", false),
        ] {
            assert_eq!(check_topic(&catalog, &TenantId::default(), topic).is_ok(), allowed, "{topic}");
        }
    }
}
