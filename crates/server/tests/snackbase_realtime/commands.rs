//! What a client says, and what it is answered.

use crate::server::Server;
use crate::websocket::{Frame, Socket};
use serde_json::json;

const SUBSCRIBED: &str = r#"{"type":"subscribed","status":"subscribed","collection":"posts"}"#;
const UNSUBSCRIBED: &str = r#"{"type":"unsubscribed","status":"unsubscribed","collection":"posts"}"#;
const MISSING: &str = r#"{"error":"Missing collection"}"#;
const INVALID_JSON: &str = r#"{"error":"Invalid JSON"}"#;
const INVALID_OPERATIONS: &str = r#"{"error":"Invalid operations"}"#;
const PONG: &str = r#"{"type":"pong"}"#;

#[tokio::test]
async fn messages_are_answered_one_by_one() {
    let server = Server::start().await;
    let (_, token) = server.user("a").await;
    let mut socket = Socket::connect(&server, &token).await;
    for (message, answer) in [
        (r#"{"action":"ping","id":1}"#, PONG),
        (r#"{"action":"subscribe","collection":"posts"}"#, SUBSCRIBED),
        (r#"{"action":"subscribe","collection":"posts","operations":["create"]}"#, SUBSCRIBED),
        (r#"{"action":"subscribe","collection":"posts","operations":["upsert"]}"#, SUBSCRIBED),
        (r#"{"action":"subscribe","collection":"posts","operations":[]}"#, SUBSCRIBED),
        (r#"{"action":"subscribe","collection":"posts","operations":null}"#, SUBSCRIBED),
        (r#"{"action":"subscribe","collection":"posts","operations":"create"}"#, SUBSCRIBED),
        (r#"{"action":"subscribe","collection":"posts","operations":["create",{}]}"#, INVALID_OPERATIONS),
        (r#"{"action":"subscribe","collection":"posts","operations":1}"#, INVALID_OPERATIONS),
        (r#"{"action":"subscribe"}"#, MISSING),
        (r#"{"action":"subscribe","collection":""}"#, MISSING),
        (r#"{"action":"subscribe","collection":null}"#, MISSING),
        (r#"{"action":"subscribe","collection":3}"#, MISSING),
        (r#"{"action":"subscribe","collection":{}}"#, MISSING),
        (r#"{"action":"subscribe","operations":1}"#, MISSING),
        (r#"{"action":"unsubscribe","collection":"posts"}"#, UNSUBSCRIBED),
        (r#"{"action":"unsubscribe","collection":"posts"}"#, UNSUBSCRIBED),
        (
            r#"{"action":"unsubscribe"}"#,
            r#"{"type":"unsubscribed","status":"unsubscribed","collection":null}"#,
        ),
        (
            r#"{"action":"subscribe","collection":"h\u00e9\"llo"}"#,
            "{\"type\":\"subscribed\",\"status\":\"subscribed\",\"collection\":\"h\u{e9}\\\"llo\"}",
        ),
        (r#"{"action":"subscribe","collection":"posts","filter":1}"#, r#"{"error":"Invalid filter"}"#),
        (r#"{"action":"bogus"}"#, ""),
        (r#"{"action":"PING"}"#, ""),
        (r#"{"type":"ping"}"#, ""),
        ("{}", ""),
        ("[1]", ""),
        ("null", ""),
        ("123", ""),
        ("\"s\"", ""),
        ("not json", INVALID_JSON),
        ("", INVALID_JSON),
        ("{} {}", INVALID_JSON),
        ("\u{feff}{}", INVALID_JSON),
        (&"[".repeat(60_000), INVALID_JSON),
    ] {
        socket.send(message).await;
        if !answer.is_empty() {
            let start = &message[..message.len().min(80)];
            assert_eq!(socket.frame().await, Frame::Text(answer.to_owned()), "{start}");
        }
        socket.send(r#"{"action":"ping"}"#).await;
        assert_eq!(socket.frame().await, Frame::Text(PONG.to_owned()), "after {message:.80}");
    }
}

#[tokio::test]
async fn a_hundred_collections_are_the_limit() {
    let server = Server::start().await;
    let (_, token) = server.user("a").await;
    let mut socket = Socket::connect(&server, &token).await;
    for n in 0..100 {
        socket.subscribe(json!({ "collection": format!("c{n}") })).await;
    }
    let too_many = json!({ "error": "Max subscriptions reached (100)" });
    // the limit is told before wrong operations, and after a missing collection
    for (message, answer) in [
        (json!({ "action": "subscribe", "collection": "c100" }), &too_many),
        (json!({ "action": "subscribe", "collection": "c100", "operations": 1 }), &too_many),
        (json!({ "action": "subscribe" }), &json!({ "error": "Missing collection" })),
    ] {
        socket.send_json(message).await;
        assert_eq!(socket.frame().await.json(), *answer);
    }
    socket.subscribe(json!({ "collection": "c7", "operations": ["create"] })).await;
    socket.send_json(json!({ "action": "unsubscribe", "collection": "c7" })).await;
    assert_eq!(socket.frame().await.json()["type"], "unsubscribed");
    socket.subscribe(json!({ "collection": "c100" })).await;
}

#[tokio::test]
async fn frames_of_every_kind_are_understood_or_refused() {
    let server = Server::start().await;
    let (_, token) = server.user("a").await;
    let ping = br#"{"action":"ping"}"#;
    let mut socket = Socket::connect(&server, &token).await;
    socket.send_frame(0x82, ping).await;
    assert_eq!(socket.frame().await, Frame::Text(PONG.to_owned()), "text in a binary frame");
    socket.send_frame(0x01, &ping[..5]).await;
    socket.send_frame(0x89, b"between").await;
    socket.send_frame(0x80, &ping[5..]).await;
    assert_eq!(socket.frame().await, Frame::Pong(b"between".to_vec()));
    assert_eq!(socket.frame().await, Frame::Text(PONG.to_owned()), "in two fragments");

    let large = vec![b' '; 70_000];
    for (first, payload, code, reason) in [
        (0x82, &b"\xff\xfe"[..], 1003, ""),
        (0x81, b"\xff\xfe", 1007, "invalid UTF-8"),
        (0x83, b"", 1002, "invalid opcode"),
        (0x81, &large, 1009, "frame exceeds limit of 65536 bytes"),
        (0x88, b"\x03\xe8bye", 1000, ""),
        (0x88, b"", 1005, ""),
    ] {
        let mut socket = Socket::connect(&server, &token).await;
        // what was asked before is answered first
        socket.send_frame(0x81, ping).await;
        socket.send_frame(first, payload).await;
        assert_eq!(socket.frame().await, Frame::Text(PONG.to_owned()));
        socket.expect_close(code, reason).await;
    }
}
