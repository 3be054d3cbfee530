//! Which writes become events, and who hears them.

use crate::server::Server;
use crate::websocket::Socket;
use serde_json::{Value as Json, json};

/// One write of the table.
enum Write {
    Create(Json),
    Update(Json),
    Delete,
}

use Write::{Create, Delete, Update};

/// Writes to one record by a superuser; what the owner and a stranger hear of it.
async fn check(more: Json, writes: impl Fn(&str) -> Vec<Write>, owner: &[&str], stranger: &[&str]) {
    let server = Server::start().await;
    let mut more = more;
    more["fields"] = json!([{ "name": "status", "type": "text" }, { "name": "owner", "type": "text" }]);
    server.collection("posts", &["title"], more.clone()).await;
    let ((owner_id, owner_token), (_, stranger_token)) = (server.user("a").await, server.user("b").await);
    let mut first = Socket::listen(&server, &owner_token, &["posts"]).await;
    let mut second = Socket::listen(&server, &stranger_token, &["posts"]).await;
    let mut superadmin = Socket::listen(&server, &server.token, &["posts"]).await;
    let mut id = String::new();
    for write in writes(&owner_id) {
        match write {
            Create(body) => id = server.create("posts", body).await["id"].as_str().unwrap().to_owned(),
            Update(body) => drop(server.update("posts", &id, body).await),
            Delete => server.delete("posts", &id).await,
        }
    }
    assert_eq!(first.heard_short().await, owner, "{more}");
    assert_eq!(second.heard_short().await, stranger, "{more}");
    assert_eq!(superadmin.heard_short().await, [""; 0], "{more}");
}

const ALL: [&str; 3] = ["posts.create one", "posts.update two", "posts.delete"];

fn life(owner: &str) -> Vec<Write> {
    vec![
        Create(json!({ "title": "one", "owner": owner, "status": "draft" })),
        Update(json!({ "title": "two" })),
        Delete,
    ]
}

#[tokio::test]
async fn the_view_rule_alone_decides() {
    check(json!({}), life, &ALL, &ALL).await;
    check(json!({ "viewRule": null }), life, &[], &[]).await;
    check(json!({ "listRule": null }), life, &ALL, &ALL).await;
    check(json!({ "viewRule": "@request.auth.id != ''" }), life, &ALL, &ALL).await;
    // a delete is judged on the record that was deleted
    check(json!({ "viewRule": "owner = @request.auth.id" }), life, &ALL, &[]).await;
}

#[tokio::test]
async fn a_record_that_leaves_the_rule_is_silent() {
    let writes = |_: &str| {
        vec![
            Create(json!({ "title": "one", "status": "draft" })),
            Update(json!({ "status": "published" })),
            Update(json!({ "status": "draft" })),
            Delete,
        ]
    };
    let heard = ["posts.update one"];
    check(json!({ "viewRule": "status = 'published'" }), writes, &heard, &heard).await;
}

#[tokio::test]
async fn what_a_subscription_names_is_what_it_hears() {
    let server = Server::start().await;
    server.collection("posts", &["title"], json!({})).await;
    let (_, token) = server.user("a").await;
    for (messages, expected) in [
        (vec![json!({})], &ALL[..]),
        (vec![json!({ "operations": ["create"] })], &ALL[..1]),
        (vec![json!({ "operations": "update" })], &ALL[1..2]),
        (vec![json!({ "operations": [] })], &[]),
        (vec![json!({ "operations": ["upsert"] })], &[]),
        // the newest holds, and no event comes twice
        (vec![json!({}), json!({})], &ALL[..]),
        (vec![json!({}), json!({ "operations": ["delete"] })], &ALL[2..]),
        (vec![json!({ "operations": ["delete"] }), json!({})], &ALL[..]),
        (vec![json!({ "collection": "*" })], &[]),
        (vec![json!({ "collection": "Posts" })], &[]),
        (vec![json!({ "collection": "posts " })], &[]),
    ] {
        let mut socket = Socket::connect(&server, &token).await;
        for message in &messages {
            let mut message = message.clone();
            if message["collection"].is_null() {
                message["collection"] = json!("posts");
            }
            socket.subscribe(message).await;
        }
        let id = server.create("posts", json!({ "title": "one" })).await["id"].clone();
        server.update("posts", id.as_str().unwrap(), json!({ "title": "two" })).await;
        server.delete("posts", id.as_str().unwrap()).await;
        assert_eq!(socket.heard_short().await, expected, "{messages:?}");
    }
}

#[tokio::test]
async fn unsubscribed_is_silent_and_others_go_on() {
    let server = Server::start().await;
    server.collection("posts", &["title"], json!({})).await;
    server.collection("notes", &["title"], json!({})).await;
    let (_, token) = server.user("a").await;
    let mut socket = Socket::listen(&server, &token, &["posts", "notes"]).await;
    socket.send_json(json!({ "action": "unsubscribe", "collection": "posts" })).await;
    assert_eq!(socket.frame().await.json()["type"], "unsubscribed");
    server.create("posts", json!({ "title": "one" })).await;
    server.create("notes", json!({ "title": "two" })).await;
    assert_eq!(socket.heard_short().await, ["notes.create two"]);
}

#[tokio::test]
async fn an_event_looks_as_it_does_there() {
    let server = Server::start().await;
    let fields = json!([
        { "name": "views", "type": "number" }, { "name": "public", "type": "bool" },
        { "name": "meta", "type": "json" }, { "name": "created", "type": "autodate", "onCreate": true },
    ]);
    server.collection("posts", &["title"], json!({ "fields": fields })).await;
    let (_, token) = server.user("a").await;
    let mut socket = Socket::listen(&server, &token, &["posts"]).await;
    let title = "H\u{e9} \"q\"\n\u{1f600}";
    let record = server
        .create("posts", json!({ "title": title, "views": 3, "public": true, "meta": { "a": [1, 2] } }))
        .await;
    let id = record["id"].as_str().unwrap();
    server.delete("posts", id).await;
    let crate::websocket::Frame::Text(text) = socket.frame().await else { panic!("no event") };
    let event: Json = serde_json::from_str(&text).unwrap();
    let (at, created) = (event["timestamp"].as_str().unwrap(), event["data"]["created_at"].as_str().unwrap());
    let expected = format!(
        "{{\"type\":\"posts.create\",\"timestamp\":\"{at}\",\"data\":{{\"id\":\"{id}\",\"account_id\":\"default\",\
         \"created_at\":\"{created}\",\"created_by\":null,\"updated_at\":null,\"updated_by\":null,\
         \"title\":\"H\u{e9} \\\"q\\\"\\n\u{1f600}\",\"views\":3,\"public\":true,\"meta\":{{\"a\":[1,2]}}"
    );
    assert!(text.starts_with(&expected), "{text}\n{expected}");
    for time in [at, created] {
        assert!(time.len() == 32 && &time[10..11] == "T" && time.ends_with("000+00:00"), "{time}");
    }
    let deleted = socket.frame().await.json();
    assert_eq!((&deleted["type"], &deleted["data"]), (&json!("posts.delete"), &json!({ "id": id })));
}

#[tokio::test]
async fn writes_of_one_client_keep_their_order() {
    let server = Server::start().await;
    server.collection("posts", &["title"], json!({})).await;
    let (_, token) = server.user("a").await;
    let mut socket = Socket::listen(&server, &token, &["posts"]).await;
    let id = server.create("posts", json!({ "title": "x" })).await["id"].as_str().unwrap().to_owned();
    let mut expected = vec!["posts.create x".to_owned()];
    for n in 0..30 {
        server.update("posts", &id, json!({ "title": n.to_string() })).await;
        expected.push(format!("posts.update {n}"));
    }
    server.delete("posts", &id).await;
    expected.push("posts.delete".to_owned());
    assert_eq!(socket.heard_short().await, expected);
}

#[tokio::test]
async fn new_rules_hold_for_open_subscriptions() {
    let server = Server::start().await;
    let id = server.collection("posts", &["title"], json!({ "viewRule": null })).await;
    let (_, token) = server.user("a").await;
    let mut socket = Socket::listen(&server, &token, &["posts", "later"]).await;
    for (rule, heard) in [(json!(null), false), (json!(""), true), (json!(null), false)] {
        let path = format!("/api/collections/{id}");
        let body = json!({ "viewRule": rule }).to_string();
        assert_eq!(server.request("PATCH", &path, &server.token, body).await.status, 200);
        server.create("posts", json!({ "title": "x" })).await;
        assert_eq!(!socket.heard().await.is_empty(), heard, "{rule}");
    }
    server.collection("later", &["title"], json!({})).await;
    server.create("later", json!({ "title": "made" })).await;
    assert_eq!(socket.heard_short().await, ["later.create made"]);
}

#[tokio::test]
async fn both_dialects_hear_one_write() {
    let server = Server::start().await;
    server.collection("posts", &["title"], json!({})).await;
    let (_, token) = server.user("a").await;
    let mut theirs = server.listen(&token, &["posts/*"]).await;
    let mut ours = Socket::listen(&server, &token, &["posts"]).await;
    server.create("posts", json!({ "title": "one" })).await;
    server.mark().await;
    assert_eq!(theirs.short_until_mark().await, "create one");
    assert_eq!(ours.heard_short().await, ["posts.create one"]);
}
