//! Speaks HTTP/1.1 itself on a socket that asks for an event stream: the buffers of an HTTP library would be most of what
//! an idle stream costs.

mod chunks;
mod head;

pub use chunks::Chunks;
pub use head::{Head, Unfit};

use crate::socket::Socket;
use axum::Router;
use bytes::{BufMut as _, BytesMut};
use http::{HeaderValue, header};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use std::convert::Infallible;
use std::io;
use std::time::SystemTime;
use tidewire_feed::Standing;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tower::ServiceExt as _;

/// Answers the request whose head stands first in the socket: by a stream that is still to be written, or by anything else,
/// which is then written and ends the connection. A stream may tell where its connection stands.
pub async fn answer(
    mut socket: Socket,
    head: Head,
    router: Router,
) -> io::Result<Option<(Chunks, Option<Standing>)>> {
    consume(&mut socket, head.length).await?;
    let response = router.oneshot(head.request).await.unwrap_or_else(|never: Infallible| match never {});
    let (mut parts, body) = response.into_parts();
    parts.headers.insert(header::DATE, date());
    if body.size_hint().exact().is_none() && !body.is_end_stream() {
        parts.headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        let standing = parts.extensions.remove();
        return Ok(Some((Chunks::new(socket, head_text(&parts), body), standing)));
    }
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    parts.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    let mut text = head_text(&parts);
    text.extend_from_slice(&body);
    socket.write_all(&text).await?;
    socket.shutdown().await?;
    Ok(None)
}

/// They were looked at already.
async fn consume(socket: &mut Socket, mut length: usize) -> io::Result<()> {
    let mut waste = [0; 512];
    while length > 0 {
        let part = length.min(waste.len());
        length -= socket.read_exact(&mut waste[..part]).await?;
    }
    Ok(())
}

fn head_text(parts: &http::response::Parts) -> BytesMut {
    let mut text = BytesMut::with_capacity(512);
    let reason = parts.status.canonical_reason().unwrap_or_default();
    text.put_slice(format!("HTTP/1.1 {} {reason}\r\n", parts.status.as_str()).as_bytes());
    for (name, value) in &parts.headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            text.put_slice(part);
        }
    }
    text.put_slice(b"\r\n");
    text
}

fn date() -> HeaderValue {
    let text = httpdate::fmt_http_date(SystemTime::now());
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admit::Gatekeeper;
    use crate::app::App;
    use crate::config::{Config, ConnectionLimits};
    use crate::socket::Place;
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::mpsc;

    /// From a dialect's session, through all that stands between it and the socket.
    #[tokio::test]
    async fn a_stream_tells_where_its_connection_stands() {
        let folder = tempfile::tempdir().unwrap();
        let app = App::open(&Config::new(([127, 0, 0, 1], 0).into(), folder.path())).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, peer) = listener.accept().await.unwrap();
        let text = b"GET /api/realtime HTTP/1.1\r\nHost: x\r\n\r\n";
        client.write_all(text).await.unwrap();
        let permit = Gatekeeper::new(ConnectionLimits::default()).admit(peer.ip()).ok().unwrap();
        let socket = Socket::new(stream, Place::new(permit, mpsc::channel(1).0));
        let head = Head::parse(text, peer).unwrap();
        let (chunks, standing) = answer(socket, head, app.router.clone()).await.unwrap().unwrap();
        assert!(!standing.expect("it is told").is_behind());
        drop(chunks);
        app.close();
    }
}
