//! Topics whose messages are kept.

use crate::server::Server;
use crate::stream::{Event, Stream};
use serde_json::{Value as Json, json};
use tidewire_server::publish;
use tidewire_store::{Options, Store, StoreError};

async fn start(rule: Json) -> Server {
    let server = Server::start().await;
    server.collection("posts", &["title"], json!({})).await;
    set(&server, json!([rule])).await;
    server
}

async fn set(server: &Server, topics: Json) {
    let body = json!({ "topics": topics }).to_string();
    assert_eq!(server.request("PATCH", "/api/settings", &server.token, body).await.status, 200);
}

fn since(topic: &str, cursor: &str) -> String {
    format!("{topic}?options={}", json!({ "query": { "since": cursor } }))
}

async fn told(server: &Server, stream: &mut Stream, topics: &[&str]) -> Vec<Event> {
    assert_eq!(server.subscribe(stream, "", topics).await.status, 204);
    server.mark().await;
    stream.until_mark().await
}

/// Messages by their data, record events by their title, resets by their reason.
fn short(events: &[Event]) -> String {
    let one = |event: &Event| match event.topic.as_str() {
        "reset" => event.data["reason"].as_str().unwrap_or("?").to_owned(),
        _ => event.record()["title"].as_str().map_or_else(|| event.data.to_string(), str::to_owned),
    };
    events.iter().map(one).collect::<Vec<_>>().join(" ")
}

async fn publish(server: &Server, range: std::ops::RangeInclusive<u32>) {
    for number in range {
        server.publish("jobs/1", json!(number)).await;
    }
}

#[tokio::test]
async fn missed_messages_come_in_one_order_with_the_rest_also_after_a_restart() {
    let mut server = start(json!({ "prefix": "jobs/", "durable": true })).await;
    let mut stream = server.listen("", &["jobs/1"]).await;
    publish(&server, 1..=1).await;
    let cursor = stream.event().await.id;
    publish(&server, 2..=2).await;
    server.create("posts", json!({ "title": "a" })).await;
    publish(&server, 3..=3).await;
    server.publish("jobs/2", json!("other")).await;
    server.publish("free", json!("lost")).await;
    server.create("posts", json!({ "title": "b" })).await;
    for round in ["live", "restarted"] {
        for (last_event_id, topics, expected) in [
            (cursor.as_str(), vec!["jobs/1".to_owned()], "2 3"),
            (&cursor, vec!["jobs/1".to_owned(), "posts/*".to_owned()], "2 a 3 b"),
            (&cursor, vec!["jobs/2".to_owned()], "\"other\""),
            (&cursor, vec!["free".to_owned()], "not_kept"),
            ("", vec![since("jobs/1", &cursor)], "2 3"),
            ("", vec![since("jobs/1", &cursor), since("posts/*", &cursor)], "2 a 3 b"),
            ("", vec![since("jobs/1", "first")], "1 2 3"),
            ("", vec![since("jobs/1", "junk")], "invalid_cursor"),
            ("", vec![since("free", &cursor)], "not_kept"),
            ("", vec!["jobs/1".to_owned()], ""),
        ] {
            let mut stream = match last_event_id {
                "" => server.connect().await,
                id => server.connect_after(id).await,
            };
            let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
            let events = told(&server, &mut stream, &topics).await;
            assert_eq!(short(&events), expected, "{round} {topics:?}");
            let names: Vec<&str> = events.iter().map(|event| event.topic.as_str()).collect();
            assert!(names.iter().all(|name| *name == "reset" || topics.contains(name)), "{names:?}");
        }
        server.restart().await;
    }
}

#[tokio::test]
async fn a_topic_with_options_hears_what_is_published_on_its_path() {
    let server = start(json!({ "prefix": "jobs/", "durable": true })).await;
    let topic = since("jobs/1", "first");
    let mut stream = server.listen("", &[&topic]).await;
    publish(&server, 1..=2).await;
    server.mark().await;
    let events = stream.until_mark().await;
    assert_eq!((short(&events).as_str(), events[0].topic.as_str()), ("1 2", topic.as_str()));
}

#[tokio::test]
async fn whoever_comes_after_retention_is_told_and_gets_the_rest() {
    let server = start(json!({ "prefix": "jobs/", "durable": true, "maxMessages": 2 })).await;
    let mut stream = server.listen("", &["jobs/1"]).await;
    publish(&server, 1..=5).await;
    let mut cursors = Vec::new();
    for _ in 0..5 {
        cursors.push(stream.event().await.id);
    }
    for (cursor, expected) in [
        (cursors[0].as_str(), "retention 4 5"),
        (&cursors[1], "retention 4 5"),
        (&cursors[2], "4 5"),
        (&cursors[3], "5"),
        (&cursors[4], ""),
        ("first", "4 5"),
    ] {
        let mut stream = server.connect().await;
        let events = told(&server, &mut stream, &[&since("jobs/1", cursor)]).await;
        assert_eq!(short(&events), expected);
        if let Some(reset) = events.iter().find(|event| event.topic == "reset") {
            assert_eq!(reset.data["cursor"], json!(reset.id));
            let mut again = server.connect().await;
            let events = told(&server, &mut again, &[&since("jobs/1", &reset.id)]).await;
            assert_eq!(short(&events), "4 5", "what follows comes after it");
        }
    }
    set(&server, json!([])).await;
    let mut late = server.connect_after(&cursors[3]).await;
    assert_eq!(short(&told(&server, &mut late, &["jobs/1"]).await), "not_kept");
}

#[tokio::test]
async fn the_command_line_needs_no_server_for_messages_that_are_kept() {
    let mut server = start(json!({ "prefix": "jobs/", "durable": true })).await;
    let folder = server.config.dir.clone();
    server.stop().await;
    let published = tokio::task::spawn_blocking(move || {
        // the last handles on the old store may still be going
        let store = loop {
            match Store::open(&folder, Options::default(), Box::new(|_| {})) {
                Ok(store) => break store,
                Err(error) => assert_eq!(error, StoreError::Locked),
            }
        };
        let publish = |topic| publish::run_alone(&store, None, topic, &json!("alone")).is_ok();
        [publish("jobs/1"), publish("free"), publish("jobs/\n")]
    });
    assert_eq!(published.await.unwrap(), [true, false, false]);
    server.restart_stopped().await;
    let mut stream = server.connect().await;
    let events = told(&server, &mut stream, &[&since("jobs/1", "first")]).await;
    assert_eq!(short(&events), "\"alone\"");
}
