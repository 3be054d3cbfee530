//! Clients that do not read, or leave.

use crate::server::Server;
use crate::websocket::{Frame, Socket};
use serde_json::json;

/// More than sockets and outbox hold.
const WRITES: usize = 60;
const LENGTH: usize = 200_000;

#[tokio::test]
async fn a_client_that_stops_reading_holds_nobody_up_and_misses_nothing() {
    let server = Server::start().await;
    let fields = json!([{ "name": "body", "type": "text", "max": 1_000_000 }]);
    server.collection("posts", &["title"], json!({ "fields": fields })).await;
    let (_, token) = server.user("a").await;
    let mut stalled = Socket::listen(&server, &token, &["posts"]).await;
    let mut reader = Socket::listen(&server, &token, &["posts"]).await;
    for n in 0..WRITES {
        let body = "x".repeat(LENGTH);
        server.create("posts", json!({ "title": n.to_string(), "body": body })).await;
        // one by one, though the other reads nothing
        assert_eq!(title(&mut reader).await, n.to_string());
    }
    for n in 0..WRITES {
        assert_eq!(title(&mut stalled).await, n.to_string());
    }
    assert!(stalled.heard().await.is_empty());
}

async fn title(socket: &mut Socket) -> String {
    let event = loop {
        match socket.frame().await {
            Frame::Ping(_) => {}
            frame => break frame.json(),
        }
    };
    assert_eq!(event["data"]["body"].as_str().unwrap().len(), LENGTH);
    event["data"]["title"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn who_leaves_is_forgotten() {
    let server = Server::start().await;
    let (_, token) = server.user("a").await;
    let gone = Socket::listen(&server, &token, &["posts"]).await;
    let mut closed = Socket::listen(&server, &token, &["posts"]).await;
    closed.send_frame(0x88, b"").await;
    closed.expect_close(1005, "").await;
    drop(gone);
    // nobody is left whom the stop would have to wait for
    let mut server = server;
    server.stop().await;
}
