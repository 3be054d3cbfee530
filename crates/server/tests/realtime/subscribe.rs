//! Opening a stream, and the answers of setting subscriptions.

use crate::server::Server;
use crate::stream::{Chunk, Stream};
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[tokio::test]
async fn the_answer_of_a_stream_has_all_headers() {
    let server = Server::start().await;
    let stream = server.connect().await;
    assert!(stream.id.len() == 40 && stream.id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let head = stream.head.to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
    for line in [
        "cache-control: no-store",
        "content-type: text/event-stream; charset=utf-8",
        "x-accel-buffering: no",
        "transfer-encoding: chunked",
        "vary: origin",
        "x-content-type-options: nosniff",
        "x-frame-options: sameorigin",
    ] {
        assert!(head.contains(&format!("\r\n{line}\r\n")), "{line}\n{head}");
    }
    assert!(!head.contains("content-length"), "{head}");
}

#[tokio::test]
async fn head_leaves_the_connection_usable() {
    let server = Server::start().await;
    let mut socket = TcpStream::connect(server.address()).await.unwrap();
    socket.write_all(b"HEAD /api/realtime HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        head.push(char::from(socket.read_u8().await.unwrap()));
    }
    assert!(head.contains("text/event-stream; charset=utf-8"), "{head}");
    let request = b"GET /api/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    socket.write_all(request).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn refusals_have_the_bodies_of_pocketbase() {
    let server = Server::start().await;
    let stream = server.connect().await;
    let unknown = r#"{"data":{},"message":"Missing or invalid client id.","status":404}"#;
    let foreign = r#"{"data":{},"message":"Invalid realtime client.","status":400}"#;
    let ours = json!({ "clientId": stream.id });
    for (address, body, status, expected) in [
        ("127.0.0.1", json!({ "clientId": "c".repeat(40) }), 404, unknown),
        ("127.0.0.2", json!({ "clientId": "c".repeat(40) }), 404, unknown),
        ("127.0.0.2", ours.clone(), 400, foreign),
        ("127.0.0.1", ours, 204, ""),
    ] {
        let answer = server.request_from(address, "POST", "/api/realtime", body).await;
        assert_eq!((answer.status, answer.body.as_str()), (status, expected), "{address}");
    }
}

#[tokio::test]
async fn an_answer_without_content_states_no_length() {
    let server = Server::start().await;
    let stream = server.connect().await;
    let answer = server.subscribe(&stream, "", &[]).await;
    let head = answer.head.to_ascii_lowercase();
    assert!(
        answer.status == 204 && !head.contains("\ncontent-length") && !head.contains("\ncontent-type"),
        "{head}"
    );
}

#[tokio::test]
async fn a_client_id_dies_with_its_stream() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    let id = stream.id.clone();
    stream.socket().shutdown().await.unwrap();
    // the server's end of the stream is the sign that it has noticed
    let mut rest = Vec::new();
    let _ = stream.socket().read_to_end(&mut rest).await;
    let answer = server.post("/api/realtime", "", json!({ "clientId": id })).await;
    assert_eq!(answer.status, 404);
}

#[tokio::test]
async fn quiet_streams_get_comments_and_idle_ones_end() {
    let server = Server::start_with(|config| config.realtime.heartbeat = Duration::from_millis(5)).await;
    let mut stream = server.connect().await;
    assert_eq!(stream.chunk().await, Chunk::Comment);

    let server = Server::start_with(|config| {
        config.realtime.heartbeat = Duration::from_millis(5);
        config.realtime.idle = Duration::from_millis(50);
    })
    .await;
    let mut stream = server.connect().await;
    while stream.chunk().await != Chunk::End {}
}

#[tokio::test]
async fn the_bosbase_sdk_gets_comments_sooner() {
    let server =
        Server::start_with(|config| config.realtime.heartbeat_bosbase = Duration::from_millis(5)).await;
    let mut stream = Stream::open(server.address(), "User-Agent: bosbase-python-sdk\r\n").await;
    assert_eq!(stream.chunk().await, Chunk::Comment);
}

#[tokio::test]
async fn stopping_ends_streams_with_the_last_chunk() {
    let mut server = Server::start().await;
    let mut stream = server.listen("", &["posts/*"]).await;
    server.stop().await;
    assert_eq!(stream.chunk().await, Chunk::End);
}
