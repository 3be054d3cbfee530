//! Documents written through CocoBase's own REST, as watchers see them, and those of other dialects.

use crate::socket::{Heard, Socket};
use crate::world::World;
use serde_json::{Value as Json, json};

const TASKS: &str = "/realtime/collections/tasks";

async fn create(world: &World, document: Json) -> String {
    let answer =
        world.call("POST", "/collections/documents?collection=tasks", &json!({ "data": document })).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// What a frame says, without what the system adds to a document.
async fn told(socket: &mut Socket) -> Json {
    let mut frame = socket.json().await;
    assert_eq!(frame.as_object_mut().unwrap().remove("collection_id"), Some(json!("tasks")), "{frame}");
    if let Some(data) = frame["data"].as_object_mut().filter(|data| data.contains_key("data")) {
        for name in ["created_at", "updated_at", "collection_id"] {
            assert!(data.remove(name).is_some_and(|value| value.is_string()), "{name}");
        }
    }
    frame
}

#[tokio::test]
async fn documents_are_flat_and_nested_with_what_changed() {
    let world = World::start().await;
    create(&world, json!({ "first": true })).await;
    let (mut socket, connected) = world.enter(TASKS, json!({})).await;
    assert_eq!(connected["event"], "connected");
    let fields =
        json!({ "title": "a", "n": 9007199254740993_u64, "id": "mine", "data": { "x": 1 }, "k": null });
    let id = create(&world, fields.clone()).await;
    let flat = json!({ "title": "a", "n": 9007199254740993_u64, "k": null, "id": id, "data": fields });
    assert_eq!(told(&mut socket).await, json!({ "event": "create", "data": flat }));
    let path = format!("/collections/tasks/documents/{id}");
    world
        .call("PATCH", &path, &json!({ "data": { "title": "b", "new": 1, "n": 9007199254740993_u64 } }))
        .await;
    let updated = told(&mut socket).await;
    assert_eq!((&updated["event"], &updated["old_data"]), (&json!("update"), &json!({ "title": "a" })));
    assert_eq!((&updated["data"]["new"], &updated["data"]["data"]["id"]), (&json!(1), &json!("mine")));
    world.call("DELETE", &path, &Json::Null).await;
    assert_eq!(told(&mut socket).await, json!({ "event": "delete", "data": { "id": id } }));
}

#[tokio::test]
async fn batches_are_one_frame_each_in_order() {
    let world = World::start().await;
    create(&world, json!({ "n": 0 })).await;
    let (mut socket, _) = world.enter(TASKS, json!({})).await;
    let documents: Vec<Json> = (1..=5).map(|n| json!({ "n": n })).collect();
    let path = "/collections/tasks/batch/documents/";
    let made = world.call("POST", &format!("{path}create"), &json!({ "documents": documents })).await.json();
    let ids: Vec<&str> = made.as_array().unwrap().iter().map(|made| made["id"].as_str().unwrap()).collect();
    world.call("POST", &format!("{path}delete"), &json!({ "document_ids": ids })).await;
    for n in 1..=5 {
        let frame = told(&mut socket).await;
        assert_eq!((&frame["event"], &frame["data"]["n"]), (&json!("create"), &json!(n)));
    }
    for id in ids {
        assert_eq!(told(&mut socket).await, json!({ "event": "delete", "data": { "id": id } }));
    }
}

#[tokio::test]
async fn a_thousand_filters_hear_what_is_theirs() {
    const WATCHERS: usize = 200;
    let world = World::start().await;
    create(&world, json!({ "n": 0 })).await;
    let mut sockets = Vec::new();
    for user in 0..WATCHERS {
        let filters = json!({ "user_id": format!("u{user}") });
        sockets.push(world.enter(TASKS, json!({ "filters": filters })).await.0);
    }
    let numbers = [7, 3, 7, 150, 199, 0];
    for user in numbers {
        create(&world, json!({ "user_id": format!("u{user}") })).await;
    }
    // the first of them waits for the last document; a ping that is sent earlier may be answered before it is told
    for (user, socket) in sockets.iter_mut().enumerate() {
        for _ in numbers.iter().filter(|number| **number == user) {
            assert_eq!(socket.json().await["data"]["user_id"], format!("u{user}"));
        }
        socket.send("ping").await;
        assert_eq!(socket.json().await, json!({ "event": "pong" }));
    }
}

#[tokio::test]
async fn a_collection_that_is_deleted_takes_its_documents_and_watchers_along() {
    let world = World::start().await;
    let id = create(&world, json!({ "n": 1 })).await;
    let (mut socket, _) = world.enter(TASKS, json!({})).await;
    let answer = world.call("DELETE", "/collections/tasks", &Json::Null).await;
    assert_eq!(answer.status, 204, "{}", answer.body);
    let deleted = json!({ "event": "delete", "collection_id": "tasks", "data": { "id": id } });
    let gone = json!({ "error": "Collection not found or access denied" });
    assert_eq!(socket.rest().await, [Heard::Json(deleted), Heard::Json(gone), Heard::Close(1008)]);
}

#[tokio::test]
async fn a_project_of_its_own_name_hides_users() {
    let world = World::start().await;
    let (_, refused) = world.enter("/realtime/collections/users", json!({})).await;
    assert_eq!(refused, json!({ "error": "Collection not found or access denied" }));
    let body = json!({ "data": { "name": "Ann", "email": "ann@example.com", "status": "active" } });
    let answer = world.call("POST", "/collections/users/documents", &body).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let (mut socket, _) =
        world.enter("/realtime/collections/users", json!({ "filters": { "status": "active" } })).await;
    world.call("POST", "/collections/users/documents", &body).await;
    assert_eq!(socket.json().await["data"]["email"], "ann@example.com");
}

#[tokio::test]
async fn read_roles_hold_on_sockets() {
    let world = World::start().await;
    let body = json!({ "name": "tasks", "permissions": { "read": ["staff"] } });
    let answer = world.call("POST", "/collections/", &body).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let sign_up = json!({ "email": "ann@example.com", "password": "long-enough-1" });
    let signed_up = world.call("POST", "/auth-collections/signup", &sign_up).await.json();
    let (token, id) = (signed_up["access_token"].clone(), signed_up["user"]["id"].as_str().unwrap());
    assert!(token.is_string(), "{signed_up}");
    for first in [json!({}), json!({ "token": token })] {
        let (mut socket, refused) = world.enter(TASKS, first).await;
        assert_eq!(refused, json!({ "error": "Collection not found or access denied" }));
        assert_eq!(socket.rest().await, [Heard::Close(1008)]);
    }
    let give = json!({ "roles": ["staff"] });
    let answer = world.call("PATCH", &format!("/auth-collections/users/{id}"), &give).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let (mut socket, connected) = world.enter(TASKS, json!({ "token": token })).await;
    assert_eq!(connected["event"], "connected", "{connected}");
    let (_, welcome) = world.enter("/realtime/broadcast", json!({ "token": token, "user_id": "else" })).await;
    assert_eq!(welcome["user_id"], id);
    let answer = world.call("PATCH", &format!("/auth-collections/users/{id}"), &json!({ "roles": [] })).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let gone = json!({ "error": "Collection not found or access denied" });
    assert_eq!(socket.rest().await, [Heard::Json(gone), Heard::Close(1008)]);
}

#[tokio::test]
async fn a_slow_watcher_is_served_from_the_log() {
    let world = World::start_with(|config| {
        config.realtime.outbox = 64 * 1024;
        config.connections.unsent = 16 * 1024;
    })
    .await;
    create(&world, json!({ "n": 0 })).await;
    let (mut socket, _) = world.enter(TASKS, json!({})).await;
    let text = "x".repeat(20_000);
    for n in 1..=100 {
        create(&world, json!({ "n": n, "text": text })).await;
    }
    for n in 1..=100 {
        assert_eq!(told(&mut socket).await["data"]["n"], n);
    }
}
