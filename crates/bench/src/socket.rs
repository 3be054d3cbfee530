//! How a WebSocket gets in, and one that is in: its first frame is sent and its confirmation read.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

const TIMEOUT: Duration = Duration::from_secs(30);

/// What a client says to get in.
#[derive(Clone)]
pub struct Opening {
    pub path: String,
    pub first: Value,
    /// stands in the answer to the first frame
    pub confirmed: &'static str,
}

pub struct Socket {
    stream: TcpStream,
}

impl Opening {
    /// The request that asks for the socket.
    pub fn head(&self) -> String {
        format!(
            "GET {} HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            self.path
        )
    }

    /// Whether an answer to it is there and good.
    pub fn accepted(&self, answer: &[u8]) -> Result<bool> {
        match memchr::memmem::find(answer, b"\r\n\r\n") {
            None => Ok(false),
            Some(_) if answer.starts_with(b"HTTP/1.1 101 ") => Ok(true),
            Some(_) => bail!("{}: {}", self.path, String::from_utf8_lossy(answer)),
        }
    }

    /// The first frame.
    pub fn frame(&self) -> Result<Vec<u8>> {
        frame(&self.first.to_string())
    }
}

impl Socket {
    pub fn open(address: SocketAddr, opening: &Opening) -> Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.write_all(opening.head().as_bytes())?;
        let mut answer = Vec::new();
        while !opening.accepted(&answer)? {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            answer.push(byte[0]);
        }
        let mut socket = Socket { stream };
        socket.write(&opening.frame()?)?;
        let confirmation = socket.next()?;
        if !String::from_utf8_lossy(&confirmation).contains(opening.confirmed) {
            bail!("{}: {}", opening.path, String::from_utf8_lossy(&confirmation));
        }
        Ok(socket)
    }

    /// For somebody else to read.
    pub fn reader(&self) -> Result<TcpStream> {
        Ok(self.stream.try_clone()?)
    }

    /// One text frame. Waits for room also on a socket that does not block.
    pub fn send(&mut self, text: &str) -> Result<()> {
        self.write(&frame(text)?)
    }

    fn write(&mut self, mut left: &[u8]) -> Result<()> {
        while !left.is_empty() {
            match self.stream.write(left) {
                Ok(count) => left = &left[count..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    std::thread::sleep(Duration::from_micros(100));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The payload of the next frame.
    pub fn next(&mut self) -> Result<Vec<u8>> {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head)?;
        let length = match head[1] {
            126 => {
                let mut length = [0; 2];
                self.stream.read_exact(&mut length)?;
                usize::from(u16::from_be_bytes(length))
            }
            127 => bail!("a long frame"),
            length => usize::from(length),
        };
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload)?;
        Ok(payload)
    }
}

fn frame(text: &str) -> Result<Vec<u8>> {
    let mut frame = vec![0x81];
    match text.len() {
        length @ 0..=125 => frame.push(0x80 | length as u8),
        length => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&u16::try_from(length).context("too long")?.to_be_bytes());
        }
    }
    // the mask is zero, so the text stays as it is
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(text.as_bytes());
    Ok(frame)
}
