//! A hook of the process refuses, and each dialect says so in its own form.

use crate::world::World;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use tidewire_hooks::{Event, Hands, HookError, Hooks, Occasion, Registration};

fn refuse_all(hooks: &Hooks) {
    for event in [Event::RecordBeforeCreate, Event::RecordBeforeUpdate, Event::RecordBeforeDelete] {
        let handler =
            |occasion: &mut Occasion, _: &mut dyn Hands| match occasion.fields["record"]["title"].as_str() {
                Some("keep") if occasion.event == Event::RecordBeforeCreate => Ok(()),
                _ => Err(HookError::abort(451, "not for you")),
            };
        hooks.register(Registration::new(event, "refuse", Arc::new(handler)));
    }
}

#[tokio::test]
async fn each_dialect_has_its_own_words() {
    let hooks = Hooks::default();
    let given = hooks.clone();
    let world = World::start_with(|config| config.hooks = given).await;
    let server = &world.server;
    server.collection("posts", &["title"], json!({})).await;
    refuse_all(&hooks);
    let kept = server.create("posts", json!({ "title": "keep" })).await["id"].as_str().unwrap().to_owned();
    let document = world
        .call("POST", "/collections/documents?collection=notes", &json!({ "data": { "title": "keep" } }))
        .await;
    assert_eq!(document.status, 201, "{}", document.body);
    let document = document.json()["id"].as_str().unwrap().to_owned();
    let pocketbase = json!({ "data": {}, "message": "Not for you.", "status": 451 });
    let detail = json!({ "detail": "not for you" });
    let in_batch = json!({ "requests": [
        { "method": "POST", "url": "/api/collections/posts/records", "body": { "title": "keep" } },
        { "method": "DELETE", "url": format!("/api/collections/posts/records/{kept}") },
    ]});
    let settings = json!({ "batch": { "enabled": true } }).to_string();
    server.request("PATCH", "/api/settings", &server.token, settings).await;
    let bearer = format!("Bearer {}", server.token);
    let records = "/api/collections/posts/records";
    let snackbase = "/api/v1/records/posts";
    for (method, path, token, body, expected) in [
        ("POST", records.to_owned(), "", json!({ "title": "a" }), &pocketbase),
        ("PATCH", format!("{records}/{kept}"), "", json!({ "title": "keep" }), &pocketbase),
        ("DELETE", format!("{records}/{kept}"), "", Json::Null, &pocketbase),
        ("POST", snackbase.to_owned(), &bearer, json!({ "title": "a" }), &detail),
        ("PATCH", format!("{snackbase}/{kept}"), &bearer, json!({ "title": "a" }), &detail),
        ("DELETE", format!("{snackbase}/{kept}"), &bearer, Json::Null, &detail),
    ] {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = server.request(method, &path, token, body).await;
        assert_eq!((answer.status, &answer.json()), (451, expected), "{method} {path}");
    }
    for (method, path, body) in [
        ("POST", "/collections/documents?collection=notes".to_owned(), json!({ "data": { "title": "a" } })),
        ("PATCH", format!("/collections/notes/documents/{document}"), json!({ "data": { "title": "keep" } })),
        ("DELETE", format!("/collections/notes/documents/{document}"), Json::Null),
    ] {
        let answer = world.call(method, &path, &body).await;
        assert_eq!((answer.status, answer.json()), (451, detail.clone()), "{method} {path}");
    }
    let answer = server.post("/api/batch", &server.token, in_batch).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["data"]["requests"]["1"]["response"], pocketbase, "{}", answer.body);
    let list = server.request("GET", records, &server.token, String::new()).await;
    assert_eq!(list.json()["totalItems"], 1, "what a batch wrote before went with it: {}", list.body);
}
