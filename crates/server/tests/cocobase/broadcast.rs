//! Everybody of a project hears everybody.

use crate::socket::{Kind, Socket};
use crate::world::World;
use serde_json::{Value as Json, json};
use std::time::Duration;

const PATH: &str = "/realtime/broadcast";

/// A message without its timestamp, which must be one.
async fn message(socket: &mut Socket) -> Json {
    let mut frame = socket.json().await;
    let timestamp = frame.as_object_mut().unwrap().remove("timestamp").unwrap_or_else(|| panic!("{frame}"));
    let text = timestamp.as_str().unwrap();
    assert!(text.len() == 24 && text.ends_with('Z') && text.as_bytes()[10] == b'T', "{text}");
    frame
}

fn said(user: &str, name: &str, data: Json) -> Json {
    json!({ "type": "message", "user_id": user, "user_name": name, "data": data })
}

#[tokio::test]
async fn all_hear_with_the_sender_in_one_order() {
    let world = World::start().await;
    let (mut john, welcome) = world.enter(PATH, json!({ "user_id": "u1", "user_name": "John" })).await;
    assert_eq!(welcome, json!({ "event": "connected", "project_id": world.project, "user_id": "u1" }));
    let (mut nobody, welcome) = world.enter(PATH, json!({})).await;
    assert_eq!(welcome["user_id"], "anonymous");
    let other = world.another_project().await;
    let (mut stranger, _) = world.enter_as(&other.key, PATH, json!({})).await;
    john.send(r#"{"type":"message","data":{"a":[1,2.5,null]},"user_id":"u9"}"#).await;
    john.send(r#"{"type":"message","data":null}"#).await;
    john.send(r#"{"type":"x","y":1}"#).await;
    let expected = [
        said("u1", "John", json!({ "a": [1, 2.5, null] })),
        said("u1", "John", Json::Null),
        said("u1", "John", json!({ "type": "x", "y": 1 })),
    ];
    for expected in &expected {
        assert_eq!(message(&mut john).await, *expected);
        assert_eq!(message(&mut nobody).await, *expected);
    }
    nobody.send_as(Kind::Binary, br#"{"data":"binary"}"#).await;
    assert_eq!(message(&mut john).await, said("anonymous", "Anonymous", json!("binary")));
    stranger.send(r#"{"data":"elsewhere"}"#).await;
    assert_eq!(message(&mut stranger).await, said("anonymous", "Anonymous", json!("elsewhere")));
}

#[tokio::test]
async fn keys_are_never_relayed() {
    let world = World::start().await;
    let (mut one, _) = world.enter(PATH, json!({})).await;
    let key = &world.key;
    one.send(&json!({ "api_key": key }).to_string()).await;
    one.send(&json!({ "api_key": key, "content": "c" }).to_string()).await;
    one.send(&json!({ "api_key": key, "data": "d" }).to_string()).await;
    assert_eq!(message(&mut one).await, said("anonymous", "Anonymous", json!("d")));
}

#[tokio::test]
async fn what_is_no_message_is_answered_to_the_sender() {
    let world = World::start().await;
    let (mut one, _) = world.enter(PATH, json!({})).await;
    let (mut two, _) = world.enter(PATH, json!({})).await;
    for (sent, answer) in [
        (r#"{"type":"ping"}"#, json!({ "type": "pong" })),
        ("ping", json!({ "type": "pong" })),
        ("{", json!({ "error": "Invalid JSON" })),
        ("[1]", json!({ "error": "Invalid JSON", "error_detail": "expected an object" })),
        ("\"x\"", json!({ "error": "Invalid JSON", "error_detail": "expected an object" })),
    ] {
        one.send(sent).await;
        assert_eq!(one.json().await, answer, "{sent}");
    }
    one.send(r#"{"data":1}"#).await;
    assert_eq!(message(&mut two).await, said("anonymous", "Anonymous", json!(1)), "the first it hears");
}

#[tokio::test]
async fn messages_can_be_bounded_in_size_and_number() {
    let world = World::start_with(|config| {
        config.cocobase.message_bytes = 10;
        config.cocobase.message_rate = 2;
    })
    .await;
    let (mut one, _) = world.enter(PATH, json!({})).await;
    one.send(r#"{"data":"123456789"}"#).await;
    assert_eq!(one.json().await, json!({ "error": "Message too large" }));
    for _ in 0..20 {
        one.send(r#"{"data":1}"#).await;
    }
    let mut refused = 0;
    for _ in 0..20 {
        refused += usize::from(one.json().await == json!({ "error": "Too many messages" }));
    }
    assert!((1..=18).contains(&refused), "{refused}");
}

#[tokio::test]
async fn frames_behind_the_first_are_messages() {
    let world = World::start().await;
    let mut socket = world.open(PATH).await;
    socket.send(&json!({ "api_key": world.key }).to_string()).await;
    socket.send(r#"{"data":1}"#).await;
    socket.send(r#"{"data":2}"#).await;
    assert_eq!(socket.json().await["event"], "connected");
    assert_eq!(message(&mut socket).await["data"], 1);
    assert_eq!(message(&mut socket).await["data"], 2);
}

#[tokio::test]
async fn who_comes_back_is_replayed_what_it_missed() {
    let world = World::start_with(|config| {
        config.rooms.history = 10;
        config.rooms.history_age = Duration::from_secs(3600);
    })
    .await;
    let (mut one, _) = world.enter(PATH, json!({})).await;
    let (mut two, welcome) = world.enter(PATH, json!({ "cursor": true })).await;
    assert!(welcome["cursor"].is_string() && welcome.get("recovered").is_none(), "{welcome}");
    one.send(r#"{"data":1}"#).await;
    let first = two.json().await;
    assert!(one.json().await.get("cursor").is_none(), "only who asked has positions");
    drop(two);
    one.send(r#"{"data":2}"#).await;
    one.json().await;
    let (mut two, welcome) = world.enter(PATH, json!({ "since": first["cursor"] })).await;
    assert_eq!(welcome["recovered"], true);
    assert_eq!(two.json().await["data"], 2);
    let (_, welcome) = world.enter(PATH, json!({ "since": "x" })).await;
    assert_eq!((&welcome["recovered"], &welcome["reason"]), (&json!(false), &json!("invalid_cursor")));
}
