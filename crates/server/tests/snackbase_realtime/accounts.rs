//! Accounts, and collections that were made in SnackBase's own way.

use crate::server::{PASSWORD, Server};
use crate::sse::Events;
use crate::websocket::{FOREVER, Frame, Socket};
use serde_json::{Value as Json, json};
use tidewire_model::Timestamp;
use tidewire_server::command::Command;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Two accounts: two users in the first, one in the second.
pub struct World {
    pub server: Server,
    pub acme: User,
    pub other: User,
    beta: User,
}

pub struct User {
    pub id: String,
    pub token: String,
    pub account: String,
}

struct Call<'a> {
    method: &'a str,
    path: String,
    token: &'a str,
    account: &'a str,
    body: Json,
}

async fn call(server: &Server, call: Call<'_>) -> (u16, Json) {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let Call { method, path, token, account, body } = call;
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
        body.len()
    );
    if !token.is_empty() {
        request += &format!("Authorization: Bearer {token}\r\n");
    }
    if !account.is_empty() {
        request += &format!("X-Account-ID: {account}\r\n");
    }
    stream.write_all(format!("{request}\r\n{body}").as_bytes()).await.unwrap();
    let mut text = String::new();
    tokio::time::timeout(FOREVER, stream.read_to_string(&mut text)).await.unwrap().unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}

async fn account(server: &Server, slug: &str) {
    let command = Command::AccountCreate { slug: slug.to_owned(), name: String::new(), api_key: None };
    server.command(command).await.unwrap();
}

/// Made by the other dialect: they are the same users.
async fn user(server: &Server, account: &str, name: &str) -> User {
    let email = format!("{name}@example.com");
    let body = json!({ "email": email, "password": PASSWORD, "passwordConfirm": PASSWORD, "verified": true });
    let path = "/api/collections/users/records".to_owned();
    let (status, record) =
        call(server, Call { method: "POST", path, token: &server.token, account, body }).await;
    assert_eq!(status, 200, "{record}");
    let body = json!({ "account": account, "email": email, "password": PASSWORD });
    let path = "/api/v1/auth/login".to_owned();
    let (status, answer) = call(server, Call { method: "POST", path, token: "", account: "", body }).await;
    assert_eq!(status, 200, "{answer}");
    let (id, token) =
        (record["id"].as_str().unwrap().to_owned(), answer["token"].as_str().unwrap().to_owned());
    User { id, token, account: account.to_owned() }
}

impl World {
    pub async fn start() -> Self {
        let server = Server::start().await;
        account(&server, "acme").await;
        account(&server, "beta").await;
        let acme = user(&server, "acme", "a").await;
        let other = user(&server, "acme", "u2").await;
        let beta = user(&server, "beta", "b").await;
        Self { server, acme, other, beta }
    }

    /// Public but for what `more` says.
    pub async fn collection(&self, name: &str, schema: Json, more: Json) {
        let mut body = json!({
            "name": name, "schema": schema, "list_rule": "", "view_rule": "", "create_rule": "",
            "update_rule": "", "delete_rule": "",
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        let (status, answer) = self.root("POST", "/api/v1/collections", body).await;
        assert_eq!(status, 201, "{answer}");
    }

    async fn root(&self, method: &str, path: &str, body: Json) -> (u16, Json) {
        self.call(method, path, &self.server.token, "", body).await
    }

    pub async fn by(&self, user: &User, method: &str, path: &str, body: Json) -> (u16, Json) {
        self.call(method, path, &user.token, "", body).await
    }

    async fn call(&self, method: &str, path: &str, token: &str, account: &str, body: Json) -> (u16, Json) {
        call(&self.server, Call { method, path: path.to_owned(), token, account, body }).await
    }

    pub async fn create(&self, user: &User, collection: &str, body: Json) -> String {
        let (status, record) = self.by(user, "POST", &format!("/api/v1/records/{collection}"), body).await;
        assert_eq!(status, 201, "{record}");
        record["id"].as_str().unwrap().to_owned()
    }

    pub async fn listen(&self, user: &User, collections: &[&str]) -> Socket {
        Socket::listen(&self.server, &user.token, collections).await
    }

    /// As a superuser of the other dialect, who may set hidden fields.
    pub async fn change_user(&self, user: &User, body: Json) {
        let path = format!("/api/collections/users/records/{}", user.id);
        let (status, answer) = self.call("PATCH", &path, &self.server.token, &user.account, body).await;
        assert_eq!(status, 200, "{answer}");
    }
}

fn schema() -> Json {
    json!([{ "name": "title", "type": "text", "required": true }, { "name": "status", "type": "text" }])
}

#[tokio::test]
async fn writes_reach_the_account_of_the_record() {
    let world = World::start().await;
    world.collection("posts", schema(), json!({})).await;
    let mut acme = world.listen(&world.acme, &["posts"]).await;
    let mut beta = world.listen(&world.beta, &["posts"]).await;
    let mut root = Socket::listen(&world.server, &world.server.token, &["posts"]).await;
    let id = world.create(&world.acme, "posts", json!({ "title": "one" })).await;
    let path = format!("/api/v1/records/posts/{id}");
    assert_eq!(world.by(&world.beta, "PATCH", &path, json!({ "title": "no" })).await.0, 404);
    assert_eq!(world.by(&world.acme, "PATCH", &path, json!({})).await.0, 200);
    assert_eq!(world.by(&world.acme, "PATCH", &path, json!({ "title": null })).await.0, 400);
    let (status, answer) = world.root("PATCH", &path, json!({ "title": "two" })).await;
    assert_eq!(status, 200, "{answer}");
    let anonymous =
        world.call("POST", "/api/v1/records/posts", "", "acme", json!({ "title": "three" })).await;
    assert_eq!((anonymous.0, &anonymous.1["created_by"]), (201, &json!("anonymous")));
    let account = anonymous.1["account_id"].clone();
    let (status, made) =
        world.root("POST", "/api/v1/records/posts", json!({ "title": "four", "account_id": account })).await;
    assert_eq!((status, &made["account_id"]), (201, &account));
    let other = world.create(&world.beta, "posts", json!({ "title": "five" })).await;
    assert_eq!(world.root("DELETE", &format!("/api/v1/records/posts/{other}"), Json::Null).await.0, 204);
    assert_eq!(world.root("DELETE", &path, Json::Null).await.0, 204);
    let heard = [
        "posts.create one",
        "posts.update one",
        "posts.update two",
        "posts.create three",
        "posts.create four",
        "posts.delete",
    ];
    assert_eq!(acme.heard_short().await, heard);
    assert_eq!(beta.heard_short().await, ["posts.create five", "posts.delete"]);
    assert_eq!(root.heard_short().await, [""; 0]);
}

#[tokio::test]
async fn batches_keep_the_order_of_the_request_or_do_nothing() {
    let world = World::start().await;
    world.collection("posts", schema(), json!({})).await;
    let mut socket = world.listen(&world.acme, &["posts"]).await;
    let batch = "/api/v1/records/posts/batch";
    let body = json!({ "records": [{ "title": "b1" }, {}] });
    assert_eq!(world.by(&world.acme, "POST", batch, body).await.0, 400);
    let body = json!({ "records": [{ "title": "b1" }, { "title": "b2" }, { "title": "b3" }] });
    let (status, answer) = world.by(&world.acme, "POST", batch, body).await;
    assert_eq!(status, 201, "{answer}");
    let ids: Vec<&str> =
        answer["created"].as_array().unwrap().iter().map(|r| r["id"].as_str().unwrap()).collect();
    let records: Vec<Json> = ids.iter().map(|id| json!({ "id": id, "data": { "title": "c" } })).collect();
    let (status, answer) = world.by(&world.acme, "PATCH", batch, json!({ "records": records })).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(world.by(&world.acme, "DELETE", batch, json!({ "ids": ids })).await.0, 200);
    let heard = socket.heard().await;
    let kinds: Vec<String> = heard.iter().map(crate::websocket::short).collect();
    let expected = [
        "posts.create b1",
        "posts.create b2",
        "posts.create b3",
        "posts.update c",
        "posts.update c",
        "posts.update c",
        "posts.delete",
        "posts.delete",
        "posts.delete",
    ];
    assert_eq!(kinds, expected);
    let order: Vec<&str> = heard.iter().map(|event| event["data"]["id"].as_str().unwrap()).collect();
    assert_eq!(order, [&ids[..], &ids[..], &ids[..]].concat());
}

#[tokio::test]
async fn cascades_are_told() {
    let world = World::start().await;
    world.collection("posts", schema(), json!({})).await;
    let post = json!({ "name": "post", "type": "reference", "collection": "posts", "on_delete": "cascade" });
    world.collection("comments", json!([{ "name": "title", "type": "text" }, post]), json!({})).await;
    let id = world.create(&world.acme, "posts", json!({ "title": "one" })).await;
    let comment = world.create(&world.acme, "comments", json!({ "title": "two", "post": id })).await;
    let mut socket = world.listen(&world.acme, &["posts", "comments"]).await;
    assert_eq!(
        world.by(&world.acme, "DELETE", &format!("/api/v1/records/posts/{id}"), Json::Null).await.0,
        204
    );
    let mut heard: Vec<(Json, Json)> =
        socket.heard().await.iter().map(|event| (event["type"].clone(), event["data"].clone())).collect();
    heard.sort_by_key(|(kind, _)| kind.to_string());
    let expected =
        [(json!("comments.delete"), json!({ "id": comment })), (json!("posts.delete"), json!({ "id": id }))];
    assert_eq!(heard, expected);
}

#[tokio::test]
async fn fields_are_chosen_and_masked_by_reader() {
    let world = World::start().await;
    let schema = json!([
        { "name": "title", "type": "text" },
        { "name": "ssn", "type": "text", "pii": true, "mask_type": "ssn" },
        { "name": "mail", "type": "email", "pii": true, "mask_type": "email" },
        { "name": "secret", "type": "text", "encrypted": true },
        { "name": "inner", "type": "text" },
    ]);
    let view = "[\"id\",\"title\",\"ssn\",\"mail\",\"secret\"]";
    world.collection("people", schema, json!({ "view_fields": view })).await;
    world.change_user(&world.acme, json!({ "accountGroups": ["pii_access"] })).await;
    let mut plain = world.listen(&world.acme, &["people"]).await;
    let mut masked = world.listen(&world.other, &["people"]).await;
    let body =
        json!({ "title": "x", "ssn": "123-45-6789", "mail": "joe@x.com", "secret": "s", "inner": "i" });
    world.create(&world.acme, "people", body.clone()).await;
    let shown = |event: &Json| {
        let data = event["data"].as_object().unwrap();
        let keys: Vec<&str> = data.keys().map(String::as_str).collect();
        assert!(!keys.contains(&"inner") && keys.contains(&"account_id"), "{event}");
        format!("{} {} {}", event["data"]["ssn"], event["data"]["mail"], event["data"]["secret"])
    };
    let bullets = "\u{2022}".repeat(8);
    let clear = format!("\"123-45-6789\" \"joe@x.com\" \"{bullets}\"");
    let hidden = format!("\"***-**-****\" \"j***@x.com\" \"{bullets}\"");
    assert_eq!(shown(&plain.frame().await.json()), clear);
    assert_eq!(shown(&masked.frame().await.json()), hidden);
    // from the next event on
    world.change_user(&world.other, json!({ "accountGroups": ["pii_access"] })).await;
    world.create(&world.acme, "people", body).await;
    assert_eq!(shown(&masked.frame().await.json()), clear);
}

#[tokio::test]
async fn rules_of_this_language_hold_live() {
    let world = World::start().await;
    world.change_user(&world.acme, json!({ "accountRole": "admin" })).await;
    let all = ["x.create one", "x.update one", "x.delete"];
    for (number, (rule, first, second)) in [
        (json!(null), &[][..], &[][..]),
        (json!(""), &all[..], &all[..]),
        (json!("created_by = @request.auth.id"), &all[..], &[]),
        (json!("@request.auth.role = \"admin\""), &all[..], &[]),
        (json!("@has_role(\"admin\")"), &all[..], &[]),
        (json!("@owns_record() || @request.auth.role = 'user'"), &all[..], &all[..]),
        (json!("status = 'published'"), &all[1..], &all[1..]),
        (json!("status IS NOT NULL && title IN ('one', 'two')"), &all[..], &all[..]),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("posts{number}");
        world.collection(&name, schema(), json!({ "view_rule": rule })).await;
        let mut one = world.listen(&world.acme, &[&name]).await;
        let mut two = world.listen(&world.other, &[&name]).await;
        let id = world.create(&world.acme, &name, json!({ "title": "one", "status": "draft" })).await;
        let path = format!("/api/v1/records/{name}/{id}");
        let changed = world.root("PATCH", &path, json!({ "status": "published" })).await;
        assert_eq!(changed.0, 200, "{rule}: {}", changed.1);
        assert_eq!(world.root("DELETE", &path, Json::Null).await.0, 204);
        let expected = |heard: &[&str]| {
            heard.iter().map(|text| text.replace("x.", &format!("{name}."))).collect::<Vec<_>>()
        };
        assert_eq!(one.heard_short().await, expected(first), "{rule}");
        assert_eq!(two.heard_short().await, expected(second), "{rule}");
    }
}

#[tokio::test]
async fn who_is_disabled_is_let_go_and_comes_back_once_enabled() {
    let world = World::start().await;
    let mut socket = world.listen(&world.other, &["posts"]).await;
    world.change_user(&world.other, json!({ "accountDisabled": true })).await;
    socket.expect_close(1008, "Session revoked").await;
    let target = format!("/api/v1/realtime/ws?token={}", world.other.token);
    let mut socket = Socket::open(world.server.address(), &target, "").await;
    socket.expect_close(1008, "Authentication failed").await;
    world.change_user(&world.other, json!({ "accountDisabled": false })).await;
    let mut socket = world.listen(&world.other, &["posts"]).await;
    socket.send(r#"{"action":"ping"}"#).await;
    assert_eq!(socket.frame().await, Frame::Text(r#"{"type":"pong"}"#.to_owned()));
}

#[tokio::test]
async fn a_write_by_this_dialect_is_heard_by_the_other() {
    let world = World::start().await;
    let server = &world.server;
    world.collection("posts", schema(), json!({})).await;
    let (id, token) = server.user("d").await;
    let mut theirs = server.listen(&token, &["posts/*"]).await;
    let local = User { id, token, account: "default".to_owned() };
    let mut ours = world.listen(&local, &["posts"]).await;
    let record = world.create(&local, "posts", json!({ "title": "one" })).await;
    server.update("posts", &record, json!({ "title": "two" })).await;
    server.mark().await;
    assert_eq!(theirs.short_until_mark().await, "create one, update two");
    assert_eq!(ours.heard_short().await, ["posts.create one", "posts.update two"]);
}

#[tokio::test]
async fn connections_end_with_the_token_that_opened_them() {
    let world = World::start().await;
    let at = Timestamp(Timestamp::now().millis() + 3000).to_text().replace(' ', "T");
    let body = json!({ "name": "short-lived", "expires_at": at });
    let (status, key) = world.by(&world.acme, "POST", "/api/v1/admin/api-keys", body).await;
    assert_eq!(status, 201, "{key}");
    let key = key["key"].as_str().unwrap();
    let mut socket = Socket::connect(&world.server, key).await;
    socket.send(r#"{"action":"ping"}"#).await;
    assert_eq!(socket.frame().await, Frame::Text(r#"{"type":"pong"}"#.to_owned()));
    let mut events = Events::open(&world.server, &format!("token={key}"), "").await;
    socket.expect_close(1008, "Token expired").await;
    assert_eq!(events.chunk().await, "");
}

#[tokio::test]
async fn programs_publish_on_custom_topics_of_their_account_by_api_key() {
    let world = World::start().await;
    let server = &world.server;
    let body = json!({ "name": "worker" });
    let (status, key) = world.by(&world.acme, "POST", "/api/v1/admin/api-keys", body).await;
    assert_eq!(status, 201, "{key}");
    let (id, key) = (key["id"].as_str().unwrap(), key["key"].as_str().unwrap());
    let (mut there, mut here) = (server.connect().await, server.listen("", &["jobs"]).await);
    let root = format!("Authorization: {}", server.token);
    let account = format!("X-Account-ID: {}", world.acme.account);
    let body = json!({ "clientId": there.id, "subscriptions": ["jobs", "mark"] });
    assert_eq!(server.post_with("/api/realtime", &[&root, &account], body).await.status, 204);
    let publish = async |header: String, data: Json| {
        let body = json!({ "topic": "jobs", "data": data });
        server.post_with("/api/pubsub/publish", &[&header], body).await.status
    };
    assert_eq!(publish(format!("X-API-Key: {key}"), json!(1)).await, 200);
    assert_eq!(publish(format!("Authorization: Bearer {key}"), json!(2)).await, 200);
    assert_eq!(publish(format!("X-API-Key: {key}x"), json!(3)).await, 401);
    let path = format!("/api/v1/admin/api-keys/{id}");
    assert_eq!(world.by(&world.acme, "DELETE", &path, Json::Null).await.0, 204);
    assert_eq!(publish(format!("X-API-Key: {key}"), json!(4)).await, 401);
    let body = json!({ "topic": "mark" });
    assert_eq!(server.post_with("/api/pubsub/publish", &[&root, &account], body).await.status, 200);
    let heard: Vec<Json> = there.until_mark().await.into_iter().map(|event| event.data).collect();
    assert_eq!(heard, [json!(1), json!(2)]);
    server.mark().await;
    assert_eq!(here.until_mark().await, []);
}
