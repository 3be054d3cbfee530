//! BosBase's WebSocket `/api/pubsub`.

use crate::server::Server;
use crate::socket::Socket;
use serde_json::{Value as Json, json};
use std::time::Duration;

fn error(message: &str) -> Json {
    json!({ "type": "error", "requestId": "r", "message": message })
}

#[tokio::test]
async fn requests_are_answered_as_bosbase_answers_them() {
    let server = Server::start().await;
    server.collection("posts", &["title"], json!({})).await;
    let (_, user) = server.user("ann").await;
    let mut guest = Socket::connect(&server, "").await;
    assert!(guest.client_id.len() == 16 && guest.client_id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let mut signed_in = Socket::connect(&server, &user).await;
    let large = "x".repeat(256 << 10);
    let long = "x".repeat(2501);
    let bad = json!({ "type": "error", "message": "invalid message format" });
    for (message, expected) in [
        (json!({ "type": "ping", "requestId": "r" }), json!({ "type": "pong", "requestId": "r" })),
        (json!({ "type": " PING " }), json!({ "type": "pong" })),
        (json!({ "type": "subscribe", "topic": " t " }), json!({ "type": "subscribed" })),
        (
            json!({ "type": "unsubscribe", "topic": "none", "requestId": "r" }),
            json!({ "type": "unsubscribed", "requestId": "r" }),
        ),
        (json!({ "type": "subscribe", "topic": "  ", "requestId": "r" }), error("topic must be set")),
        (json!({ "type": "subscribe", "topic": "a\nb", "requestId": "r" }), error("topic is invalid")),
        (json!({ "type": "subscribe", "topic": long, "requestId": "r" }), error("topic is invalid")),
        (json!({ "type": "dance", "requestId": "r" }), error("unsupported pubsub message type")),
        (json!({ "requestId": "r" }), error("unsupported pubsub message type")),
        (json!({ "type": "ping", "requestId": 1 }), bad.clone()),
        (json!([1]), bad.clone()),
        (json!("ping"), bad.clone()),
    ] {
        assert_eq!(guest.ask(message.clone()).await, expected, "{message}");
    }
    guest.send("{\"type\":\"ping\"").await;
    assert_eq!(guest.json().await, bad);
    let publish = |topic: &str, data: Json| json!({ "type": "publish", "topic": topic, "data": data, "requestId": "r" });
    assert_eq!(guest.ask(publish("t", json!(1))).await, error("authentication required to publish"));
    for (topic, data, message) in [
        ("", json!(1), "topic must be set"),
        ("a\rb", json!(1), "topic is invalid"),
        (&long, json!(1), "topic is invalid"),
        ("posts/*", json!(1), "topic is reserved for record events"),
        ("PB_CONNECT", json!(1), "topic is reserved for record events"),
        ("@oauth2", json!(1), "topic is reserved for record events"),
        ("t", json!(large), "payload too large"),
    ] {
        assert_eq!(signed_in.ask(publish(topic, data)).await, error(message), "{topic:.20}");
    }
    assert_eq!(guest.heard().await, [Json::Null; 0], "nothing was published");
}

#[tokio::test]
async fn one_topic_has_two_kinds_of_subscribers() {
    let server = Server::start().await;
    server.collection("posts", &["title"], json!({})).await;
    let (_, user) = server.user("ann").await;
    let mut stream = server.listen("", &["jobs/1", "posts/*"]).await;
    let mut other = Socket::listen(&server, "", &["jobs/1", "jobs", "posts/*"]).await;
    let mut socket = Socket::listen(&server, &user, &["jobs/1"]).await;
    let data = json!({ "h\u{e9}": [1, "two\n"] });
    let ask = json!({ "type": "publish", "topic": "jobs/1", "data": data, "requestId": "r1" });
    let answer = socket.ask(ask).await;
    assert_eq!(
        (&answer["type"], &answer["requestId"], &answer["topic"]),
        (&json!("published"), &json!("r1"), &json!("jobs/1"))
    );
    let message = json!({
        "type": "message", "id": answer["id"], "topic": "jobs/1", "data": data, "created": answer["created"],
    });
    let created = answer["created"].as_str().unwrap();
    assert!(created.len() == 24 && created.ends_with('Z') && created.contains(' '), "{created}");
    // its own message comes after the answer
    assert_eq!(socket.heard().await, std::slice::from_ref(&message));
    assert_eq!(other.heard().await, [message]);
    // data may be left out; record events are for streams only
    socket.send_json(json!({ "type": "publish", "topic": "jobs/1" })).await;
    server.create("posts", json!({ "title": "a" })).await;
    server.publish("jobs/1", json!({ "by": "rest" })).await;
    server.publish("jobs/2", json!(1)).await;
    server.mark().await;
    let told: Vec<(String, Json)> =
        stream.until_mark().await.into_iter().map(|event| (event.topic.clone(), event.data)).collect();
    assert_eq!(told.len(), 4, "{told:?}");
    assert_eq!(told[0], ("jobs/1".to_owned(), data));
    let of_jobs: Vec<&Json> =
        told.iter().filter(|(topic, _)| topic == "jobs/1").map(|(_, data)| data).collect();
    assert_eq!(of_jobs[1..], [&Json::Null, &json!({ "by": "rest" })]);
    let heard: Vec<Json> = other.heard().await.iter().map(|frame| frame["data"].clone()).collect();
    assert_eq!(heard, [Json::Null, json!({ "by": "rest" })]);
}

#[tokio::test]
async fn a_publisher_gets_each_answer_before_its_message() {
    let server = Server::start().await;
    let mut socket = Socket::listen(&server, &server.token, &["t"]).await;
    for number in 0..100 {
        socket.send_json(json!({ "type": "publish", "topic": "t", "data": number })).await;
    }
    let frames = socket.heard().await;
    assert_eq!(frames.len(), 200);
    for pair in 0..100 {
        let place = |kind: &str| {
            let of = |frame: &&Json| frame["type"] == kind;
            frames.iter().filter(of).nth(pair).map(|frame| frame["id"].clone()).unwrap()
        };
        let (answer, message) = (place("published"), place("message"));
        assert_eq!(answer, message);
        let at = |kind: &str| {
            frames.iter().position(|frame| frame["type"] == kind && frame["id"] == answer).unwrap()
        };
        assert!(at("published") < at("message"));
    }
}

#[tokio::test]
async fn subscriptions_end_when_they_are_taken_back() {
    let server = Server::start().await;
    let mut socket = Socket::listen(&server, "", &["a", "b", "c", "a"]).await;
    for (message, expected) in [
        (json!({ "type": "ping" }), "a b c"),
        (json!({ "type": "unsubscribe", "topic": "b" }), "a c"),
        (json!({ "type": "unsubscribe" }), ""),
        (json!({ "type": "subscribe", "topic": "b" }), "b"),
    ] {
        socket.ask(message).await;
        for topic in ["a", "b", "c"] {
            server.publish(topic, Json::Null).await;
        }
        server.mark().await;
        let heard: Vec<Json> = socket.heard().await.iter().map(|frame| frame["topic"].clone()).collect();
        assert_eq!(heard.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(" "), expected);
    }
}

#[tokio::test]
async fn tokens_come_by_header_query_or_cookie() {
    let server = Server::start_with(|config| config.origins = vec!["https://good.example".to_owned()]).await;
    let (_, user) = server.user("ann").await;
    let cookie = format!("Cookie: pb_auth=%7B%22token%22%3A%22{user}%22%7D\r\n");
    let publish = json!({ "type": "publish", "topic": "t", "data": 1 });
    for (target, headers, works) in [
        ("/api/pubsub".to_owned(), format!("Authorization: Bearer {user}\r\n"), true),
        (format!("/api/pubsub?token={user}"), String::new(), true),
        ("/api/pubsub".to_owned(), cookie.clone(), true),
        ("/api/pubsub".to_owned(), format!("{cookie}Origin: https://good.example\r\n"), true),
        ("/api/pubsub?token=wrong".to_owned(), String::new(), false),
        ("/api/pubsub".to_owned(), String::new(), false),
    ] {
        let mut socket = Socket::open(&server, &target, &headers).await;
        let answer = socket.ask(publish.clone()).await;
        assert_eq!(answer["type"] == "published", works, "{target} {headers}: {answer}");
    }
    let foreign = format!("{cookie}Origin: https://bad.example\r\n");
    let refused = Socket::shake(&server, "/api/pubsub", &foreign).await;
    assert!(refused.head.starts_with("HTTP/1.1 403 "), "{}", refused.head);
    let plain = server.request("GET", "/api/pubsub", "", String::new()).await;
    assert_eq!(plain.status, 426);
}

#[tokio::test]
async fn a_socket_has_its_limits() {
    let server = Server::start_with(|config| config.websocket.ping = Duration::from_millis(50)).await;
    let mut quiet = Socket::connect(&server, "").await;
    let (first, _) = quiet.frame().await.unwrap();
    assert_eq!(first, 0x89, "a ping keeps it alive");
    let server = Server::start().await;
    let mut many = Socket::connect(&server, "").await;
    for number in 0..1000 {
        many.send_json(json!({ "type": "subscribe", "topic": number.to_string() })).await;
        assert_eq!(many.json().await["type"], "subscribed");
    }
    let more = many.ask(json!({ "type": "subscribe", "topic": "more", "requestId": "r" })).await;
    assert_eq!(more, error("too many topics"));
    many.send(&"x".repeat((1 << 20) + 1)).await;
    let (first, payload) = many.frame().await.unwrap();
    assert_eq!((first, u16::from_be_bytes([payload[0], payload[1]])), (0x88, 1009));
}
