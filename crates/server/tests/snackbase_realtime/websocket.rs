//! A client's end of a WebSocket.

use crate::server::Server;
use serde_json::{Value as Json, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// Nothing takes so long; a test that waits for it has failed.
pub const FOREVER: Duration = Duration::from_secs(30);
/// A collection that does not exist: its confirmation comes after all that was written before it was asked for.
const FENCE: &str = "fence";

pub struct Socket {
    /// the answer to the handshake
    pub head: String,
    pub stream: BufReader<TcpStream>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    Text(String),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    /// status, reason
    Close(u16, String),
    /// the end of the TCP stream
    End,
}

impl Frame {
    pub fn json(&self) -> Json {
        match self {
            Self::Text(text) => serde_json::from_str(text).unwrap(),
            other => panic!("{other:?} is no text"),
        }
    }
}

impl Socket {
    /// `headers`: further lines, each with its end.
    pub async fn open(address: SocketAddr, target: &str, headers: &str) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n{headers}\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut opened = Self { head: String::new(), stream: BufReader::new(stream) };
        while !opened.head.ends_with("\r\n\r\n") {
            assert_ne!(opened.stream.read_line(&mut opened.head).await.unwrap(), 0, "{}", opened.head);
        }
        opened
    }

    /// Signed in by the query.
    pub async fn connect(server: &Server, token: &str) -> Self {
        let target = format!("/api/v1/realtime/ws?token={token}");
        let socket = Self::open(server.address(), &target, "").await;
        assert!(socket.head.starts_with("HTTP/1.1 101 "), "{}", socket.head);
        socket
    }

    /// Connected, and subscribed to these collections.
    pub async fn listen(server: &Server, token: &str, collections: &[&str]) -> Self {
        let mut socket = Self::connect(server, token).await;
        for collection in collections {
            socket.subscribe(json!({ "collection": collection })).await;
        }
        socket
    }

    pub async fn send(&mut self, text: &str) {
        self.send_frame(0x81, text.as_bytes()).await;
    }

    pub async fn send_json(&mut self, message: Json) {
        self.send(&message.to_string()).await;
    }

    /// With a mask, as clients must.
    pub async fn send_frame(&mut self, first: u8, payload: &[u8]) {
        let mask = [1, 2, 3, 4];
        let mut bytes = vec![first];
        match payload.len() {
            length @ ..126 => bytes.push(0x80 | u8::try_from(length).unwrap()),
            length => {
                bytes.push(0xff);
                bytes.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        bytes.extend_from_slice(&mask);
        bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
        self.stream.get_mut().write_all(&bytes).await.unwrap();
    }

    /// Asks, and reads the confirmation that is next.
    pub async fn subscribe(&mut self, mut message: Json) -> Json {
        message["action"] = json!("subscribe");
        self.send_json(message.clone()).await;
        let answer = self.frame().await.json();
        assert_eq!((&answer["type"], &answer["collection"]), (&json!("subscribed"), &message["collection"]));
        answer
    }

    /// The next events. What was missed, and snapshots, are read from the store first: later answers may overtake them.
    pub async fn next(&mut self, count: usize) -> Vec<Json> {
        let mut heard = Vec::new();
        while heard.len() < count {
            heard.push(self.frame().await.json());
        }
        heard
    }

    /// Everything that was on its way, without pings; not what is still read from the store.
    pub async fn heard(&mut self) -> Vec<Json> {
        self.send_json(json!({ "action": "subscribe", "collection": FENCE })).await;
        let mut heard = Vec::new();
        loop {
            match self.frame().await.json() {
                frame if frame["collection"] == FENCE => break,
                frame => heard.push(frame),
            }
        }
        self.send_json(json!({ "action": "unsubscribe", "collection": FENCE })).await;
        assert_eq!(self.frame().await.json()["type"], "unsubscribed");
        heard
    }

    /// The same as "type title", as tables write it.
    pub async fn heard_short(&mut self) -> Vec<String> {
        self.heard().await.iter().map(short).collect()
    }

    pub async fn frame(&mut self) -> Frame {
        tokio::time::timeout(FOREVER, self.read_frame()).await.expect("a frame in time")
    }

    async fn read_frame(&mut self) -> Frame {
        let Ok(first) = self.stream.read_u8().await else { return Frame::End };
        let length = match self.stream.read_u8().await.unwrap() {
            126 => usize::from(self.stream.read_u16().await.unwrap()),
            127 => usize::try_from(self.stream.read_u64().await.unwrap()).unwrap(),
            length => usize::from(length),
        };
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload).await.unwrap();
        match first {
            0x81 => Frame::Text(String::from_utf8(payload).unwrap()),
            0x88 if payload.is_empty() => Frame::Close(1005, String::new()),
            0x88 => Frame::Close(
                u16::from_be_bytes([payload[0], payload[1]]),
                String::from_utf8(payload[2..].to_vec()).unwrap(),
            ),
            0x89 => Frame::Ping(payload),
            0x8a => Frame::Pong(payload),
            other => panic!("frame of {other:#x}"),
        }
    }

    /// A close frame and the end come next.
    pub async fn expect_close(&mut self, code: u16, reason: &str) {
        assert_eq!(self.frame().await, Frame::Close(code, reason.to_owned()));
        assert_eq!(self.frame().await, Frame::End);
    }
}

pub fn short(event: &Json) -> String {
    let kind = event["type"].as_str().unwrap_or("?");
    match event["data"]["title"].as_str() {
        Some(title) => format!("{kind} {title}"),
        None => kind.to_owned(),
    }
}
