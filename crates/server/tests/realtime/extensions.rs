//! What PocketBase lacks: resuming, resets, snapshots, leaving.

use crate::server::Server;
use crate::stream::{Event, Stream};
use serde_json::{Value as Json, json};

fn with(topic: &str, query: Json) -> String {
    format!("{topic}?options={}", json!({ "query": query }))
}

/// Titles 1, 2, 3 … are created one by one.
async fn posts() -> Server {
    let server = Server::start().await;
    server.collection("posts", &["title"], json!({})).await;
    server
}

async fn create(server: &Server, titles: &[&str]) {
    for title in titles {
        server.create("posts", json!({ "title": title })).await;
    }
}

/// The `id:` of an event with this title.
async fn cursor_of(server: &Server, title: &str) -> String {
    let mut stream = server.listen("", &["posts/*"]).await;
    create(server, &[title]).await;
    stream.event().await.id
}

async fn told(server: &Server, stream: &mut Stream, token: &str, topics: &[&str]) -> Vec<Event> {
    assert_eq!(server.subscribe(stream, token, topics).await.status, 204);
    server.mark().await;
    stream.until_mark().await
}

fn short(events: &[Event]) -> String {
    events.iter().map(Event::short).collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn missed_changes_are_replayed_once_and_in_order() {
    let server = posts().await;
    let cursor = cursor_of(&server, "1").await;
    let two = server.create("posts", json!({ "title": "2" })).await;
    server.update("posts", two["id"].as_str().unwrap(), json!({ "title": "3" })).await;
    server.delete("posts", two["id"].as_str().unwrap()).await;
    let filter = json!({ "filter": "title != '2'", "since": cursor });
    let missed = "create 2, update 3, delete 3";
    for (last_event_id, topic, expected) in [
        (cursor.as_str(), "posts/*".to_owned(), missed),
        ("", with("posts/*", json!({ "since": cursor })), missed),
        ("", with("posts", json!({ "since": cursor })), missed),
        ("", with("posts/*", filter), "update 3, delete 3"),
        ("", "posts/*".to_owned(), ""),
    ] {
        let mut stream = match last_event_id {
            "" => server.connect().await,
            id => server.connect_after(id).await,
        };
        let events = told(&server, &mut stream, "", &[&topic]).await;
        assert_eq!(short(&events), expected, "{topic}");
        assert!(events.iter().all(|event| event.topic == topic));
        // what was set already is not replayed again
        assert_eq!(told(&server, &mut stream, "", &[&topic]).await, [], "{topic}");
    }
}

#[tokio::test]
async fn a_client_that_heard_only_its_greeting_misses_nothing() {
    let server = posts().await;
    let first = server.listen("", &["posts/*"]).await;
    let id = first.id.clone();
    drop(first);
    create(&server, &["1"]).await;
    let mut second = server.connect_after(&id).await;
    assert_eq!(short(&told(&server, &mut second, "", &["posts/*"]).await), "create 1");
}

#[tokio::test]
async fn what_cannot_be_replayed_is_told() {
    let server = posts().await;
    let foreign = Server::start().await;
    foreign.collection("posts", &["title"], json!({})).await;
    let foreign = cursor_of(&foreign, "x").await;
    let since = |cursor: &str| with("posts/*", json!({ "since": cursor }));
    for (last_event_id, topic) in [
        ("junk", "posts/*".to_owned()),
        ("", since("junk")),
        ("", since(&foreign)),
        (&foreign, "posts/*".to_owned()),
    ] {
        let mut stream = match last_event_id {
            "" => server.connect().await,
            id => server.connect_after(id).await,
        };
        let events = told(&server, &mut stream, "", &[&topic]).await;
        let [reset] = &events[..] else { panic!("{events:?}") };
        assert_eq!(reset.topic, "reset");
        assert_eq!((&reset.data["topic"], &reset.data["reason"]), (&json!(topic), &json!("invalid_cursor")));
        assert_eq!(reset.data["cursor"], json!(reset.id));
        // from there on it can be resumed
        create(&server, &["next"]).await;
        assert_eq!(stream.event().await.short(), "create next");
        let mut again = server.connect_after(&reset.id).await;
        assert_eq!(short(&told(&server, &mut again, "", &["posts/*"]).await), "create next");
    }
}

#[tokio::test]
async fn positions_outlive_a_restart() {
    let mut server = posts().await;
    let cursor = cursor_of(&server, "1").await;
    create(&server, &["2"]).await;
    server.restart().await;
    create(&server, &["3"]).await;
    let mut stream = server.connect_after(&cursor).await;
    assert_eq!(short(&told(&server, &mut stream, "", &["posts/*"]).await), "create 2, create 3");
}

#[tokio::test]
async fn replays_obey_the_rules() {
    let server = Server::start().await;
    server.collection("posts", &["title"], json!({ "listRule": "title = @request.auth.name" })).await;
    let ann = server.user("ann").await;
    let mut root = server.listen(&server.token, &["posts/*"]).await;
    create(&server, &["first", "ann", "bob"]).await;
    let cursor = root.event().await.id;
    for (token, expected) in
        [("", ""), (ann.1.as_str(), "create ann"), (&server.token, "create ann, create bob")]
    {
        let mut stream = server.connect_after(&cursor).await;
        assert_eq!(short(&told(&server, &mut stream, token, &["posts/*"]).await), expected);
    }
}

#[tokio::test]
async fn a_snapshot_comes_first_then_it_is_live() {
    let server = posts().await;
    let one = server.create("posts", json!({ "title": "1" })).await;
    create(&server, &["2"]).await;
    let record = format!("posts/{}", one["id"].as_str().unwrap());
    for (topic, query, expected) in [
        ("posts/*", json!({ "snapshot": 1 }), "snapshot 1, snapshot 2, live"),
        ("posts", json!({ "snapshot": "1", "filter": "title = '2'" }), "snapshot 2, live"),
        ("posts/*", json!({ "snapshot": true, "fields": "title" }), "snapshot 1, snapshot 2, live"),
        (&record, json!({ "snapshot": "1" }), "snapshot 1, live"),
        ("posts/nothing", json!({ "snapshot": "1" }), "live"),
        ("_superusers/*", json!({ "snapshot": "1" }), "live"),
        ("posts/*", json!({ "snapshot": "0" }), ""),
    ] {
        let topic = with(topic, query);
        let mut stream = server.connect().await;
        let events = told(&server, &mut stream, "", &[&topic]).await;
        assert_eq!(short(&events), expected, "{topic}");
        assert!(events.iter().all(|event| event.topic == topic));
        let Some((live, records)) = events.split_last() else { continue };
        assert_eq!(live.data, json!({ "action": "live", "cursor": live.id }));
        // a part of a snapshot is no place to go on from
        assert!(records.iter().all(|event| event.id.is_empty()));
        let mut again = server.connect_after(&live.id).await;
        assert_eq!(told(&server, &mut again, "", &["posts/*"]).await, []);
    }
}

#[tokio::test]
async fn a_snapshot_that_is_too_large_is_refused_plainly() {
    for bounds in [(10, 1 << 20), (10_000, 4096)] {
        let server = Server::start_with(|config| config.realtime.snapshot = bounds).await;
        server.collection("posts", &["title"], json!({})).await;
        for _ in 0..11 {
            server.create("posts", json!({ "title": "x".repeat(400) })).await;
        }
        let topic = with("posts/*", json!({ "snapshot": "1" }));
        let mut stream = server.connect().await;
        let events = told(&server, &mut stream, "", &[&topic]).await;
        let [reset] = &events[..] else { panic!("{bounds:?}: {} events", events.len()) };
        assert_eq!((reset.topic.as_str(), &reset.data["reason"]), ("reset", &json!("snapshot_too_large")));
        create(&server, &["next"]).await;
        assert_eq!(stream.event().await.short(), "create next");
    }
}

#[tokio::test]
async fn snapshots_and_changes_neither_overlap_nor_leave_a_gap() {
    let server = posts().await;
    server.collection("other", &["title"], json!({})).await;
    let topic = with("posts/*", json!({ "snapshot": "1" }));
    let numbers: Vec<String> = (0..60).map(|number| number.to_string()).collect();
    let writing = async {
        for number in &numbers {
            create(&server, &[number]).await;
            // a change that a snapshot does not read may come between it and whoever shares it
            server.create("other", json!({ "title": number })).await;
        }
    };
    // one after the other, and many at once
    let listening = async {
        let mut streams = Vec::new();
        let topics = [topic.as_str()];
        let listen = || server.listen("", &topics);
        for _ in 0..5 {
            streams.push(listen().await);
            streams.extend(<[Stream; 4]>::from(tokio::join!(listen(), listen(), listen(), listen())));
        }
        streams
    };
    let ((), streams) = tokio::join!(writing, listening);
    server.mark().await;
    for mut stream in streams {
        let events = stream.until_mark().await;
        let mut titles: Vec<&str> =
            events.iter().filter_map(|event| event.record()["title"].as_str()).collect();
        titles.sort_by_key(|title| title.parse::<u32>().unwrap());
        assert_eq!(titles, numbers);
    }
}

#[tokio::test]
async fn a_snapshot_that_is_shared_has_what_was_written_before() {
    let server = posts().await;
    let topic = with("posts/*", json!({ "snapshot": "1" }));
    let mut expected = Vec::new();
    for number in 0..5 {
        let title = number.to_string();
        create(&server, &[&title]).await;
        expected.push(format!("snapshot {title}"));
        for _ in 0..3 {
            let mut stream = server.connect().await;
            let events = told(&server, &mut stream, "", &[&topic]).await;
            assert_eq!(short(&events), format!("{}, live", expected.join(", ")));
        }
    }
}

#[tokio::test]
async fn a_shared_snapshot_shows_each_reader_what_it_may_see() {
    let server = Server::start().await;
    server.collection("posts", &["title"], json!({ "listRule": "title = @request.auth.name" })).await;
    let (ann, bob) = (server.user("ann").await, server.user("bob").await);
    create(&server, &["first", "ann", "bob"]).await;
    let topic = with("posts/*", json!({ "snapshot": "1" }));
    for (token, expected) in [
        ("", "live"),
        (ann.1.as_str(), "snapshot ann, live"),
        (bob.1.as_str(), "snapshot bob, live"),
        (&server.token, "snapshot first, snapshot ann, snapshot bob, live"),
        (ann.1.as_str(), "snapshot ann, live"),
    ] {
        let mut stream = server.connect().await;
        assert_eq!(short(&told(&server, &mut stream, token, &[&topic]).await), expected);
    }
}

#[tokio::test]
async fn leaving_is_told_to_those_who_ask() {
    let server = Server::start().await;
    let collection = server.collection("posts", &["title"], json!({ "listRule": "title != 'hidden'" })).await;
    let filter = "title = 'a'";
    let told = with("posts/*", json!({ "filter": filter, "leave": "1" }));
    let untold = with("posts/*", json!({ "filter": filter }));
    let by_rule = with("posts/*", json!({ "leave": "1" }));
    let topics = [told.as_str(), untold.as_str(), by_rule.as_str()];
    let mut stream = server.listen("", &topics).await;
    let record = server.create("posts", json!({ "title": "a" })).await;
    let id = record["id"].as_str().unwrap();
    for title in ["b", "c", "a", "hidden", "hidden", "a"] {
        server.update("posts", id, json!({ "title": title })).await;
    }
    server.mark().await;
    let events = stream.until_mark().await;
    let of = |topic: &str| {
        let actions = events.iter().filter(|event| event.topic == topic).map(Event::action);
        actions.collect::<Vec<_>>().join(", ")
    };
    assert_eq!(of(&told), "create, leave, update, leave, update");
    assert_eq!(of(&untold), "create, update, update");
    assert_eq!(of(&by_rule), "create, update, update, update, leave, update");
    let left = events.iter().find(|event| event.action() == "leave").unwrap();
    assert_eq!(left.record(), &json!({ "collectionId": collection, "collectionName": "posts", "id": id }));
}

#[tokio::test]
async fn a_stalled_client_misses_nothing_when_it_reads_again() {
    let server = Server::start_with(|config| config.realtime.outbox = 16 * 1024).await;
    server
        .collection(
            "posts",
            &["title"],
            json!({ "fields": [{ "name": "text", "type": "text", "max": 100_000 }] }),
        )
        .await;
    let mut stream = server.listen("", &["posts/*"]).await;
    let text = "x".repeat(50_000);
    let numbers: Vec<String> = (0..150).map(|number| number.to_string()).collect();
    for number in &numbers {
        server.create("posts", json!({ "title": number, "text": text })).await;
    }
    let mut titles = Vec::new();
    while titles.len() < numbers.len() {
        titles.push(stream.event().await.record()["title"].as_str().unwrap().to_owned());
    }
    assert_eq!(titles, numbers);
}

#[tokio::test]
async fn changes_of_a_deleted_collection_are_not_replayed_to_its_namesake() {
    let server = posts().await;
    let cursor = cursor_of(&server, "before").await;
    create(&server, &["old"]).await;
    let path = "/api/collections/posts";
    let answer = server.request("DELETE", path, &server.token, String::new()).await;
    assert_eq!(answer.status, 204);
    server.collection("posts", &["title"], json!({})).await;
    create(&server, &["new"]).await;
    let mut stream = server.connect_after(&cursor).await;
    assert_eq!(short(&told(&server, &mut stream, "", &["posts/*"]).await), "create new");
}
