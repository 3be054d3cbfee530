//! Documents of an open collection, seen and written from both sides.

use crate::world::World;
use serde_json::{Value as Json, json};

async fn documents(world: &World, method: &str, path: &str, body: Json) -> Json {
    let header = format!("\r\nX-API-Key: {}", world.key);
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = world.server.request(method, path, &header, body).await;
    assert!(answer.status < 300, "{method} {path}: {} {}", answer.status, answer.body);
    answer.json()
}

#[tokio::test]
async fn pocketbase_sees_the_keys_of_a_document_flat() {
    let world = World::start().await;
    let fields = json!({"title": "a", "n": 1, "id": "own", "tags": ["x"]});
    let made = documents(&world, "POST", "/collections/notes/documents", fields).await;
    let id = made["id"].as_str().unwrap();
    for (query, expected) in [
        ("", 1),
        ("?filter=(title='a')", 1),
        ("?filter=(title='b')", 0),
        ("?filter=(n%3E0%26%26tags~'x')&sort=-n,title", 1),
        ("?filter=(missing='')", 0),
    ] {
        let path = format!("/api/collections/notes/records{query}");
        let list = world.request("GET", &path, Json::Null).await.json();
        assert_eq!(list["totalItems"], expected, "{query}: {list}");
    }
    let path = format!("/api/collections/notes/records/{id}");
    let record = world.request("GET", &path, Json::Null).await.json();
    assert_eq!(record["id"], id, "what every record has wins: {record}");
    assert_eq!((&record["title"], &record["n"], &record["tags"][0]), (&json!("a"), &json!(1), &json!("x")));
    assert_eq!((&record["collectionName"], &record["data"]), (&json!("notes"), &Json::Null));
    let picked = world.request("GET", &format!("{path}?fields=title"), Json::Null).await.body;
    assert_eq!(picked, r#"{"title":"a"}"#);
    let by_id = format!("/api/collections/{}/records/{id}", made["collection_id"].as_str().unwrap());
    let found = world.server.request("GET", &by_id, &world.server.token, String::new()).await;
    assert_eq!(found.status, 200, "a superuser reaches a project's collection by id: {}", found.body);
}

#[tokio::test]
async fn what_pocketbase_writes_goes_into_the_document() {
    let world = World::start().await;
    documents(&world, "POST", "/collections/notes/documents", json!({"title": "first"})).await;
    let filters = json!({"filters": {"user_id": 7}});
    let (mut watcher, _) = world.enter("/realtime/collections/notes", filters).await;
    let id = world.create("notes", json!({"title": "b", "user_id": "7", "collectionId": "x"})).await;
    let created = watcher.json().await;
    assert_eq!((&created["event"], &created["data"]["title"]), (&json!("create"), &json!("b")));
    world.update("notes", &id, json!({"n": 2, "title": "c"})).await;
    let updated = watcher.json().await;
    assert_eq!((&updated["data"]["data"]["n"], &updated["old_data"]), (&json!(2), &json!({"title": "b"})));
    let found = documents(&world, "GET", &format!("/collections/notes/documents/{id}"), Json::Null).await;
    assert_eq!(found["data"], json!({"title": "c", "n": 2, "user_id": "7"}));
    world.delete("notes", &id).await;
    assert_eq!(
        watcher.json().await,
        json!({"event": "delete", "collection_id": "notes", "data": {"id": id}})
    );
}

#[tokio::test]
async fn a_deleted_collection_tells_of_each_document_first() {
    let world = World::start().await;
    let made = documents(&world, "POST", "/collections/notes/documents", json!({"a": 1})).await;
    let (mut watcher, _) = world.enter("/realtime/collections/notes", json!({})).await;
    documents(&world, "DELETE", "/collections/notes", Json::Null).await;
    assert_eq!(watcher.json().await["data"]["id"], made["id"]);
    assert_eq!(watcher.json().await["error"], "Collection not found or access denied");
}

#[tokio::test]
async fn a_users_token_opens_its_roles_on_rest_and_sockets() {
    let world = World::start().await;
    let club = json!({"name": "club", "permissions": {"read": ["member"]}});
    documents(&world, "POST", "/collections", club).await;
    let user = json!({"email": "m@x.org", "password": "secret123"});
    let signed_up = documents(&world, "POST", "/auth-collections/signup", user).await;
    let (token, id) = (signed_up["access_token"].clone(), signed_up["user"]["id"].as_str().unwrap());
    let first = json!({ "token": token });
    let (_refused, answer) = world.enter("/realtime/collections/club", first.clone()).await;
    assert_eq!(answer["error"], "Collection not found or access denied");
    let roles = json!({"roles": ["member"]});
    documents(&world, "PATCH", &format!("/auth-collections/users/{id}"), roles).await;
    let (mut watcher, answer) = world.enter("/realtime/collections/club", first).await;
    assert_eq!(answer["event"], "connected", "{answer}");
    documents(&world, "POST", "/collections/club/documents", json!({"a": 1})).await;
    assert_eq!(watcher.json().await["data"]["a"], 1);
}
