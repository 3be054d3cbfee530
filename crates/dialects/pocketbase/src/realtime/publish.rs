//! Messages on topics that no record event can have: `POST /api/pubsub/publish`, and the command of the same name.

use crate::body::{self, Payload};
use crate::call::Call;
use crate::error::ApiError;
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value as Json, json};
use tidewire_feed::Feed;
use tidewire_model::json::Escape;
use tidewire_model::{Catalog, TenantId, Timestamp, id};

/// Bytes of one message.
const MAX_DATA: usize = 256 << 10;
const MAX_TOPIC: usize = 2500;
/// Names that the protocol itself gives a meaning.
const RESERVED: [&str; 2] = ["PB_CONNECT", "@oauth2"];

/// Why a message is not sent; in terms of the request's fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    #[error("the topic must not be blank")]
    NoTopic,
    #[error("a topic must have no more than 2500 bytes")]
    LongTopic,
    #[error("a topic must not contain line breaks")]
    LineBreak,
    #[error("the topic is reserved for record events")]
    Reserved,
    #[error("the data must be no more than 256 KiB")]
    LargeData,
}

pub async fn publish(mut call: Call) -> Result<Response, ApiError> {
    call.require_superuser()?;
    let fixed =
        call.read_body(body::LIMIT).await.and_then(Payload::into_fixed).map_err(|error| error.or(""))?;
    let topic = fixed.text("topic").map_err(|error| error.or(""))?.unwrap_or_default();
    let data = match fixed.json("data") {
        Some(data) => data.clone(),
        None => fixed.text("data").ok().flatten().map_or(Json::Null, Json::String),
    };
    send(&call.app.feed, &call.catalog(), &call.asker.tenant, &topic, &data).await.map_err(refusal)?;
    let answer = json!({ "id": id::record_id(), "topic": topic, "created": Timestamp::now().to_text() });
    Ok(call.answer_in_order(&answer, &["id", "topic", "created"]))
}

/// Tells everyone who is subscribed to exactly this topic.
pub async fn send(
    feed: &Feed,
    catalog: &Catalog,
    tenant: &TenantId,
    topic: &str,
    data: &Json,
) -> Result<(), PublishError> {
    check_topic(catalog, tenant, topic)?;
    // one line of ASCII can neither break a frame nor be garbled
    let mut text = Vec::new();
    tidewire_model::json::write(&mut text, data, Escape::Ascii);
    if text.len() > MAX_DATA {
        return Err(PublishError::LargeData);
    }
    feed.publish(tenant, topic, Bytes::from(text)).await;
    Ok(())
}

fn check_topic(catalog: &Catalog, tenant: &TenantId, topic: &str) -> Result<(), PublishError> {
    if topic.trim().is_empty() {
        return Err(PublishError::NoTopic);
    }
    if topic.len() > MAX_TOPIC {
        return Err(PublishError::LongTopic);
    }
    if topic.contains(['\r', '\n']) {
        return Err(PublishError::LineBreak);
    }
    let first = topic.split(['/', '?']).next().unwrap_or_default();
    if RESERVED.contains(&first) || catalog.find(tenant, first).is_some() {
        return Err(PublishError::Reserved);
    }
    Ok(())
}

fn refusal(error: PublishError) -> ApiError {
    let (field, code, message) = match error {
        PublishError::NoTopic => ("topic", "validation_required", "Cannot be blank."),
        PublishError::LongTopic => {
            ("topic", "validation_length_too_long", "The length must be no more than 2500.")
        }
        PublishError::LineBreak => ("topic", "validation_match_invalid", "Must not contain line breaks."),
        PublishError::Reserved => {
            ("topic", "validation_reserved_topic", "The topic is reserved for record events.")
        }
        PublishError::LargeData => {
            ("data", "validation_length_too_long", "The data must be no more than 256 KiB.")
        }
    };
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
