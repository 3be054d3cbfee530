//! What an event says of its record.

use crate::server::Server;
use crate::stream::Event;
use serde_json::{Value as Json, json};

/// The option string of a topic, as SDKs write it.
fn with(topic: &str, query: Json) -> String {
    format!("{topic}?options={}", json!({ "query": query }))
}

#[tokio::test]
async fn a_frame_is_equal_to_the_byte() {
    let server = Server::start().await;
    let id = server
        .collection("posts", &["title"], json!({ "fields": [{ "name": "n", "type": "number" }] }))
        .await;
    let mut stream = server.listen("", &["posts/*?x=y"]).await;
    let body = json!({ "id": "abcdefghijklmno", "title": "h\u{e9}llo <b>&\u{2028}\u{85}", "n": 2.50 });
    server.create("posts", body).await;
    let event = stream.event().await.raw;
    let data = format!(
        r#"{{"record":{{"collectionId":"{id}","collectionName":"posts","id":"abcdefghijklmno","n":2.5,"title":"h\u00e9llo <b>&\u2028\u0085"}},"action":"create"}}"#
    );
    let (head, tail) = event.split_once('\n').unwrap();
    assert!(head.starts_with("id:") && head.len() > 20, "{head}");
    assert_eq!(tail, format!("event:posts/*?x=y\ndata:{data}\n\n"));
}

#[tokio::test]
async fn events_show_what_the_api_shows() {
    let server = Server::start().await;
    let more = json!({ "fields": [
        { "name": "secret", "type": "text", "hidden": true },
        { "name": "meta", "type": "json" },
        { "name": "created", "type": "autodate", "onCreate": true },
    ]});
    server.collection("posts", &["title"], more).await;
    let mut guest = server.listen("", &["posts/*"]).await;
    let mut root = server.listen(&server.token, &["posts/*"]).await;
    let shown =
        server.create("posts", json!({ "title": "a", "secret": "s", "meta": { "b": 1, "a": [2.5] } })).await;
    assert_eq!(root.event().await.record(), &shown);
    let mut public = shown.clone();
    public.as_object_mut().unwrap().remove("secret");
    assert_eq!(guest.event().await.record(), &public);
    let path = format!("/api/collections/posts/records/{}", shown["id"].as_str().unwrap());
    assert_eq!(server.request("GET", &path, "", String::new()).await.json(), public);
    server.delete("posts", shown["id"].as_str().unwrap()).await;
    assert_eq!(guest.event().await.data, json!({ "action": "delete", "record": public }));
}

#[tokio::test]
async fn addresses_are_shown_to_those_who_may_see_them() {
    let server = Server::start().await;
    let open = json!({ "listRule": "", "viewRule": "" }).to_string();
    assert_eq!(server.request("PATCH", "/api/collections/users", &server.token, open).await.status, 200);
    let ann = server.user("ann").await;
    let bob = server.user("bob").await;
    let mut streams = [
        ("ann", server.listen(&ann.1, &["users/*"]).await, true),
        ("bob", server.listen(&bob.1, &["users/*"]).await, false),
        ("guest", server.listen("", &["users/*"]).await, false),
        ("root", server.listen(&server.token, &["users/*"]).await, true),
    ];
    server.update("users", &ann.0, json!({ "name": "Ann" })).await;
    server.update("users", &ann.0, json!({ "emailVisibility": true })).await;
    for (who, stream, sees) in &mut streams {
        let (hidden, visible) = (stream.event().await, stream.event().await);
        assert_eq!(hidden.record().get("email").is_some(), *sees, "{who}");
        assert_eq!(visible.record()["email"], "ann@example.com", "{who}");
        let keys = |event: &Event| event.record().as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert!(!keys(&visible).iter().any(|key| key == "password" || key == "tokenKey"), "{who}");
    }
}

#[tokio::test]
async fn fields_and_expand_shape_the_record() {
    let server = Server::start().await;
    let tags = server.collection("tags", &["title"], json!({})).await;
    let private = server.collection("drafts", &["title"], json!({ "viewRule": "id = ''" })).await;
    let relation = |name: &str, id: &str, max: u32| json!({ "name": name, "type": "relation", "collectionId": id, "maxSelect": max });
    let fields =
        json!([relation("tag", &tags, 1), relation("tags", &tags, 5), relation("draft", &private, 1)]);
    server.collection("posts", &["title"], json!({ "fields": fields })).await;
    let tag = server.create("tags", json!({ "title": "t" })).await["id"].as_str().unwrap().to_owned();
    let draft = server.create("drafts", json!({ "title": "d" })).await["id"].as_str().unwrap().to_owned();
    let cases = [
        (json!({ "fields": "id,title" }), "/title", json!("x")),
        (json!({ "fields": "title" }), "", json!({ "title": "x" })),
        (json!({ "fields": "nothing" }), "", json!({})),
        (json!({ "fields": "title:excerpt(2,true)" }), "", json!({ "title": "x" })),
        (json!({ "expand": "tag" }), "/expand/tag/title", json!("t")),
        (json!({ "expand": "tags" }), "/expand/tags/0/title", json!("t")),
        (
            json!({ "expand": "tag", "fields": "expand.tag.title" }),
            "",
            json!({ "expand": { "tag": { "title": "t" } } }),
        ),
        (json!({ "expand": "draft" }), "/expand", json!({})),
        (json!({ "expand": "nothing" }), "/expand", Json::Null),
    ];
    let topics: Vec<String> = cases.iter().map(|(query, ..)| with("posts/*", query.clone())).collect();
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    let mut stream = server.listen("", &topics).await;
    server.create("posts", json!({ "title": "x", "tag": tag, "tags": [tag], "draft": draft })).await;
    server.mark().await;
    let told = stream.until_mark().await;
    assert_eq!(told.len(), cases.len());
    for ((query, pointer, expected), topic) in cases.iter().zip(&topics) {
        let event = told.iter().find(|event| event.topic == *topic).unwrap();
        let found = event.record().pointer(pointer).unwrap_or(&Json::Null);
        assert_eq!(found, expected, "{query}: {}", event.raw);
    }
}

#[tokio::test]
async fn changes_come_in_the_order_of_their_commits() {
    let server = Server::start().await;
    let tags = server.collection("tags", &["title"], json!({})).await;
    let relation =
        json!({ "fields": [{ "name": "tag", "type": "relation", "collectionId": tags, "maxSelect": 1 }] });
    server.collection("posts", &["title"], relation).await;
    // one topic that needs the store for its frame or its decision does not let others overtake it
    let topics = [
        "posts/*".to_owned(),
        with("posts/*", json!({ "expand": "tag" })),
        with("posts/*", json!({ "filter": "tag.title = ''" })),
    ];
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    let mut stream = server.listen("", &topics).await;
    let writes = (0..4).map(|writer| {
        let server = &server;
        async move {
            for number in 0..10 {
                server.create("posts", json!({ "title": format!("{writer}-{number}") })).await;
            }
        }
    });
    let writes: Vec<_> = writes.collect();
    for write in writes {
        write.await;
    }
    server.mark().await;
    let told = stream.until_mark().await;
    let titles = |topic: &str| -> Vec<String> {
        let of_topic = told.iter().filter(|event| event.topic == topic);
        of_topic.map(|event| event.record()["title"].as_str().unwrap().to_owned()).collect()
    };
    let expected: Vec<String> =
        (0..4).flat_map(|writer| (0..10).map(move |number| format!("{writer}-{number}"))).collect();
    for topic in &topics {
        assert_eq!(titles(topic), expected, "{topic}");
    }
    let firsts: Vec<&str> =
        told.chunks(3).map(|chunk| chunk[0].record()["title"].as_str().unwrap()).collect();
    assert!(
        told.chunks(3)
            .zip(firsts)
            .all(|(chunk, first)| chunk.iter().all(|event| event.record()["title"] == first))
    );
}
