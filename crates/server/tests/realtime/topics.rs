//! Which topics a change of a record reaches.

use crate::server::Server;
use serde_json::{Value as Json, json};

#[tokio::test]
async fn topics_match_to_the_byte() {
    let server = Server::start().await;
    let collection = server.collection("posts", &["title"], json!({})).await;
    let record = server.create("posts", json!({ "title": "a" })).await;
    let id = record["id"].as_str().unwrap();
    let cases = [
        ("posts", true),
        ("posts/*", true),
        ("posts/ID", true),
        ("COLLECTION", true),
        ("COLLECTION/*", true),
        ("COLLECTION/ID", true),
        ("posts/*?x=1", true),
        ("posts/*?options=notjson", true),
        ("posts?options=%7B%22query%22%3A%7B%7D%7D", true),
        ("posts/ID?options={}", true),
        ("posts/", false),
        ("posts/* ", false),
        ("posts/**", false),
        ("posts/*#x", false),
        ("POSTS/*", false),
        ("posts%2F*", false),
        ("posts/OTHER", false),
        (" posts", false),
        ("post", false),
        ("PB_CONNECT", false),
        ("nothing/*", false),
    ];
    let spell = |topic: &str| topic.replace("COLLECTION", &collection).replace("ID", id);
    let topics: Vec<String> = cases.iter().map(|(topic, _)| spell(topic)).collect();
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    let mut stream = server.listen("", &topics).await;
    server.update("posts", id, json!({ "title": "b" })).await;
    server.mark().await;
    let mut told: Vec<String> = stream.until_mark().await.into_iter().map(|event| event.topic).collect();
    let mut expected: Vec<String> =
        cases.iter().filter(|(_, matches)| *matches).map(|(topic, _)| spell(topic)).collect();
    told.sort();
    expected.sort();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_new_set_replaces_the_old_one() {
    let server = Server::start().await;
    server.collection("posts", &["title"], json!({})).await;
    let mut stream = server.connect().await;
    for (topics, expected) in [
        (&["posts/*"][..], "create x"),
        (&[], ""),
        (&["posts/*", "posts/*", ""], "create x"),
        (&["posts", "posts/*"], "create x, create x"),
        (&["other"], ""),
    ] {
        assert_eq!(server.subscribe(&stream, "", topics).await.status, 204);
        server.create("posts", json!({ "title": "x" })).await;
        server.mark().await;
        assert_eq!(stream.short_until_mark().await, expected, "{topics:?}");
    }
}

#[tokio::test]
async fn names_follow_their_collection() {
    let server = Server::start().await;
    let id = server.collection("posts", &["title"], json!({})).await;
    let by_id = format!("{id}/*");
    let mut stream = server.listen("", &["posts/*", "news/*", &by_id]).await;
    let rename =
        server.request("PATCH", "/api/collections/posts", &server.token, json!({"name": "news"}).to_string());
    assert_eq!(rename.await.status, 200);
    server.create("news", json!({ "title": "x" })).await;
    server.mark().await;
    let mut told: Vec<String> = stream.until_mark().await.into_iter().map(|event| event.topic).collect();
    told.sort();
    let mut expected = vec!["news/*".to_owned(), by_id];
    expected.sort();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn custom_topics_are_exact_strings() {
    let server = Server::start().await;
    server.collection("posts", &["title"], json!({})).await;
    let with_options = "jobs?options=%7B%7D";
    let mut stream =
        server.listen("", &["jobs/finished", "jobs", with_options, "a b", "posts/*", "posts/done"]).await;
    for topic in ["jobs/finished", "jobs/other", with_options, "a b", "JOBS", "posts/done"] {
        server.publish(topic, json!({ "h\u{e9}": [1, "two\n"] })).await;
    }
    server.mark().await;
    let told = stream.until_mark().await;
    let topics: Vec<&str> = told.iter().map(|event| event.topic.as_str()).collect();
    assert_eq!(topics, ["jobs/finished", with_options, "a b", "posts/done"]);
    assert!(
        told.iter().all(|event| event.data == json!({ "h\u{e9}": [1, "two\n"] }) && !event.id.is_empty())
    );
    for (topic, status) in
        [("posts/*", 400), ("posts/abcdefghijklmno", 400), ("a\nb", 400), ("", 400), ("fine", 200)]
    {
        let body = json!({ "topic": topic, "data": Json::Null });
        assert_eq!(server.post("/api/pubsub/publish", &server.token, body).await.status, status, "{topic:?}");
    }
    let (_, user) = server.user("ann").await;
    for (token, status) in [("", 401), (user.as_str(), 403)] {
        let answer = server.post("/api/pubsub/publish", token, json!({ "topic": "t" })).await;
        assert_eq!(answer.status, status, "{}", answer.body);
    }
}
