//! PocketBase's and BosBase's streams.

use crate::server::{MARK, Server};
use crate::stream::{Chunk, Stream};
use crate::told::{REALTIME, Told, on, same, without};
use serde_json::{Value as Json, json};
use std::time::Duration;
use tidewire_hooks::{Event, HookError};
use tidewire_server::config::Config;

async fn start_with(told: &Told, change: impl FnOnce(&mut Config)) -> Server {
    let server = Server::start_with(|config| {
        config.hooks = told.hooks.clone();
        change(config);
    })
    .await;
    server.collection("posts", &["title"], json!({})).await;
    server
}

async fn start(told: &Told) -> Server {
    start_with(told, |_| {}).await
}

#[tokio::test]
async fn a_stream_from_first_to_last() {
    let mut told = Told::of(&REALTIME);
    let server = start(&told).await;
    let (user, token) = server.user("a").await;
    let stream = Stream::open(server.address(), "User-Agent: test/1\r\n").await;
    let topic = r#"posts/*?options={"query":{"filter":"title='x'"},"headers":{"X-A":"b"}}"#;
    assert_eq!(server.subscribe(&stream, &token, &[topic, "posts/r1", "jobs/a b"]).await.status, 204);

    let guest = json!({ "user_id": null, "account_id": "default", "transport": "sse", "ip": "127.0.0.1" });
    let connect = told.next(Event::RealtimeConnect).await;
    assert_eq!(connect["connection_id"], stream.id);
    let mut expected = guest.clone();
    expected.as_object_mut().unwrap().extend(
        json!({ "user_agent": "test/1", "path": "/api/realtime", "token_type": null })
            .as_object()
            .unwrap()
            .clone(),
    );
    assert_eq!(without(connect.clone(), &["connection_id"]), expected);
    let mut all = vec![connect];
    for (text, collection, filter, options) in [
        (
            topic,
            json!("posts"),
            "title='x'",
            json!({ "query": { "filter": "title='x'" }, "headers": { "x_a": "b" } }),
        ),
        ("posts/r1", json!("posts"), "", json!({ "query": {}, "headers": {} })),
        ("jobs/a b", Json::Null, "", json!({ "query": {}, "headers": {} })),
        (MARK, Json::Null, "", json!({ "query": {}, "headers": {} })),
    ] {
        let fields = told.next(Event::RealtimeSubscribe).await;
        let expected = json!({
            "user_id": user, "account_id": "default", "transport": "sse", "ip": "127.0.0.1", "topic": text,
            "collection": collection, "operations": ["create", "update", "delete"], "filter": filter,
            "options": options,
        });
        assert_eq!(without(fields.clone(), &["connection_id"]), expected);
        all.push(fields);
    }
    // what stays is not asked about again
    assert_eq!(server.subscribe(&stream, &token, &["posts/r1", "posts/r2"]).await.status, 204);
    drop(stream);
    let mut last = Json::Null;
    let mut heard = Vec::new();
    while last.is_null() {
        let (event, fields) = told.any().await;
        heard.push(format!(
            "{} {}",
            event.name(),
            fields.get("topic").and_then(Json::as_str).unwrap_or_default()
        ));
        assert_eq!(
            (fields["user_id"].as_str(), fields.contains_key("collection")),
            (Some(&*user), event != Event::RealtimeDisconnect)
        );
        all.push(Json::Object(fields.clone()));
        if event == Event::RealtimeDisconnect {
            last = Json::Object(fields);
        }
    }
    let expected = [
        "realtime.subscribe posts/r2".to_owned(),
        format!("realtime.unsubscribe {topic}"),
        "realtime.unsubscribe jobs/a b".to_owned(),
        "realtime.unsubscribe posts/r1".to_owned(),
        format!("realtime.unsubscribe {MARK}"),
        "realtime.unsubscribe posts/r2".to_owned(),
        "realtime.disconnect ".to_owned(),
    ];
    assert_eq!(heard, expected);
    assert_eq!((&last["code"], &last["reason"]), (&json!(1001), &json!("the client is gone")));
    same("connection_id", &all);
    told.nothing();
}

#[tokio::test]
async fn who_becomes_somebody_is_asked_about_everything_anew() {
    let mut told =
        Told::of(&[Event::RealtimeSubscribe, Event::RealtimeUnsubscribe, Event::RealtimeDisconnect]);
    told.on(Event::RealtimeSubscribe, |e| {
        if e.fields["topic"] == "posts/*" && e.fields["user_id"].is_null() {
            e.fields.insert("filter".to_owned(), json!("title = 'public'"));
        }
        Ok(())
    });
    let server = start(&told).await;
    let (_, token) = server.user("a").await;
    let mut stream = server.listen("", &["posts/*"]).await;
    for title in ["private", "public"] {
        server.create("posts", json!({ "title": title })).await;
    }
    server.mark().await;
    assert_eq!(stream.short_until_mark().await, "create public");
    server.subscribe(&stream, &token, &["posts/*"]).await;
    server.create("posts", json!({ "title": "private" })).await;
    server.mark().await;
    assert_eq!(stream.short_until_mark().await, "create private");
    drop(stream);
    let topics = ["posts/*", MARK];
    let begin = topics.map(|topic| format!("subscribe {}", if topic == MARK { topic } else { "posts" }));
    let end = begin.clone().map(|line| line.replace("sub", "unsub"));
    let expected = [&begin[..], &begin[..], &end[..], &end[..], &["disconnect".to_owned()]].concat();
    assert_eq!(told.short().await, expected);
}

#[tokio::test]
async fn refusals_have_the_form_of_pocketbase() {
    for (outcome, status, message) in [
        (HookError::abort(451, "not \"you\""), 451, "Not \"you\"."),
        (HookError::abort(403, ""), 403, "You are not allowed to perform this request."),
        (HookError::abort(403, "a\r\nSet-Cookie: b"), 403, "A\r\nSet-Cookie: b."),
    ] {
        let mut told = Told::of(&REALTIME);
        on(&told.hooks, Event::RealtimeConnect, false, move |_, _| Err(outcome.clone()));
        let server = start(&told).await;
        let answer = server.get_with("/api/realtime", &[]).await;
        let expected = json!({ "data": {}, "message": message, "status": status });
        assert_eq!((answer.status, answer.json()), (status, expected));
        assert!(!answer.head.contains("Set-Cookie"), "{}", answer.head);
        told.next(Event::RealtimeConnect).await;
        drop(server);
        told.nothing();
    }
}

#[tokio::test]
async fn one_refused_topic_leaves_everything_as_it_was() {
    let mut told = Told::of(&[]);
    told.on(Event::RealtimeSubscribe, |e| {
        if e.fields["topic"] == "b" { Err(HookError::abort(409, "not b")) } else { Ok(()) }
    });
    let server = start(&told).await;
    let mut stream = server.listen("", &["a"]).await;
    let answer = server.subscribe(&stream, "", &["posts", "b", "c"]).await;
    let expected = json!({ "data": {}, "message": "Not b.", "status": 409 });
    assert_eq!((answer.status, answer.json()), (409, expected));
    server.create("posts", json!({ "title": "p" })).await;
    for topic in ["a", "b", "c"] {
        server.publish(topic, json!({ "record": { "title": topic }, "action": "said" })).await;
    }
    server.mark().await;
    assert_eq!(stream.short_until_mark().await, "said a");
    told.nothing();
}

#[tokio::test]
async fn topics_are_narrowed() {
    let told = Told::of(&[]);
    told.on(Event::RealtimeSubscribe, |e| {
        if let Some(change) = e.fields["options"]["headers"]["narrow"].as_str() {
            let change: Json = serde_json::from_str(change).unwrap();
            e.fields.extend(change.as_object().unwrap().clone());
        }
        Ok(())
    });
    let server = start(&told).await;
    server
        .collection(
            "others",
            &["title"],
            json!({ "fields": [{ "name": "shade", "type": "text", "hidden": true }] }),
        )
        .await;
    let narrow = |filter: &str, change: Json| {
        let options = json!({ "query": { "filter": filter }, "headers": { "narrow": change.to_string() } });
        format!("others/*?options={options}")
    };
    for (filter, change, heard) in [
        ("", json!({}), "create one, update two, delete two"),
        ("", json!({ "operations": ["create", "delete"] }), "create one, delete two"),
        ("title != 'x'", json!({ "operations": "update" }), "update two"),
        ("", json!({ "operations": [] }), ""),
        ("", json!({ "filter": "title = 'one'" }), "create one"),
        ("title = 'two'", json!({ "filter": "title = 'one'" }), ""),
        // what only makes sense behind another text does not get out
        ("title = 'x') || (title != ''", json!({ "filter": "title = 'one'" }), ""),
        // a hook may read what clients may not
        ("", json!({ "filter": "shade = 'dark'" }), "create one, update two, delete two"),
        ("shade = 'dark'", json!({}), ""),
        ("", json!({ "filter": "no filter" }), ""),
    ] {
        let mut stream = server.listen("", &[&narrow(filter, change.clone())]).await;
        let record = server.create("others", json!({ "title": "one", "shade": "dark" })).await;
        let id = record["id"].as_str().unwrap();
        server.update("others", id, json!({ "title": "two" })).await;
        server.delete("others", id).await;
        server.mark().await;
        assert_eq!(stream.short_until_mark().await, heard, "{filter} {change}");
    }
    let stream = server.connect().await;
    let answer = server.subscribe(&stream, "", &[&narrow("", json!({ "operations": 1 }))]).await;
    assert_eq!((answer.status, answer.json()["message"].as_str()), (500, Some("A hook failed.")));
}

#[tokio::test]
async fn the_server_says_why_it_ends_a_stream() {
    for (how, code, reason) in [("idle", 1000, "closed by the server"), ("stop", 1012, "the server stops")] {
        let mut told = Told::of(&[Event::RealtimeDisconnect]);
        let mut server = start_with(&told, |config| {
            if how == "idle" {
                config.realtime.idle = Duration::from_millis(50);
            }
        })
        .await;
        let mut stream = server.connect().await;
        if how == "stop" {
            server.stop().await;
        }
        assert_eq!(stream.chunk().await, Chunk::End);
        let last = told.next(Event::RealtimeDisconnect).await;
        assert_eq!((&last["code"], &last["reason"]), (&json!(code), &json!(reason)), "{how}");
    }
}

#[tokio::test]
async fn asking_for_the_head_alone_is_no_connection() {
    let mut told = Told::of(&REALTIME);
    let mut server = start(&told).await;
    assert_eq!(server.request("HEAD", "/api/realtime", "", String::new()).await.status, 200);
    server.stop().await;
    told.nothing();
}
