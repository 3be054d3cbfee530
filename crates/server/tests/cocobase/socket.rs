//! A client's side of a WebSocket, frame by frame.

use serde_json::Value as Json;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Fails a test that would hang.
const PATIENCE: Duration = Duration::from_secs(60);
const MASK: [u8; 4] = [1, 2, 3, 4];

#[derive(Clone, Copy)]
pub enum Kind {
    Text = 0x81,
    Binary = 0x82,
    Close = 0x88,
    Ping = 0x89,
}

/// What comes from the server.
#[derive(Debug, PartialEq)]
pub enum Heard {
    Json(Json),
    /// with its code
    Close(u16),
    Pong(Vec<u8>),
    /// without a close frame
    Lost,
}

pub struct Socket {
    stream: TcpStream,
}

impl Socket {
    pub async fn open(address: SocketAddr, path: &str) -> Self {
        let (stream, head) = Self::ask(address, path).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
        Self { stream }
    }

    /// The head of the answer to a handshake.
    pub async fn ask(address: SocketAddr, path: &str) -> (TcpStream, String) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            head.push(char::from(stream.read_u8().await.unwrap()));
        }
        (stream, head)
    }

    pub async fn send(&mut self, text: &str) {
        self.send_as(Kind::Text, text.as_bytes()).await;
    }

    pub async fn send_as(&mut self, kind: Kind, payload: &[u8]) {
        self.stream.write_all(&frame(kind, payload)).await.unwrap();
    }

    /// As far as the server takes it.
    pub async fn send_as_far_as_possible(&mut self, payload: &[u8]) {
        let _ = self.stream.write_all(&frame(Kind::Text, payload)).await;
    }

    pub async fn next(&mut self) -> Heard {
        tokio::time::timeout(PATIENCE, self.read()).await.expect("nothing came")
    }

    pub async fn json(&mut self) -> Json {
        match self.next().await {
            Heard::Json(json) => json,
            other => panic!("{other:?} instead of a frame"),
        }
    }

    /// Frames until one of this `event` or `type`, which is the last.
    pub async fn until(&mut self, name: &str) -> Vec<Json> {
        let mut frames = Vec::new();
        loop {
            let frame = self.json().await;
            let last = frame["event"] == name || frame["type"] == name;
            frames.push(frame);
            if last {
                return frames;
            }
        }
    }

    /// Whatever still comes, up to the end.
    pub async fn rest(&mut self) -> Vec<Heard> {
        let mut all = Vec::new();
        loop {
            let heard = self.next().await;
            let last = matches!(heard, Heard::Close(_) | Heard::Lost);
            all.push(heard);
            if last {
                return all;
            }
        }
    }

    async fn read(&mut self) -> Heard {
        loop {
            let Some((opcode, payload)) = self.read_frame().await else { return Heard::Lost };
            match opcode {
                0x1 => return Heard::Json(serde_json::from_slice(&payload).unwrap()),
                0x8 => {
                    let code = payload.get(..2).map_or(1005, |code| u16::from_be_bytes([code[0], code[1]]));
                    return Heard::Close(code);
                }
                0x9 => self.stream.write_all(&frame_of(0x8a, &payload)).await.unwrap(),
                0xa => return Heard::Pong(payload),
                other => panic!("opcode {other}"),
            }
        }
    }

    async fn read_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let first = self.stream.read_u8().await.ok()?;
        let length = match self.stream.read_u8().await.ok()? {
            126 => usize::from(self.stream.read_u16().await.ok()?),
            127 => self.stream.read_u64().await.ok()? as usize,
            length => usize::from(length),
        };
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload).await.ok()?;
        Some((first & 0xf, payload))
    }
}

fn frame(kind: Kind, payload: &[u8]) -> Vec<u8> {
    frame_of(kind as u8, payload)
}

fn frame_of(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(0x80 | length as u8),
        length @ 126..=65_535 => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}
