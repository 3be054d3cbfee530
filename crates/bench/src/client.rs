//! How one client gets its event stream of PocketBase's protocol, or its WebSocket, step by step, without ever waiting.

use std::io::{Error, ErrorKind, Result, Write};
use std::net::{Ipv4Addr, SocketAddr};

use mio::net::TcpStream;
use nix::errno::Errno;
use nix::sys::socket::{setsockopt, sockopt};
use serde_json::json;
use socket2::{Domain, Socket, Type};

use crate::socket::Opening;
use crate::stamp;

/// What one subscriber asks for.
#[derive(Clone, Default)]
pub struct Subscription {
    pub topic: String,
    /// "" for a guest
    pub token: String,
    /// of the records it must get; none for all
    pub key: Option<u8>,
    pub goal: Goal,
    /// where it goes on from
    pub last_id: Option<String>,
    /// the address it comes from, if not the usual one
    pub source: Option<Ipv4Addr>,
    /// stops reading once it is subscribed, until all are told to read on
    pub slow: bool,
    /// the WebSocket that it wants instead of a stream; what it subscribes to is said there
    pub socket: Option<Opening>,
}

/// When a subscriber has arrived.
#[derive(Clone, Copy, Default)]
pub enum Goal {
    #[default]
    Subscribed,
    /// this many records
    Records(u64),
    /// this text
    Text(&'static [u8]),
}

/// Receive buffer of a slow reader, as small as a phone's on a bad line.
const SLOW_BUFFER: usize = 4096;
/// A greeting or an answer is shorter.
const HEAD: usize = 16 * 1024;

/// The steps that are still ahead.
pub enum Step {
    /// the stream's connection is being made
    Connecting,
    /// the stream's first event is awaited, or the answer that makes it a WebSocket
    Greeting(Vec<u8>),
    /// subscriptions are being set on a connection of their own
    Setting(Post),
    /// they were set by a WebSocket's first frame, whose confirmation is awaited
    Confirming(Vec<u8>),
    /// subscribed
    Live,
    /// given up, or ended by the server
    Ended,
}

/// The request that sets the subscriptions, and what came back.
pub struct Post {
    pub stream: TcpStream,
    request: Vec<u8>,
    sent: bool,
    answer: Vec<u8>,
}

/// Begins a connection that carries its stamps.
pub fn connect(address: SocketAddr, wanted: &Subscription) -> Result<TcpStream> {
    let socket = begin(wanted)?;
    if wanted.slow {
        socket.set_recv_buffer_size(SLOW_BUFFER)?;
    }
    stamp::ask(&socket)?;
    go(&socket, address)?;
    Ok(TcpStream::from_std(socket.into()))
}

fn begin(wanted: &Subscription) -> Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    if let Some(source) = wanted.source {
        // The port is chosen at connect(), where only the whole quadruple must be free.
        setsockopt(&socket, sockopt::IpBindAddressNoPort, &true)?;
        socket.bind(&SocketAddr::from((source, 0)).into())?;
    }
    Ok(socket)
}

fn go(socket: &Socket, address: SocketAddr) -> Result<()> {
    match socket.connect(&address.into()) {
        Err(error) if error.raw_os_error() == Some(Errno::EINPROGRESS as i32) => Ok(()),
        outcome => outcome,
    }
}

/// The request for the stream.
pub fn ask(stream: &mut TcpStream, wanted: &Subscription) -> Result<()> {
    if let Some(socket) = &wanted.socket {
        return send(stream, socket.head().as_bytes());
    }
    let resume = wanted.last_id.as_ref().map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
    let head =
        format!("GET /api/realtime HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n{resume}\r\n");
    send(stream, head.as_bytes())
}

/// Whether the greeting is there; then its client id.
pub fn greeted(greeting: &[u8]) -> Result<Option<String>> {
    if greeting.len() >= 12 && &greeting[9..12] != b"200" {
        return Err(refusal("GET /api/realtime", greeting));
    }
    let field = b"\"clientId\":\"";
    let found = memchr::memmem::find(greeting, field).map(|at| &greeting[at + field.len()..]);
    match found.and_then(|rest| Some(&rest[..memchr::memchr(b'"', rest)?])) {
        Some(id) => Ok(Some(String::from_utf8_lossy(id).into_owned())),
        None if greeting.len() > HEAD => Err(refusal("no client id", greeting)),
        None => Ok(None),
    }
}

/// Says what a WebSocket wants as soon as it is one; true if that was now.
pub fn opened(stream: &mut TcpStream, socket: &Opening, answer: &[u8]) -> Result<bool> {
    let accepted = socket.accepted(answer).map_err(Error::other)?;
    if accepted {
        send(stream, &socket.frame().map_err(Error::other)?)?;
    }
    Ok(accepted)
}

impl Post {
    pub fn begin(address: SocketAddr, wanted: &Subscription, client: &str) -> Result<Self> {
        let body = json!({"clientId": client, "subscriptions": [wanted.topic]}).to_string();
        let signed = match wanted.token.as_str() {
            "" => String::new(),
            token => format!("Authorization: {token}\r\n"),
        };
        let request = format!(
            "POST /api/realtime HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{signed}\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let socket = begin(wanted)?;
        go(&socket, address)?;
        let stream = TcpStream::from_std(socket.into());
        Ok(Post { stream, request: request.into_bytes(), sent: false, answer: Vec::new() })
    }

    pub fn send(&mut self) -> Result<()> {
        if self.sent {
            return Ok(());
        }
        self.sent = true;
        connected(&self.stream)?;
        send(&mut self.stream, &self.request)
    }

    /// Whether the answer is there and good.
    pub fn answered(&mut self, bytes: &[u8]) -> Result<bool> {
        self.answer.extend_from_slice(bytes);
        if memchr::memmem::find(&self.answer, b"\r\n\r\n").is_none() && self.answer.len() < HEAD {
            return Ok(false);
        }
        match self.answer.get(9..12) {
            Some(b"204") => Ok(true),
            _ => Err(refusal("POST /api/realtime", &self.answer)),
        }
    }
}

/// Whether a connection that could be written to is really there.
pub fn connected(stream: &TcpStream) -> Result<()> {
    stream.take_error()?.map_or(Ok(()), Err)
}

/// A new connection takes a request at once.
fn send(stream: &mut TcpStream, bytes: &[u8]) -> Result<()> {
    match stream.write(bytes)? {
        count if count == bytes.len() => Ok(()),
        _ => Err(Error::from(ErrorKind::WriteZero)),
    }
}

fn refusal(what: &str, answer: &[u8]) -> Error {
    let shown = String::from_utf8_lossy(&answer[..answer.len().min(300)]).into_owned();
    Error::other(format!("{what}: {shown}"))
}
