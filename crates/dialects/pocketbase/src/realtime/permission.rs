//! What user code says to streams and their topics.

use crate::error::ApiError;
use crate::realtime::interest::{TopicInterest, tenant_of};
use serde_json::json;
use tidewire_connection::events::{self, Grant, Turn, Who, Wish};
use tidewire_hooks::Refusal;
use tidewire_model::{Catalog, Language, Operations, Principal};
use tidewire_records::Asker;

/// Nobody yet: a stream learns who it is with its first topics.
pub fn stranger() -> Who {
    let asker = Asker {
        language: Language::PocketBase,
        context: "realtime",
        method: "GET".to_owned(),
        ..Asker::default()
    };
    Who { asker, token_type: None }
}

/// What a stream that is somebody has shown.
pub fn token_type(principal: &Principal) -> Option<&'static str> {
    principal.identity().map(|_| "jwt")
}

/// A socket, which is somebody from its beginning.
pub fn known(principal: &Principal) -> Who {
    let asker = Asker { principal: principal.clone(), tenant: tenant_of(principal), ..stranger().asker };
    Who { asker, token_type: token_type(principal) }
}

/// Asks whether a socket may hear a topic; there is nothing in it to narrow.
pub async fn ask_about(turn: &Turn, topic: &str) -> Result<Grant, Refusal> {
    turn.subscribe(&Wish::whole(topic)).await
}

/// Asks whether a topic may begin, and narrows it.
pub async fn ask(
    turn: &Turn,
    catalog: &Catalog,
    principal: &Principal,
    interest: &mut TopicInterest,
) -> Result<Grant, Refusal> {
    let topic = &interest.topic;
    let collection = interest.collection(catalog, &tenant_of(principal));
    let wish = Wish {
        key: &topic.text,
        collection: collection.as_ref().map(|collection| &*collection.name),
        topic: Some(&topic.text),
        operations: Operations::ALL,
        filter: json!(topic.option("filter")),
        options: json!({ "query": topic.options.query, "headers": topic.options.headers }),
    };
    let grant = turn.subscribe(&wish).await?;
    interest.operations = grant.operations;
    interest.narrowed = grant.texts();
    Ok(grant)
}

pub fn refused(refusal: &Refusal) -> ApiError {
    ApiError::new(events::status(refusal), &refusal.message)
}
