//! Requests and event streams without a client library, so that what is proved is the server's.

use serde_json::Value as Json;
use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// An answer that is not there by then was lost.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who asks, and where: the server itself or a relay before it.
#[derive(Clone, Debug)]
pub struct Caller {
    pub address: SocketAddr,
    /// "" is a guest
    pub token: String,
}

impl Caller {
    pub fn guest(address: SocketAddr) -> Self {
        Self { address, token: String::new() }
    }

    /// Status and body; an error if the connection broke before the end of the answer.
    pub async fn send(&self, method: &str, path: &str, body: &Json) -> Result<(u16, Json), Error> {
        let exchange = async {
            let mut socket = self.open(method, path, &body.to_string()).await?;
            let mut answer = Vec::new();
            socket.read_to_end(&mut answer).await?;
            Ok::<_, Error>(answer)
        };
        let answer = timeout(PATIENCE, exchange).await.map_err(|_| ErrorKind::TimedOut)??;
        let (head, body) = split(&answer).ok_or(ErrorKind::UnexpectedEof)?;
        if content_length(head).unwrap_or(0) != body.len() {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok((status(head)?, serde_json::from_slice(body).unwrap_or(Json::Null)))
    }

    /// The same where nothing may go wrong.
    pub async fn ok(&self, method: &str, path: &str, body: &Json) -> Json {
        let (status, answer) = self.send(method, path, body).await.unwrap();
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    pub async fn sign_in(&mut self, collection: &str, identity: &str, password: &str) {
        let body = serde_json::json!({ "identity": identity, "password": password });
        let path = format!("/api/collections/{collection}/auth-with-password");
        let answer = self.ok("POST", &path, &body).await;
        self.token = answer["token"].as_str().unwrap().to_owned();
    }

    /// Its greeting is read with the first events.
    pub async fn stream(&self) -> Result<Stream, Error> {
        let socket = self.open("GET", "/api/realtime", "").await?;
        Ok(Stream { socket, raw: Vec::new(), headed: false, text: Vec::new() })
    }

    async fn open(&self, method: &str, path: &str, body: &str) -> Result<TcpStream, Error> {
        let mut socket = TcpStream::connect(self.address).await?;
        let Self { address, token } = self;
        let close = if body.is_empty() { "keep-alive" } else { "close" };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: {token}\r\nconnection: {close}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len(),
        );
        socket.write_all(head.as_bytes()).await?;
        Ok(socket)
    }
}

fn split(answer: &[u8]) -> Option<(&str, &[u8])> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some((std::str::from_utf8(&answer[..end]).ok()?, &answer[end + 4..]))
}

fn status(head: &str) -> Result<u16, Error> {
    head.split(' ').nth(1).and_then(|word| word.parse().ok()).ok_or(ErrorKind::InvalidData.into())
}

fn content_length(head: &str) -> Option<usize> {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = lines.find(|(name, _)| name.eq_ignore_ascii_case("content-length"))?;
    value.trim().parse().ok()
}

/// One event as it was sent.
#[derive(Debug, Default)]
pub struct Event {
    pub id: String,
    pub name: String,
    pub data: String,
}

/// An event stream: a head, then chunks, then blocks of lines.
pub struct Stream {
    socket: TcpStream,
    raw: Vec<u8>,
    headed: bool,
    text: Vec<u8>,
}

impl Stream {
    /// `None` once the connection has broken; what was sent in part only is no event.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some(end) = self.text.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = self.text.drain(..end + 2).collect();
                if let Some(event) = event(std::str::from_utf8(&block).unwrap()) {
                    return Some(event);
                }
            }
            self.raw.reserve(8192);
            if self.socket.read_buf(&mut self.raw).await.unwrap_or(0) == 0 {
                return None;
            }
            self.unpack()?;
        }
    }

    /// Moves whole chunks from what came to the text; `None` if there will be no more.
    fn unpack(&mut self) -> Option<()> {
        if !self.headed {
            let Some((head, rest)) = split(&self.raw) else { return Some(()) };
            if status(head).ok()? != 200 {
                return None;
            }
            self.raw = rest.to_vec();
            self.headed = true;
        }
        while let Some(line) = self.raw.windows(2).position(|two| two == b"\r\n") {
            let size = std::str::from_utf8(&self.raw[..line]).unwrap();
            let size = usize::from_str_radix(size, 16).unwrap();
            if size == 0 {
                return None;
            }
            let end = line + 2 + size;
            if self.raw.len() < end + 2 {
                break;
            }
            self.text.extend_from_slice(&self.raw[line + 2..end]);
            self.raw.drain(..end + 2);
        }
        Some(())
    }
}

/// Comments are none.
fn event(block: &str) -> Option<Event> {
    let mut event = Event::default();
    for line in block.trim_end().lines() {
        match line.split_once(':')? {
            ("id", id) => event.id = id.to_owned(),
            ("event", name) => event.name = name.to_owned(),
            ("data", data) => event.data = data.to_owned(),
            _ => {}
        }
    }
    (!event.name.is_empty()).then_some(event)
}
