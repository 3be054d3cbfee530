//! One feed for all: who writes through one dialect is heard in the others.

use crate::server::Answer;
use crate::world::World;
use serde_json::{Value as Json, json};
use tidewire_server::command::Command;

async fn snackbase(world: &World, method: &str, path: &str, body: Json) -> Json {
    let token = format!("Bearer {}\r\nX-Account-ID: acme", world.server.token);
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = world.server.request(method, path, &token, body).await;
    assert!((200..300).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.body);
    answer.json()
}

#[tokio::test]
async fn snackbase_writes_are_watched_and_the_other_way_round() {
    let world = World::start().await;
    let account = json!({ "account_id": world.project });
    let definition = json!({
        "name": "notes", "schema": [{ "name": "title", "type": "text" }, { "name": "done", "type": "boolean" }],
        "list_rule": "", "view_rule": "", "create_rule": "", "update_rule": "", "delete_rule": "",
    });
    snackbase(&world, "POST", "/api/v1/collections", definition).await;
    let public = world.key("acme", &[]).await;
    let filters = json!({ "filters": { "title_startswith": "n" } });
    let (mut socket, connected) = world.enter_as(&public, "/realtime/collections/notes", filters).await;
    assert_eq!(connected["event"], "connected", "{connected}");
    let mut body = account.clone();
    body["title"] = json!("note");
    let made = snackbase(&world, "POST", "/api/v1/records/notes", body).await;
    let created = socket.json().await;
    assert_eq!((&created["event"], &created["data"]["id"]), (&json!("create"), &made["id"]), "{created}");
    assert_eq!(created["data"]["data"]["title"], "note");
    let path = format!("/collections/notes/documents/{}", made["id"].as_str().unwrap());
    let answer = world.call("PATCH", &path, &json!({ "data": { "title": "new" } })).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let updated = socket.json().await;
    assert_eq!(
        (&updated["event"], &updated["old_data"]["title"]),
        (&json!("update"), &json!("note")),
        "{updated}"
    );
    let path = format!("/api/v1/records/notes/{}", made["id"].as_str().unwrap());
    assert_eq!(snackbase(&world, "GET", &path, Json::Null).await["title"], "new");
    snackbase(&world, "DELETE", &path, Json::Null).await;
    assert_eq!(socket.json().await["event"], "delete");
}

/// A document written with a secret key of the tenant that PocketBase's clients work in.
async fn write(world: &World, key: &str, collection: &str) -> Answer {
    let body = json!({ "data": { "title": "by a CocoBase client" } }).to_string();
    let path = format!("/collections/documents?collection={collection}");
    let answer = world.server.request("POST", &path, &format!("\r\nX-API-Key: {key}"), body).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer
}

#[tokio::test]
async fn pocketbase_streams_hear_documents() {
    let world = World::start().await;
    let key = "a-secret-key-of-the-default-tenant".to_owned();
    let command = Command::KeyCreate {
        account: "default".to_owned(),
        publishable: false,
        collections: Vec::new(),
        label: String::new(),
        key: Some(key.clone()),
    };
    world.server.command(command).await.unwrap();
    world.server.collection("typed", &["title"], json!({})).await;
    let open = write(&world, &key, "free").await.json()["collection_id"].as_str().unwrap().to_owned();
    let topic = format!("{open}/*");
    let mut stream = world.server.listen(&world.server.token, &["typed/*", &topic]).await;
    for collection in ["typed", "free"] {
        let id = write(&world, &key, collection).await.json()["id"].clone();
        let event = stream.event().await;
        assert_eq!((event.action(), &event.record()["id"]), ("create", &id));
        assert_eq!(event.record()["title"], "by a CocoBase client");
    }
}
