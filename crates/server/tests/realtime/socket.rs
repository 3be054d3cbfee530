//! A client's end of BosBase's WebSocket.

use crate::server::Server;
use serde_json::{Value as Json, json};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

const FOREVER: Duration = Duration::from_secs(30);

pub struct Socket {
    /// the answer to the handshake
    pub head: String,
    /// what the greeting tells
    pub client_id: String,
    stream: BufReader<TcpStream>,
}

impl Socket {
    /// `headers`: further lines, each with its end.
    pub async fn shake(server: &Server, target: &str, headers: &str) -> Self {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n{headers}\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut opened =
            Self { head: String::new(), client_id: String::new(), stream: BufReader::new(stream) };
        while !opened.head.ends_with("\r\n\r\n") {
            assert_ne!(opened.stream.read_line(&mut opened.head).await.unwrap(), 0, "{}", opened.head);
        }
        opened
    }

    /// Connected and greeted.
    pub async fn open(server: &Server, target: &str, headers: &str) -> Self {
        let mut socket = Self::shake(server, target, headers).await;
        assert!(socket.head.starts_with("HTTP/1.1 101 "), "{}", socket.head);
        let ready = socket.json().await;
        assert_eq!(ready["type"], "ready");
        socket.client_id = ready["clientId"].as_str().unwrap().to_owned();
        socket
    }

    pub async fn connect(server: &Server, token: &str) -> Self {
        Self::open(server, "/api/pubsub", &format!("Authorization: {token}\r\n")).await
    }

    pub async fn send(&mut self, text: &str) {
        let mask = [1, 2, 3, 4];
        let mut bytes = vec![0x81, 0xff];
        bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
        bytes.extend_from_slice(&mask);
        bytes.extend(text.bytes().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
        self.stream.get_mut().write_all(&bytes).await.unwrap();
    }

    pub async fn send_json(&mut self, message: Json) {
        self.send(&message.to_string()).await;
    }

    /// Sends, and reads the answer that is next.
    pub async fn ask(&mut self, message: Json) -> Json {
        self.send_json(message).await;
        self.json().await
    }

    /// Subscribed to these topics.
    pub async fn listen(server: &Server, token: &str, topics: &[&str]) -> Self {
        let mut socket = Self::connect(server, token).await;
        for topic in topics {
            let answer = socket.ask(json!({ "type": "subscribe", "topic": topic })).await;
            assert_eq!(answer, json!({ "type": "subscribed" }));
        }
        socket
    }

    /// Everything that was on its way: a change of subscriptions takes its turn behind it.
    pub async fn heard(&mut self) -> Vec<Json> {
        self.send_json(json!({ "type": "unsubscribe", "topic": "fence", "requestId": "fence" })).await;
        let mut heard = Vec::new();
        loop {
            match self.json().await {
                frame if frame == json!({ "type": "unsubscribed", "requestId": "fence" }) => return heard,
                frame => heard.push(frame),
            }
        }
    }

    pub async fn json(&mut self) -> Json {
        let (first, payload) = self.frame().await.expect("no end");
        assert_eq!(first, 0x81, "{payload:?}");
        assert!(payload.is_ascii());
        serde_json::from_slice(&payload).unwrap()
    }

    /// The first byte and the payload of the next frame; `None` at the end.
    pub async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        tokio::time::timeout(FOREVER, self.read_frame()).await.expect("a frame in time")
    }

    async fn read_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let first = self.stream.read_u8().await.ok()?;
        let length = match self.stream.read_u8().await.ok()? {
            126 => usize::from(self.stream.read_u16().await.ok()?),
            127 => usize::try_from(self.stream.read_u64().await.ok()?).unwrap(),
            length => usize::from(length),
        };
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload).await.ok()?;
        Some((first, payload))
    }
}
