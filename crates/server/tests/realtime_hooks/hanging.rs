//! Handlers that do not come back.

use crate::server::Server;
use crate::told::{REALTIME, Told, on};
use crate::websocket::Socket;
use serde_json::json;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;
use tidewire_hooks::{Event, Limits};

const LIMITS: Limits = Limits { time: Duration::from_millis(30), at_once: 8, waiting: 64 };

/// Hangs until the sender is dropped.
fn hang(told: &Told, event: Event, stop_on_error: bool) -> Sender<()> {
    let (release, held) = channel::<()>();
    let held = std::sync::Mutex::new(Some(held));
    on(&told.hooks, event, stop_on_error, move |_, _| {
        if let Some(held) = held.lock().unwrap().take() {
            let _ = held.recv();
        }
        Ok(())
    });
    release
}

#[tokio::test]
async fn nobody_waits_longer_than_the_limit() {
    for (event, stop_on_error) in REALTIME.into_iter().flat_map(|event| [(event, false), (event, true)]) {
        let mut told = Told::within(LIMITS, &REALTIME);
        let release = hang(&told, event, stop_on_error);
        let server = Server::start_with(|config| config.hooks = told.hooks.clone()).await;
        server.collection("posts", &["title"], json!({})).await;
        let (_, token) = server.user("a").await;
        let mut socket = Socket::connect(&server, &token).await;
        let error = json!({ "error": "A hook failed." });
        if event == Event::RealtimeConnect && stop_on_error {
            socket.expect_close(1008, "A hook failed.").await;
            drop(release);
            continue;
        }
        socket.send_json(json!({ "action": "subscribe", "collection": "posts" })).await;
        let refused = stop_on_error && matches!(event, Event::RealtimeSubscribe | Event::RealtimeMessage);
        let answer = socket.frame().await.json();
        assert_eq!(answer == error, refused, "{} {stop_on_error}: {answer}", event.name());
        if !refused {
            server.create("posts", json!({ "title": "p" })).await;
            assert_eq!(socket.frame().await.json()["type"], "posts.create", "{}", event.name());
            socket.send_json(json!({ "action": "unsubscribe", "collection": "posts" })).await;
            assert_eq!(socket.frame().await.json()["type"], "unsubscribed", "{}", event.name());
        }
        drop(socket);
        assert_eq!(told.short().await.last().unwrap(), "disconnect", "{}", event.name());
        drop(release);
    }
}

/// The server stops though handlers hang, and tells what it can.
#[tokio::test]
async fn a_server_stops_though_handlers_hang() {
    let mut told = Told::within(LIMITS, &REALTIME);
    let mut server = Server::start_with(|config| config.hooks = told.hooks.clone()).await;
    let (_, token) = server.user("a").await;
    let _socket = Socket::listen(&server, &token, &["posts"]).await;
    let release = hang(&told, Event::RealtimeUnsubscribe, false);
    server.stop().await;
    let expected = ["connect", "message", "subscribe posts", "unsubscribe posts", "disconnect"];
    assert_eq!(told.short().await, expected);
    drop(release);
}

/// What nobody waits for is lost beyond its bound, and the server goes on.
#[tokio::test]
async fn farewells_beyond_the_bound_are_lost_and_counted() {
    let limits = Limits { time: Duration::from_secs(60), at_once: 1, waiting: 3 };
    let mut told = Told::within(limits, &[Event::RealtimeDisconnect]);
    let release = hang(&told, Event::RealtimeDisconnect, false);
    let server = Server::start_with(|config| config.hooks = told.hooks.clone()).await;
    server.collection("posts", &["title"], json!({})).await;
    let (_, token) = server.user("a").await;
    let mut sockets = Vec::new();
    for _ in 0..8 {
        sockets.push(Socket::connect(&server, &token).await);
    }
    drop(sockets);
    until(&server, "tidewire_hook_events_lost_total 5").await;
    until(&server, "tidewire_hook_events_waiting 3").await;
    let mut socket = Socket::listen(&server, &token, &["posts"]).await;
    server.create("posts", json!({ "title": "p" })).await;
    assert_eq!(socket.frame().await.json()["type"], "posts.create");
    drop(release);
    until(&server, "tidewire_hook_events_waiting 0").await;
    drop(socket);
    for _ in 0..4 {
        told.next(Event::RealtimeDisconnect).await;
    }
    told.nothing();
}

/// Waits until this is a line of the metrics.
async fn until(server: &Server, line: &str) {
    loop {
        let text = server.request("GET", "/metrics", "", String::new()).await.body;
        if text.lines().any(|one| one == line) {
            return;
        }
    }
}
