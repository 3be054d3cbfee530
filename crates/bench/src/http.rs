//! One HTTP/1.1 connection that is kept open: just enough of a client to load a server cheaply.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::clock;
use crate::stamp::{self, Receiver};

/// A server that answers later than this has failed the row.
const TIMEOUT: Duration = Duration::from_secs(30);

pub struct Connection {
    stream: TcpStream,
    token: String,
    buffer: Vec<u8>,
    receiver: Receiver,
    /// when the kernel had the last bytes, in nanoseconds since 1970
    received: u64,
}

pub struct Answer {
    /// when the kernel had all of it, in nanoseconds since 1970
    pub received: u64,
    pub status: u16,
    pub body: Vec<u8>,
}

impl Connection {
    pub fn open(address: SocketAddr, token: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stamp::ask(&stream)?;
        let (token, buffer) = (token.to_owned(), Vec::with_capacity(8192));
        Ok(Connection { stream, token, buffer, receiver: Receiver::new(), received: 0 })
    }

    /// Sends one request and reads its whole answer.
    pub fn send(&mut self, method: &str, path: &str, body: &str) -> Result<Answer> {
        self.write(method, path, body)?;
        let (status, length) = self.head()?;
        let body = match length {
            Length::Exactly(count) => self.take(count)?,
            Length::Chunked => self.chunks()?,
        };
        Ok(Answer { received: self.received, status, body })
    }

    /// Sends a request that must succeed and returns its JSON.
    pub fn json(&mut self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.send(method, path, &text)?;
        if !(200..300).contains(&answer.status) {
            bail!("{method} {path}: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
        }
        if answer.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer.body).with_context(|| format!("{method} {path}"))
    }

    fn write(&mut self, method: &str, path: &str, body: &str) -> Result<()> {
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n");
        if !self.token.is_empty() {
            text += &format!("Authorization: {}\r\n", self.token);
        }
        if !body.is_empty() {
            text += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        }
        text += "\r\n";
        text += body;
        self.stream.write_all(text.as_bytes())?;
        Ok(())
    }

    fn head(&mut self) -> Result<(u16, Length)> {
        let end = loop {
            if let Some(at) = memchr::memmem::find(&self.buffer, b"\r\n\r\n") {
                break at;
            }
            self.fill()?;
        };
        let head = String::from_utf8_lossy(&self.buffer[..end]).to_ascii_lowercase();
        self.buffer.drain(..end + 4);
        let status = head.get(9..12).and_then(|code| code.parse().ok()).context("not an HTTP answer")?;
        let length = match head.lines().find_map(|line| line.strip_prefix("content-length:")) {
            Some(count) => Length::Exactly(count.trim().parse()?),
            None if head.contains("transfer-encoding: chunked") => Length::Chunked,
            None => Length::Exactly(0),
        };
        Ok((status, length))
    }

    fn chunks(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = loop {
                if let Some(at) = memchr::memmem::find(&self.buffer, b"\r\n") {
                    break at;
                }
                self.fill()?;
            };
            let size = usize::from_str_radix(String::from_utf8_lossy(&self.buffer[..end]).trim(), 16)?;
            self.buffer.drain(..end + 2);
            let chunk = self.take(size + 2)?;
            if size == 0 {
                return Ok(body);
            }
            body.extend_from_slice(&chunk[..size]);
        }
    }

    fn take(&mut self, count: usize) -> Result<Vec<u8>> {
        while self.buffer.len() < count {
            self.fill()?;
        }
        Ok(self.buffer.drain(..count).collect())
    }

    fn fill(&mut self) -> Result<()> {
        let mut piece = [0; 8192];
        let (count, stamp) = self.receiver.read(&self.stream, &mut piece)?;
        if count == 0 {
            bail!("the server closed the connection");
        }
        self.received = stamp.unwrap_or_else(clock::now);
        self.buffer.extend_from_slice(&piece[..count]);
        Ok(())
    }
}

enum Length {
    Exactly(usize),
    Chunked,
}
