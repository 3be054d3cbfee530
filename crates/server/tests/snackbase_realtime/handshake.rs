//! How sockets are opened, refused and closed.

use crate::server::Server;
use crate::websocket::{Frame, Socket};
use serde_json::json;
use std::time::Duration;

const WS: &str = "/api/v1/realtime/ws";

#[tokio::test]
async fn tokens_come_by_query_subprotocol_or_header() {
    let server = Server::start().await;
    let (_, token) = server.user("a").await;
    let query = format!("{WS}?token={token}");
    let protocol = |list: &str| format!("Sec-WebSocket-Protocol: {list}\r\n");
    let header = format!("Authorization: bearer {token}\r\n");
    let both = format!("{header}{}", protocol("bad"));
    for (target, headers, chosen, denied) in [
        (query.as_str(), String::new(), None, None),
        (WS, protocol(&token), Some(token.as_str()), None),
        (WS, protocol(&format!("snackbase, {token}")), Some(token.as_str()), None),
        (WS, header.clone(), None, None),
        (WS, String::new(), None, Some("Missing token")),
        ("/api/v1/realtime/ws?token=", String::new(), None, Some("Missing token")),
        ("/api/v1/realtime/ws?token=bad", String::new(), None, Some("Authentication failed")),
        (
            "/api/v1/realtime/ws?token=bad",
            protocol(&token),
            Some(token.as_str()),
            Some("Authentication failed"),
        ),
        ("/api/v1/realtime/ws?token=bad", header, None, Some("Authentication failed")),
        (WS, protocol("bad"), Some("bad"), Some("Authentication failed")),
        (WS, both, Some("bad"), Some("Authentication failed")),
        (WS, "Authorization: Basic eDp5\r\n".to_owned(), None, Some("Missing token")),
    ] {
        let mut socket = Socket::open(server.address(), target, &headers).await;
        let head = socket.head.to_lowercase();
        assert!(head.starts_with("http/1.1 101 "), "{head}");
        assert!(head.contains("sec-websocket-accept: bacsccjpnqyz+uboqmh89vmuroa=\r\n"), "{head}");
        let line = head.lines().find_map(|line| line.strip_prefix("sec-websocket-protocol: "));
        assert_eq!(line, chosen.map(str::to_lowercase).as_deref(), "{target} {headers}");
        match denied {
            Some(reason) => socket.expect_close(1008, reason).await,
            None => {
                socket.send(r#"{"action":"ping"}"#).await;
                assert_eq!(socket.frame().await, Frame::Text(r#"{"type":"pong"}"#.to_owned()));
            }
        }
    }
}

#[tokio::test]
async fn what_is_no_websocket_is_not_found() {
    let server = Server::start().await;
    let answer = server.request("GET", WS, "", String::new()).await;
    assert_eq!((answer.status, answer.json()), (404, json!({ "detail": "Not Found" })));
    let answer = server.request("POST", WS, "", String::new()).await;
    assert_eq!((answer.status, answer.json()), (405, json!({ "detail": "Method Not Allowed" })));
}

#[tokio::test]
async fn foreign_pages_are_refused_if_there_is_an_allow_list() {
    let server = Server::start_with(|config| config.origins = vec!["https://app.example".to_owned()]).await;
    let (_, token) = server.user("a").await;
    for (origin, status) in [("https://app.example", "101"), ("https://evil.example", "403"), ("null", "403")]
    {
        let target = format!("{WS}?token={token}");
        let socket = Socket::open(server.address(), &target, &format!("Origin: {origin}\r\n")).await;
        assert!(socket.head.starts_with(&format!("HTTP/1.1 {status} ")), "{origin}: {}", socket.head);
    }
}

#[tokio::test]
async fn an_address_that_is_refused_too_often_must_wait() {
    for (limited, last) in [(true, "429"), (false, "101")] {
        let server = Server::start_with(|config| config.rate_limit = limited).await;
        for _ in 0..120 {
            let socket = Socket::open(server.address(), "/api/v1/realtime/ws?token=bad", "").await;
            assert!(socket.head.starts_with("HTTP/1.1 101 "), "{}", socket.head);
        }
        let socket = Socket::open(server.address(), "/api/v1/realtime/ws?token=bad", "").await;
        assert!(socket.head.starts_with(&format!("HTTP/1.1 {last} ")), "{limited}: {}", socket.head);
    }
}

#[tokio::test]
async fn a_server_that_stops_says_so() {
    let mut server = Server::start().await;
    let (_, token) = server.user("a").await;
    let mut socket = Socket::connect(&server, &token).await;
    socket.send(r#"{"action":"ping"}"#).await;
    socket.frame().await;
    let closing = async {
        socket.expect_close(1012, "").await;
        drop(socket);
    };
    tokio::join!(server.stop(), closing);
}

#[tokio::test]
async fn a_silent_client_is_pinged_once_and_let_go() {
    let server = Server::start_with(|config| config.websocket.ping = Duration::from_millis(100)).await;
    let (_, token) = server.user("a").await;
    let mut socket = Socket::connect(&server, &token).await;
    let Frame::Ping(payload) = socket.frame().await else { panic!("no ping") };
    assert_eq!(payload.len(), 4);
    socket.expect_close(1011, "keepalive ping timeout").await;
}

#[tokio::test]
async fn heartbeats_come_by_themselves() {
    let server = Server::start_with(|config| config.snackbase.heartbeat = Duration::from_millis(50)).await;
    let (_, token) = server.user("a").await;
    let mut socket = Socket::connect(&server, &token).await;
    for _ in 0..3 {
        let heartbeat = socket.frame().await.json();
        assert_eq!(heartbeat["type"], "heartbeat");
        let time = heartbeat["timestamp"].as_str().unwrap();
        assert!(time.len() == 32 && time.ends_with("000+00:00") && &time[10..11] == "T", "{time}");
    }
}

#[tokio::test]
async fn who_is_revoked_is_let_go() {
    let server = Server::start().await;
    let (id, token) = server.user("a").await;
    let mut socket = Socket::connect(&server, &token).await;
    server.delete("users", &id).await;
    socket.expect_close(1008, "Session revoked").await;
}
