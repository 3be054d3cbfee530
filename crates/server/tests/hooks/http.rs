//! Hooks over HTTP: who defines them, what they may do, and what happens when a receiver does not answer well.

use crate::receiver::{Receiver, Reply};
use crate::server::Server;
use crate::world::World;
use serde_json::{Value as Json, json};
use std::time::Duration;
use tidewire_server::config::Config;

/// Patience that is never used up.
const LONGEST_MS: u64 = 5000;

fn configure(config: &mut Config) {
    config.private_addresses = true;
    config.retry.pause = Duration::from_millis(1);
}

pub async fn start() -> Server {
    Server::start_with(configure).await
}

/// Makes a hook and gives the answer.
pub async fn define(server: &Server, more: Json) -> Json {
    let mut body = json!({ "name": "test", "timeout_ms": LONGEST_MS });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let answer = server.post("/api/hooks", &server.token, body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

fn answer(status: u16, body: impl ToString) -> Reply {
    Reply::Answer(status, body.to_string())
}

const RECORDS: &str = "/api/collections/posts/records";

#[tokio::test(flavor = "multi_thread")]
async fn superusers_define_hooks_and_see_a_secret_once() {
    let server = start().await;
    let (_, user) = server.user("ann").await;
    let sound = json!({ "name": "n", "url": "https://example.com/", "events": ["record.after_create"] });
    for (token, status) in [("", 401), (&*user, 403), ("nonsense", 401)] {
        for (method, path) in [("GET", "/api/hooks"), ("POST", "/api/hooks"), ("DELETE", "/api/hooks/x")] {
            assert_eq!(
                server.request(method, path, token, sound.to_string()).await.status,
                status,
                "{method}"
            );
        }
    }
    let made = define(&server, sound).await;
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_"), "{made}");
    let path = format!("/api/hooks/{}", made["id"].as_str().unwrap());
    let ask = async |method: &str, body: Json| {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        server.request(method, &path, &server.token, body).await
    };
    let seen = ask("GET", Json::Null).await;
    assert_eq!((&seen.json()["name"], seen.json().get("secret")), (&json!("n"), None));
    let changed = ask("PATCH", json!({ "priority": 7, "enabled": false })).await.json();
    assert_eq!((&changed["priority"], changed.get("secret")), (&json!(7), None));
    let renewed = ask("PATCH", json!({ "secret": "" })).await.json();
    assert!(renewed["secret"].as_str().is_some_and(|renewed| renewed != secret), "{renewed}");
    let wrong = ask("PATCH", json!({ "url": "nowhere", "events": ["x"] })).await;
    assert_eq!(wrong.status, 400);
    assert_eq!(wrong.json()["data"].as_object().unwrap().keys().collect::<Vec<_>>(), ["events", "url"]);
    assert_eq!(ask("PATCH", json!([])).await.status, 400);
    let list = server.request("GET", "/api/hooks", &server.token, String::new()).await.json();
    assert_eq!((&list["totalItems"], &list["items"][0]["priority"]), (&json!(1), &json!(7)));
    assert!(list["items"][0].get("secret").is_none());
    assert_eq!(ask("DELETE", Json::Null).await.status, 204);
    assert_eq!(ask("GET", Json::Null).await.status, 404);
    assert_eq!(ask("DELETE", Json::Null).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_changes_or_refuses_before_the_write() {
    let world = World::start_with(configure).await;
    let server = &world.server;
    let mut receiver = Receiver::start().await;
    server.collection("posts", &["title", "note"], json!({})).await;
    let events = ["record.before_create", "record.before_update", "record.before_delete"];
    let headers = json!({ "X-Key": "k" });
    define(server, json!({ "url": receiver.url, "events": events, "headers": headers, "fail": "closed" }))
        .await;
    let bearer = format!("Bearer {}", server.token);
    let (pocketbase, snackbase) = ("/api/collections/posts/records", "/api/v1/records/posts");
    for (path, token) in [(pocketbase, ""), (snackbase, &bearer)] {
        receiver.reply([answer(200, json!({ "data": { "record": { "note": "by a hook" } } }))]);
        let made = server.post(path, token, json!({ "title": "a" })).await.json();
        assert_eq!((&made["title"], &made["note"]), (&json!("a"), &json!("by a hook")), "{made}");
        let heard = receiver.next().await;
        assert_eq!(heard.header("x-key"), "k");
        let message = heard.json();
        assert_eq!(
            (&message["event"], &message["data"]["record"]["title"]),
            (&json!(events[0]), &json!("a"))
        );
        let one = format!("{path}/{}", made["id"].as_str().unwrap());
        let patched = server.request("PATCH", &one, token, json!({ "title": "b" }).to_string()).await;
        assert_eq!(patched.status, 200, "{}", patched.body);
        let message = receiver.next().await.json();
        assert_eq!(
            (&message["data"]["old"]["title"], &message["data"]["record"]["title"]),
            (&json!("a"), &json!("b"))
        );
        receiver.reply([answer(409, json!({ "message": "kept" }))]);
        let kept = server.request("DELETE", &one, token, String::new()).await;
        assert_eq!(kept.status, 409, "{}", kept.body);
        assert!(kept.body.to_lowercase().contains("kept"), "{}", kept.body);
        assert_eq!(receiver.next().await.json()["data"]["record"]["title"], "b");
    }
    receiver.reply([answer(200, json!({ "data": { "record": { "note": "by a hook" } } }))]);
    let path = "/collections/documents?collection=notes";
    let made = world.call("POST", path, &json!({ "data": { "title": "a" } })).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.json()["data"]["note"], "by a hook", "{}", made.body);
    receiver.next().await;
    receiver.reply([answer(418, "{}")]);
    let one = format!("/collections/notes/documents/{}", made.json()["id"].as_str().unwrap());
    for (method, body) in [("PATCH", json!({ "data": { "title": "b" } })), ("DELETE", Json::Null)] {
        let refused = world.call(method, &one, &body).await;
        assert_eq!((refused.status, refused.json()), (418, json!({ "detail": "Refused by a hook." })));
        receiver.next().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_breaks_opens_or_closes() {
    let server = start().await;
    let receiver = Receiver::start().await;
    server.collection("posts", &["title"], json!({})).await;
    let dead = "http://127.0.0.1:1/".to_owned();
    let hook = define(&server, json!({ "url": receiver.url, "events": ["record.before_create"] })).await;
    let path = format!("/api/hooks/{}", hook["id"].as_str().unwrap());
    let large = format!("{{\"x\":\"{}\"}}", "x".repeat(2 << 20));
    for (reply, url, timeout) in [
        (answer(500, "{}"), &receiver.url, LONGEST_MS),
        (answer(302, ""), &receiver.url, LONGEST_MS),
        (answer(200, "no json"), &receiver.url, LONGEST_MS),
        (answer(200, large), &receiver.url, LONGEST_MS),
        (Reply::Never, &receiver.url, 20),
        (answer(200, ""), &dead, LONGEST_MS),
    ] {
        receiver.reply([reply.clone()]);
        for (fail, status) in [("open", 200), ("closed", 500)] {
            let change = json!({ "fail": fail, "url": url, "timeout_ms": timeout });
            let changed = server.request("PATCH", &path, &server.token, change.to_string()).await;
            assert_eq!(changed.status, 200, "{}", changed.body);
            let answer = server.post(RECORDS, "", json!({ "title": "a" })).await;
            assert_eq!(answer.status, status, "{fail} {url}: {}", answer.body);
        }
        receiver.let_go();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn private_addresses_are_refused_unless_allowed() {
    let server = Server::start().await;
    let mut receiver = Receiver::start().await;
    server.collection("posts", &["title"], json!({})).await;
    define(&server, json!({ "url": receiver.url, "events": ["record.before_create"], "fail": "closed" }))
        .await;
    assert_eq!(server.post(RECORDS, "", json!({ "title": "a" })).await.status, 500);
    assert!(receiver.is_quiet());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_receiver_holds_no_other_write() {
    let server = start().await;
    let mut receiver = Receiver::start().await;
    receiver.reply([Reply::Never]);
    for name in ["posts", "others"] {
        server.collection(name, &["title"], json!({})).await;
    }
    define(
        &server,
        json!({ "url": receiver.url, "events": ["record.before_create"], "collection": "posts" }),
    )
    .await;
    let held = server.post(RECORDS, "", json!({ "title": "held" }));
    let others = async {
        receiver.next().await;
        // the one writer is free
        for _ in 0..10 {
            server.create("others", json!({ "title": "a" })).await;
        }
        receiver.let_go();
    };
    let (held, ()) = tokio::join!(held, others);
    assert_eq!(held.status, 200, "{}", held.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_is_told_until_it_is_taken() {
    let mut server = start().await;
    let mut receiver = Receiver::start().await;
    server.collection("posts", &["title"], json!({})).await;
    let events = ["record.after_create", "record.after_delete"];
    let hook = define(&server, json!({ "url": receiver.url, "events": events })).await;
    receiver.reply([answer(503, ""), answer(400, ""), answer(200, "thanks")]);
    let made = server.create("posts", json!({ "title": "a" })).await;
    let tries = [receiver.next().await, receiver.next().await, receiver.next().await];
    let ids: Vec<String> = tries.iter().map(|heard| heard.header("webhook-id")).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(tries[2].json()["data"]["record"]["title"], "a");
    let metrics = server.get_with("/metrics", &[]).await.body;
    let group = format!("group=\"http:{}\"", hook["id"].as_str().unwrap());
    assert!(metrics.contains(&format!("tidewire_after_hook_retries_total{{{group}}} 2")), "{metrics}");
    // off, on, and gone: each holds at once, and what happens while it is off is never told
    let path = format!("/api/hooks/{}", hook["id"].as_str().unwrap());
    let enable = async |on: bool| {
        let body = json!({ "enabled": on }).to_string();
        assert_eq!(server.request("PATCH", &path, &server.token, body).await.status, 200);
    };
    enable(false).await;
    server.create("posts", json!({ "title": "unseen" })).await;
    while server.get_with("/metrics", &[]).await.body.contains(&group) {
        tokio::task::yield_now().await;
    }
    enable(true).await;
    server.delete("posts", made["id"].as_str().unwrap()).await;
    assert_eq!(receiver.next().await.json()["event"], "record.after_delete");
    // definitions hold after a restart
    server.restart().await;
    server.create("posts", json!({ "title": "later" })).await;
    let mut message = receiver.next().await.json();
    if message["event"] == "record.after_delete" {
        message = receiver.next().await.json();
    }
    assert_eq!(message["data"]["record"]["title"], "later");
    assert_eq!(server.request("DELETE", &path, &server.token, String::new()).await.status, 204);
    server.create("posts", json!({ "title": "nobody hears" })).await;
    assert!(receiver.is_quiet());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_a_call_and_repeats_what_was_not_taken() {
    let mut server = start().await;
    let mut receiver = Receiver::start().await;
    server.collection("posts", &["title"], json!({})).await;
    // long enough for the message to come, also on a busy machine
    let hook = json!({ "url": receiver.url, "events": ["record.after_create"], "timeout_ms": 1000 });
    define(&server, hook).await;
    receiver.reply([Reply::Never]);
    server.config.retry.pause = Duration::from_secs(3600);
    server.config.retry.longest = Duration::from_secs(3600);
    server.restart().await;
    server.create("posts", json!({ "title": "a" })).await;
    let first = receiver.next().await;
    receiver.reply([answer(200, "")]);
    // it is in its call, or waits an hour for the next: a stop takes neither
    server.restart().await;
    let again = receiver.next().await;
    assert_eq!(first.header("webhook-id"), again.header("webhook-id"));
    receiver.let_go();
}
