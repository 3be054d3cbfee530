//! What user code does wrong costs no more than its limit, and nobody else.

use crate::http::{define, start};
use crate::receiver::{Receiver, Reply};
use crate::scripts::start_with_script;
use crate::server::PASSWORD;
use serde_json::{Value as Json, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_slow_or_dead_opens_or_closes_connections_and_sign_ins() {
    let server = start().await;
    server.user("ann").await;
    let receiver = Receiver::start().await;
    receiver.reply([Reply::Never]);
    let events = ["realtime.connect", "sign_in.before"];
    let slow = json!({ "url": receiver.url, "events": events, "timeout_ms": 20 });
    let path = format!("/api/hooks/{}", define(&server, slow).await["id"].as_str().unwrap());
    let identity = json!({ "identity": "ann@example.com", "password": PASSWORD });
    for url in [receiver.url.as_str(), "http://127.0.0.1:1/"] {
        for (fail, refused) in [("open", false), ("closed", true)] {
            let change = json!({ "fail": fail, "url": url }).to_string();
            assert_eq!(server.request("PATCH", &path, &server.token, change).await.status, 200);
            let sign_in = "/api/collections/users/auth-with-password";
            let answer = server.post(sign_in, "", identity.clone()).await;
            assert_eq!(answer.status, if refused { 500 } else { 200 }, "{fail} {url}: {}", answer.body);
            if refused {
                let answer = server.get_with("/api/realtime", &[]).await;
                assert_eq!(
                    (answer.status, &answer.json()["message"]),
                    (500, &json!("A hook failed.")),
                    "{url}"
                );
            } else {
                server.connect().await;
            }
        }
    }
    receiver.let_go();
}

/// Publishes as the record says, and notes what came of it.
const PUBLISHING: &str = r#"
onRecordBeforeCreate((e) => {
  const { topic, size } = JSON.parse(e.record.title);
  try { publish(topic, "x".repeat(size)); e.record.title = "published" }
  catch (error) { e.record.title = `${error.name} ${error.status}` }
}, { collection: "posts", stopOnError: true, timeout: 50 });
"#;

#[tokio::test(flavor = "multi_thread")]
async fn topics_with_line_breaks_and_oversized_messages_are_refused() {
    let server = start_with_script(PUBLISHING, |_| {}).await;
    let mut stream = server.listen("", &["fine", "a"]).await;
    for (topic, size, expected) in [
        ("a\r\nid: 1", 1, "ActError 400"),
        ("a\nb", 1, "ActError 400"),
        ("a\r", 1, "ActError 400"),
        (" ", 1, "ActError 400"),
        (&"t".repeat(2501), 1, "ActError 400"),
        ("fine", 256 << 10, "ActError 400"),
        // more than one act may have
        ("fine", 1 << 20, "RangeError undefined"),
        ("fine", 200 << 10, "published"),
    ] {
        let body = json!({ "title": json!({ "topic": topic, "size": size }).to_string() });
        assert_eq!(server.create("posts", body).await["title"], expected, "{topic:?} {size}");
    }
    server.mark().await;
    let told = stream.until_mark().await;
    let topics: Vec<&str> = told.iter().map(|event| event.topic.as_str()).collect();
    assert_eq!(topics, ["fine"]);
}

/// One that comes to an end, and one that never does.
const WRITING: &str = r#"
const more = (e) => records(e.collection).update(e.record.id, { title: e.record.title + "." });
onRecordAfterCreate(more, { collection: "notes" });
onRecordAfterUpdate((e) => {
  if (e.record.title.length < 5) more(e); else publish("done", e.record.title);
}, { collection: "notes" });
onRecordAfterCreate(more, { collection: "posts" });
onRecordAfterUpdate((e) => {
  records("posts").update(e.record.id, { title: String((Number(e.record.title) || 0) + 1) });
}, { collection: "posts" });
"#;

#[tokio::test(flavor = "multi_thread")]
async fn an_after_hook_that_writes_its_own_record_holds_up_nobody() {
    let mut server = start_with_script(WRITING, |_| {}).await;
    server.collection("others", &["title"], json!({})).await;
    let mut stream = server.listen("", &["done", "posts/*"]).await;
    server.create("notes", json!({ "title": "a" })).await;
    assert_eq!(stream.event().await.data, json!("a...."));
    server.create("posts", json!({ "title": "1" })).await;
    for number in 1..=20 {
        server.create("others", json!({ "title": number })).await;
        // it goes on and on, and is told each time
        stream.event().await;
    }
    server.stop().await;
}

const BROKEN: &str = r#"
onRecordAfterCreate(async (e) => {
  if (e.record.title === "rejected") await Promise.reject(new Error("on purpose"));
  if (e.record.title === "stray") Promise.reject(new Error("on purpose"));
  if (e.record.title === "large") { const all = []; for (;;) all.push(new Array(1000).fill(1)) }
  if (e.record.title === "endless") for (;;) {}
  publish("told", e.record.title);
}, { collection: "posts", instructions: 10_000_000, timeout: 50 });
"#;

#[tokio::test(flavor = "multi_thread")]
async fn an_after_hook_that_breaks_is_given_up_and_the_next_change_is_told() {
    let server = start_with_script(BROKEN, |config| {
        config.retry.tries = 2;
        config.retry.pause = std::time::Duration::from_millis(1);
        config.scripts.memory = 8 << 20;
    })
    .await;
    let mut stream = server.listen("", &["told"]).await;
    for title in ["rejected", "stray", "large", "endless", "last"] {
        server.create("posts", json!({ "title": title })).await;
    }
    // what is published before the call fails is heard with each try
    let mut heard = Vec::new();
    while heard.last() != Some(&json!("last")) {
        heard.push(stream.event().await.data);
    }
    assert_eq!(heard, ["stray", "stray", "last"].map(Json::from));
    let metrics = server.get_with("/metrics", &[]).await.body;
    assert!(metrics.contains("tidewire_after_hook_given_up_total{group=\"scripts\"} 4"), "{metrics}");
}
