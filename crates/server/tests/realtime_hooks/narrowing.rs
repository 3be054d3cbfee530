//! What is left of subscriptions of the other dialects after user code has looked at them.

use crate::server::Server;
use crate::told::Told;
use crate::websocket::Socket;
use crate::world::World;
use serde_json::{Value as Json, json};
use tidewire_hooks::Event;

/// A hook that does what the client says in a cursor that is none.
fn obedient() -> Told {
    let told = Told::of(&[]);
    told.on(Event::RealtimeSubscribe, |e| {
        let since = e.fields["options"]["since"].as_str();
        let change: Json = since.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        e.fields.extend(change.as_object().cloned().unwrap_or_default());
        Ok(())
    });
    told
}

#[tokio::test]
async fn collections_of_snackbase() {
    let told = obedient();
    let server = Server::start_with(|config| config.hooks = told.hooks.clone()).await;
    server.collection("posts", &["title"], json!({})).await;
    let (_, token) = server.user("a").await;
    for (operations, filter, change, heard) in [
        (json!(null), "", json!({ "operations": ["update"] }), vec!["posts.update two"]),
        (json!(["create"]), "", json!({ "operations": ["update"] }), vec![]),
        (
            json!(["create", "delete"]),
            "",
            json!({ "operations": ["create", "update"] }),
            vec!["posts.create one"],
        ),
        (json!(null), "", json!({ "filter": "title = 'one'" }), vec!["posts.create one"]),
        (
            json!(null),
            "title IN ('one', 'two')",
            json!({ "filter": "title != 'one'" }),
            vec!["posts.update two", "posts.delete"],
        ),
        (json!(null), "title = 'x') OR (title != ''", json!({ "filter": "title = 'one'" }), vec![]),
        (json!(null), "", json!({ "filter": "title = " }), vec![]),
    ] {
        let mut socket = Socket::connect(&server, &token).await;
        let message = json!({
            "collection": "posts", "operations": operations, "filter": filter, "since": change.to_string(),
        });
        socket.subscribe(message.clone()).await;
        assert_eq!(socket.frame().await.json()["type"], "reset");
        let record = server.create("posts", json!({ "title": "one" })).await;
        let id = record["id"].as_str().unwrap();
        server.update("posts", id, json!({ "title": "two" })).await;
        server.delete("posts", id).await;
        assert_eq!(socket.heard_short().await, heard, "{message}");
    }
}

#[tokio::test]
async fn watches_of_cocobase() {
    let told = obedient();
    let world = World::start_with(|config| config.hooks = told.hooks.clone()).await;
    let made = world.server.collection("posts", &["title"], json!({})).await;
    assert!(!made.is_empty());
    for (filters, change, heard) in [
        (json!({}), json!({}), vec!["create", "update", "delete"]),
        (json!({}), json!({ "operations": ["delete"] }), vec!["delete"]),
        (json!({}), json!({ "filter": { "title": "one" } }), vec!["create"]),
        (json!({ "title": "one" }), json!({ "filter": { "title": "two" } }), vec![]),
        (json!({ "title_ne": "x" }), json!({ "filter": { "title": "two" } }), vec!["update", "delete"]),
    ] {
        let first = json!({ "filters": filters, "since": change.to_string() });
        let (mut socket, connected) = world.enter("/realtime/collections/posts", first).await;
        assert_eq!(connected["event"], "connected", "{connected}");
        let id = world.create("posts", json!({ "title": "one" })).await;
        world.update("posts", &id, json!({ "title": "two" })).await;
        world.delete("posts", &id).await;
        let settled = world.create("posts", json!({ "title": "end" })).await;
        world.server.mark().await;
        world.delete("posts", &settled).await;
        socket.send(r#"{"type":"ping"}"#).await;
        let frames = socket.until("pong").await;
        let told: Vec<&str> = frames
            .iter()
            .filter(|frame| frame["data"]["id"] == *id)
            .map(|frame| frame["event"].as_str().unwrap())
            .collect();
        assert_eq!(told, heard, "{filters} {change}");
    }
    let first = json!({ "since": json!({ "filter": "text" }).to_string() });
    let (mut socket, refused) = world.enter("/realtime/collections/posts", first).await;
    assert_eq!(refused, json!({ "error": "A hook failed." }));
    assert_eq!(socket.next().await, crate::socket::Heard::Close(1008));
}
