//! Who is refused, with which frame and which code.

use crate::socket::{Heard, Kind, Socket};
use crate::world::World;
use serde_json::{Value as Json, json};
use std::time::Duration;

const ALL: [&str; 3] = ["/realtime/collections/posts", "/realtime/broadcast", "/realtime/rooms/r"];

/// The frame that refuses, without its detail, and whether it had one; then the close.
async fn refusal(socket: &mut Socket) -> (Json, bool) {
    let mut frame = socket.json().await;
    let detail = frame.as_object_mut().unwrap().remove("error_detail").is_some();
    assert_eq!(socket.rest().await, [Heard::Close(1008)], "{frame}");
    (frame, detail)
}

async fn check(world: &World, path: &str, kind: Kind, first: &[u8], error: &str, detail: bool) {
    let mut socket = world.open(path).await;
    socket.send_as(kind, first).await;
    // discarded: whoever is refused says nothing
    socket.send(r#"{"type":"message","content":"x","data":"x"}"#).await;
    let expected = (json!({ "error": error }), detail);
    assert_eq!(refusal(&mut socket).await, expected, "{path} {}", String::from_utf8_lossy(first));
}

#[tokio::test]
async fn faults_of_the_first_frame_are_told_on_all_sockets() {
    let world = World::start().await;
    for path in ALL {
        for text in ["{}", r#"{"api_key":""}"#, r#"{"api_key":null,"filters":{}}"#] {
            check(&world, path, Kind::Text, text.as_bytes(), "API key is required", false).await;
        }
        check(&world, path, Kind::Text, br#"{"api_key":"nope"}"#, "Invalid API key", true).await;
        for bytes in [&b"x"[..], b"", b"[]", b"ping", b"7"] {
            check(&world, path, Kind::Text, bytes, "Authentication failed", true).await;
        }
        check(&world, path, Kind::Binary, b"\xff", "Authentication failed", true).await;
        let filters = format!(r#"{{"api_key":"{}","filters":[]}}"#, world.key);
        check(&world, path, Kind::Text, filters.as_bytes(), "Authentication failed", true).await;
        let name = format!(r#"{{"api_key":"{}","user_name":"{}"}}"#, world.key, "x".repeat(257));
        check(&world, path, Kind::Text, name.as_bytes(), "Authentication failed", true).await;
        let token = format!(r#"{{"api_key":"{}","token":"x"}}"#, world.key);
        check(&world, path, Kind::Text, token.as_bytes(), "Authentication failed", true).await;
    }
    let mut filters = json!({});
    for number in 0..65 {
        filters[format!("k{number}")] = json!(number);
    }
    let many = json!({ "api_key": world.key, "filters": filters }).to_string();
    check(&world, ALL[0], Kind::Text, many.as_bytes(), "Authentication failed", true).await;
    let key = json!({ "api_key": world.key }).to_string();
    check(&world, ALL[0], Kind::Text, key.as_bytes(), "Collection not found or access denied", false).await;
    let mut missing = world.open("/realtime/rooms/r%20%C3%A9").await;
    missing.send(&key).await;
    assert_eq!(refusal(&mut missing).await.0, json!({ "error": "Room not found", "room_id": "r é" }));
    let long = format!("/realtime/rooms/{}", "r".repeat(257));
    check(&world, &long, Kind::Text, key.as_bytes(), "Authentication failed", true).await;
}

#[tokio::test]
async fn silence_is_refused() {
    let world = World::start_with(|config| config.cocobase.auth_timeout = Duration::from_millis(50)).await;
    for path in ALL {
        let mut socket = world.open(path).await;
        assert_eq!(
            refusal(&mut socket).await,
            (json!({ "error": "Authentication timeout" }), false),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_ping_is_no_first_frame() {
    let world = World::start().await;
    for path in ALL {
        let mut socket = world.open(path).await;
        socket.send_as(Kind::Ping, b"only the first frame counts").await;
        assert_eq!(socket.next().await, Heard::Pong(b"only the first frame counts".to_vec()));
        socket.send(r#"{"api_key":"nope"}"#).await;
        assert_eq!(refusal(&mut socket).await.0["error"], "Invalid API key", "{path}");
    }
}

#[tokio::test]
async fn a_frame_over_the_limit_closes_with_1009() {
    let world = World::start().await;
    let long = json!({ "api_key": world.key, "x": "x".repeat(1 << 20) }).to_string();
    for path in ALL {
        let mut first = world.open(path).await;
        first.send_as_far_as_possible(long.as_bytes()).await;
        assert_eq!(first.rest().await, [Heard::Close(1009)], "{path}");
    }
    let (mut later, _) = world.enter(ALL[1], json!({})).await;
    later.send_as_far_as_possible(long.as_bytes()).await;
    assert_eq!(later.rest().await, [Heard::Close(1009)]);
}

#[tokio::test]
async fn paths_that_do_not_exist_are_no_sockets() {
    let world = World::start().await;
    for path in ["/realtime", "/realtime/collections/a/b", "/realtime/rooms/a/b", "/realtime/other"] {
        let (_, head) = Socket::ask(world.server.address(), path).await;
        assert!(head.starts_with("HTTP/1.1 404 "), "{path}: {head}");
    }
    for path in ["/realtime/broadcast/", "/realtime/rooms/r/"] {
        let mut socket = world.open(path).await;
        socket.send("{}").await;
        assert_eq!(refusal(&mut socket).await.0, json!({ "error": "API key is required" }));
    }
}

#[tokio::test]
async fn many_refusals_come_late_and_lock_nobody_out() {
    let world = World::start_with(|config| {
        config.cocobase.refusals = Some(100);
        config.cocobase.auth_timeout = Duration::from_secs(3600);
    })
    .await;
    let first = br#"{"api_key":"nope"}"#;
    for _ in 0..100 {
        check(&world, ALL[1], Kind::Text, first, "Invalid API key", true).await;
    }
    let mut late = world.open(ALL[1]).await;
    late.send_as(Kind::Text, first).await;
    late.send_as(Kind::Ping, b"still waiting").await;
    assert_eq!(late.next().await, Heard::Pong(b"still waiting".to_vec()), "before it is refused");
    let (_, welcome) = world.enter(ALL[1], json!({})).await;
    assert_eq!(welcome["event"], "connected");
}

#[tokio::test]
async fn sockets_of_a_project_can_be_bounded() {
    let world = World::start_with(|config| config.cocobase.sockets = 1).await;
    let (first, _) = world.enter(ALL[1], json!({})).await;
    let key = json!({ "api_key": world.key }).to_string();
    check(&world, ALL[1], Kind::Text, key.as_bytes(), "Too many connections", false).await;
    let other = world.another_project().await;
    let (_, welcome) = world.enter_as(&other.key, ALL[1], json!({})).await;
    assert_eq!(welcome["event"], "connected");
    drop(first);
}
