use crate::rooms::Refusal;
use crate::rooms::frame::{Frame, Welcome};
use crate::rooms::place::Place;
use crate::{Client, Error};
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::Url;
use rustls::pki_types::ServerName;
use serde_json::Value as Json;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// for the connection, the handshake and the confirmation
const OPENING: Duration = Duration::from_secs(20);
/// for one frame to be taken by the other side
const WRITING: Duration = Duration::from_secs(20);
/// for the other side to close, once it was asked to
const CLOSING: Duration = Duration::from_secs(2);
/// bytes of a frame and of a message; Tidewire passes on 1 MiB unless it is told otherwise
const LONGEST: usize = 16 << 20;

trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// An open socket of CocoBase's, past its first frame.
pub(crate) struct Socket {
    stream: WebSocketStream<Box<dyn Wire>>,
    url: Url,
}

/// What came.
pub(crate) enum Received {
    Text(tungstenite::Utf8Bytes),
    /// a sign of life
    Sign,
}

impl Socket {
    /// Connects, says who it is, and waits for the answer.
    pub(crate) async fn open(client: &Client, place: &Place, first: &Json) -> Result<(Self, Welcome), Error> {
        let url = place.url(client)?;
        let enter = async {
            let stream = connect(client, &url).await?;
            let mut socket = Self { stream, url: url.clone() };
            socket.write(Message::text(first.to_string())).await?;
            let welcome = socket.welcome(place).await?;
            Ok((socket, welcome))
        };
        timeout(OPENING, enter)
            .await
            .unwrap_or_else(|_| Err(Error::Lost(format!("{url} did not answer in time"))))
    }

    async fn welcome(&mut self, place: &Place) -> Result<Welcome, Error> {
        loop {
            let Received::Text(text) = self.next().await? else { continue };
            match Frame::read(&text, place) {
                Ok(Frame::Welcome(welcome)) => return Ok(welcome),
                Ok(Frame::Refused { error, detail }) => return Err(refused(&error, detail, &self.url)),
                _ => {
                    let reason = "the first frame is no confirmation".to_owned();
                    return Err(Error::Decode { url: self.url.to_string(), reason });
                }
            }
        }
    }

    /// May be given up while it waits: nothing is lost by that.
    pub(crate) async fn next(&mut self) -> Result<Received, Error> {
        match self.stream.next().await {
            Some(Ok(Message::Text(text))) => Ok(Received::Text(text)),
            Some(Ok(Message::Close(frame))) => {
                let why = frame.map(|frame| format!("{} {}", u16::from(frame.code), frame.reason));
                let why = why.as_deref().map_or("no reason", str::trim_end);
                Err(Error::Lost(format!("{} was closed: {why}", self.url)))
            }
            Some(Ok(_)) => Ok(Received::Sign),
            Some(Err(error)) => Err(fault(&self.url, error)),
            None => Err(Error::Lost(format!("{} ended", self.url))),
        }
    }

    pub(crate) async fn say(&mut self, text: String) -> Result<(), Error> {
        self.write(Message::text(text)).await
    }

    pub(crate) async fn ping(&mut self) -> Result<(), Error> {
        self.write(Message::Ping(bytes::Bytes::new())).await
    }

    async fn write(&mut self, message: Message) -> Result<(), Error> {
        let written = timeout(WRITING, self.stream.send(message)).await;
        let written = written.map_err(|_| Error::Lost(format!("{} does not read", self.url)))?;
        written.map_err(|error| fault(&self.url, error))
    }

    /// Closes, so that the room is left at once.
    pub(crate) async fn close(mut self) {
        let closing = async {
            if self.stream.close(None).await.is_ok() {
                while let Some(Ok(_)) = self.stream.next().await {}
            }
        };
        // a server that does not answer notices that the connection ends
        let _ = timeout(CLOSING, closing).await;
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }
}

async fn connect(client: &Client, url: &Url) -> Result<WebSocketStream<Box<dyn Wire>>, Error> {
    let wire = dial(client, url).await?;
    let config = WebSocketConfig::default().max_message_size(Some(LONGEST)).max_frame_size(Some(LONGEST));
    let (stream, _) = client_async_with_config(request(client, url)?, wire, Some(config))
        .await
        .map_err(|error| fault(url, error))?;
    Ok(stream)
}

fn request(client: &Client, url: &Url) -> Result<Request, Error> {
    let request = url.as_str().into_client_request();
    let mut request = request.map_err(|error| Error::Invalid(format!("{url} cannot be asked: {error}")))?;
    let headers = request.headers_mut();
    for (name, value) in &client.inner.headers {
        headers.append(name, value.clone());
    }
    Ok(request)
}

async fn dial(client: &Client, url: &Url) -> Result<Box<dyn Wire>, Error> {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = url.port_or_known_default().unwrap_or(80);
    let lost = |error: std::io::Error| Error::Lost(format!("no connection to {url}: {error}"));
    let stream = TcpStream::connect((host.as_str(), port)).await.map_err(lost)?;
    // what is said is short and should not wait for more
    stream.set_nodelay(true).map_err(lost)?;
    if url.scheme() != "wss" {
        return Ok(Box::new(stream));
    }
    let name = ServerName::try_from(host).map_err(|_| Error::Invalid(format!("{url} names no host")))?;
    let connector = TlsConnector::from(client.inner.socket_tls.clone());
    Ok(Box::new(connector.connect(name, stream).await.map_err(lost)?))
}

fn fault(url: &Url, error: tungstenite::Error) -> Error {
    match error {
        tungstenite::Error::Http(answer) => unwilling(url, &answer),
        tungstenite::Error::Capacity(error) => {
            Error::Decode { url: url.to_string(), reason: error.to_string() }
        }
        error => Error::Lost(format!("{url}: {error}")),
    }
}

/// An answer that opens no socket.
fn unwilling(url: &Url, answer: &Response) -> Error {
    let body: Json =
        answer.body().as_deref().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
    let told = [&body["message"], &body["detail"]].into_iter().find_map(Json::as_str);
    let status = answer.status();
    let message = told.or(status.canonical_reason()).unwrap_or("refused").to_owned();
    Error::Response { status: status.as_u16(), message, body, url: url.to_string(), retry_after: None }
}

pub(crate) fn refused(error: &str, detail: Option<String>, url: &Url) -> Error {
    let message = match detail {
        Some(detail) => format!("{error}: {detail}"),
        None => error.to_owned(),
    };
    Error::Refused { refusal: Refusal::read(error), message, url: url.to_string() }
}
