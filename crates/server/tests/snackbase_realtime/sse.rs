//! Event streams.

use crate::server::Server;
use crate::websocket::{FOREVER, short};
use serde_json::{Value as Json, json};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

const PATH: &str = "/api/v1/realtime/subscribe";

/// A client's end of a stream.
pub struct Events {
    pub head: String,
    reader: BufReader<TcpStream>,
}

impl Events {
    pub async fn open(server: &Server, query: &str, headers: &str) -> Self {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        let request = format!("GET {PATH}?{query} HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut opened = Self { head: String::new(), reader: BufReader::new(stream) };
        while !opened.head.ends_with("\r\n\r\n") {
            opened.reader.read_line(&mut opened.head).await.unwrap();
        }
        assert!(opened.head.starts_with("HTTP/1.1 200 "), "{}", opened.head);
        assert_eq!(opened.chunk().await, ": ok\r\n\r\n");
        opened
    }

    /// "" at the end.
    pub async fn chunk(&mut self) -> String {
        tokio::time::timeout(FOREVER, self.read_chunk()).await.expect("a chunk in time")
    }

    async fn read_chunk(&mut self) -> String {
        let mut size = String::new();
        self.reader.read_line(&mut size).await.unwrap();
        let size = usize::from_str_radix(size.trim_end(), 16).unwrap_or_else(|_| panic!("{size:?}"));
        let mut bytes = vec![0; size + 2];
        self.reader.read_exact(&mut bytes).await.unwrap();
        bytes.truncate(size);
        String::from_utf8(bytes).unwrap()
    }

    /// The next event of the type `message`, with its id.
    pub async fn event(&mut self) -> (Option<String>, Json) {
        loop {
            let chunk = self.chunk().await;
            assert!(
                chunk.ends_with("\r\n\r\n") && !chunk.replace("\r\n", "").contains(['\r', '\n']),
                "{chunk:?}"
            );
            if chunk.starts_with(':') {
                continue;
            }
            let lines: Vec<&str> = chunk.trim_end().split("\r\n").collect();
            let (id, lines) = match lines[0].strip_prefix("id: ") {
                Some(id) => (Some(id.to_owned()), &lines[1..]),
                None => (None, &lines[..]),
            };
            assert_eq!((lines.len(), lines[0]), (2, "event: message"), "{chunk:?}");
            return (id, serde_json::from_str(lines[1].strip_prefix("data: ").unwrap()).unwrap());
        }
    }
}

#[tokio::test]
async fn a_stream_begins_with_its_headers() {
    let server = Server::start().await;
    let (_, token) = server.user("a").await;
    let events = Events::open(&server, &format!("token={token}"), "").await;
    let head = events.head.to_lowercase();
    for line in [
        "content-type: text/event-stream; charset=utf-8\r\n",
        "cache-control: no-store\r\n",
        "x-accel-buffering: no\r\n",
        "transfer-encoding: chunked\r\n",
    ] {
        assert!(head.contains(line), "{head}");
    }
}

#[tokio::test]
async fn who_has_no_token_gets_no_stream() {
    let server = Server::start().await;
    let (_, token) = server.user("a").await;
    let bearer = format!("bearer {token}");
    for (method, query, authorization, status, detail) in [
        ("GET", "", "", 401, "Missing token"),
        ("GET", "?token=", "", 401, "Missing token"),
        ("GET", "", "Basic eDp5", 401, "Missing token"),
        ("GET", "?token=bad", "", 401, "Invalid token"),
        ("GET", "", "Bearer bad", 401, "Invalid token"),
        ("GET", "?token=bad", &bearer, 401, "Invalid token"),
        ("POST", "", &bearer, 405, "Method Not Allowed"),
    ] {
        let answer = server.request(method, &format!("{PATH}{query}"), authorization, String::new()).await;
        assert_eq!((answer.status, answer.json()), (status, json!({ "detail": detail })), "{method} {query}");
    }
    let names: Vec<String> = (0..101).map(|n| format!("collection=c{n}")).collect();
    let answer = server.request("GET", &format!("{PATH}?{}", names.join("&")), &bearer, String::new()).await;
    let detail = json!({ "detail": "Max subscriptions reached (100)" });
    assert_eq!((answer.status, answer.json()), (400, detail));
}

#[tokio::test]
async fn streams_carry_what_their_query_names() {
    let server = Server::start().await;
    server.collection("posts", &["title"], json!({})).await;
    server.collection("notes", &["title"], json!({})).await;
    server.collection("fence", &["title"], json!({})).await;
    let (_, token) = server.user("a").await;
    let all = ["posts.create one", "posts.update two", "posts.delete", "notes.create three"];
    for (query, expected) in [
        ("collection=posts&collection=notes", &all[..]),
        ("collections=posts%3Acreate%2Cupdate", &all[..2]),
        (
            "collections=posts:create,update&collections=notes",
            &["posts.create one", "posts.update two", "notes.create three"],
        ),
        ("collection=posts:delete", &all[2..3]),
        ("collection=posts:delete&collection=posts", &all[..3]),
        ("collection=posts,notes", &[]),
        ("operations=create&collection=notes", &all[3..]),
        ("", &[]),
    ] {
        let mut events = Events::open(&server, &format!("{query}&collection=fence&token={token}"), "").await;
        let id = server.create("posts", json!({ "title": "one" })).await["id"].as_str().unwrap().to_owned();
        server.update("posts", &id, json!({ "title": "two" })).await;
        server.delete("posts", &id).await;
        server.create("notes", json!({ "title": "three" })).await;
        server.create("fence", json!({ "title": "end" })).await;
        for expected in expected {
            let (id, event) = events.event().await;
            assert_eq!((id, short(&event).as_str()), (None, *expected), "{query}");
        }
        assert_eq!(short(&events.event().await.1), "fence.create end", "{query}");
    }
}

#[tokio::test]
async fn frames_are_equal_to_the_byte() {
    let server = Server::start_with(|config| {
        config.snackbase.heartbeat = Duration::from_millis(60);
        config.snackbase.comment = Duration::from_millis(50);
    })
    .await;
    let (_, token) = server.user("a").await;
    let mut events = Events::open(&server, "", &format!("Authorization: bearer {token}\r\n")).await;
    let (mut comment, mut heartbeat) = (String::new(), String::new());
    while comment.is_empty() || heartbeat.is_empty() {
        match events.chunk().await {
            chunk if chunk.starts_with(':') => comment = chunk,
            chunk => heartbeat = chunk,
        }
    }
    let time = comment.strip_prefix(": ping - ").and_then(|rest| rest.strip_suffix("\r\n\r\n")).unwrap();
    assert!(time.len() == 32 && time.ends_with("+00:00"), "{time}");
    let data = heartbeat.strip_prefix("event: heartbeat\r\ndata: ").unwrap();
    let json: Json = serde_json::from_str(data).unwrap();
    let time = json["timestamp"].as_str().unwrap();
    assert_eq!(
        heartbeat,
        format!(
            "event: heartbeat\r\ndata: {{\"type\":\"heartbeat\",\"event\":\"heartbeat\",\"timestamp\":\"{time}\"}}\r\n\r\n"
        )
    );
}

#[tokio::test]
async fn streams_end_with_their_sign_in_and_with_the_server() {
    let mut server = Server::start().await;
    let ((id, first), (_, second)) = (server.user("a").await, server.user("b").await);
    let mut revoked = Events::open(&server, &format!("token={first}"), "").await;
    let mut open = Events::open(&server, &format!("token={second}"), "").await;
    server.delete("users", &id).await;
    assert_eq!(revoked.chunk().await, "");
    let ended = async { assert_eq!(open.chunk().await, "") };
    tokio::join!(server.stop(), ended);
}
