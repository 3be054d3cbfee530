use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{HeaderName, HeaderValue, Request, header};
use std::net::SocketAddr;

/// Headers looked at; heads with more are the library's.
const HEADERS: usize = 48;

/// A request that an event stream may answer.
pub struct Head {
    pub request: Request<Body>,
    /// bytes of it in the socket
    pub length: usize,
}

/// Whose a request is that no event stream answers here.
#[derive(Debug, PartialEq, Eq)]
pub enum Unfit {
    /// it asks for a WebSocket
    WebSocket,
    /// it is not complete, or of a kind that the library understands better (a body, another protocol or version)
    Library,
}

impl Head {
    /// Bytes looked at; larger heads are the library's.
    pub const LENGTH: usize = 4096;

    pub fn parse(bytes: &[u8], peer: SocketAddr) -> Result<Self, Unfit> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        let Ok(httparse::Status::Complete(length)) = parsed.parse(bytes) else {
            return Err(Unfit::Library);
        };
        if parsed.headers.iter().any(asks_for_websocket) {
            return Err(Unfit::WebSocket);
        }
        if parsed.method != Some("GET") || parsed.version != Some(1) || length != bytes.len() {
            return Err(Unfit::Library);
        }
        request(&parsed, peer).map(|request| Self { request, length }).ok_or(Unfit::Library)
    }
}

/// `None`: a header of it is the library's.
fn request(parsed: &httparse::Request<'_, '_>, peer: SocketAddr) -> Option<Request<Body>> {
    let mut request = Request::builder()
        .uri(parsed.path.filter(|path| path.starts_with('/'))?)
        .extension(ConnectInfo(peer))
        .body(Body::empty())
        .ok()?;
    for header in parsed.headers.iter() {
        let name = HeaderName::try_from(header.name).ok()?;
        if is_for_the_library(&name) {
            return None;
        }
        request.headers_mut().append(name, HeaderValue::from_bytes(header.value).ok()?);
    }
    request.headers().contains_key(header::HOST).then_some(request)
}

fn asks_for_websocket(header: &httparse::Header<'_>) -> bool {
    header.name.eq_ignore_ascii_case("upgrade") && header.value.eq_ignore_ascii_case(b"websocket")
}

fn is_for_the_library(name: &HeaderName) -> bool {
    [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::UPGRADE, header::EXPECT].contains(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_requests_without_a_body_are_taken() {
        for (text, taken) in [
            ("GET /s?a=b HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n", true),
            ("GET /s HTTP/1.1\r\nhost: x\r\n\r\n", true),
            ("GET /s HTTP/1.1\r\nHost: x\r\n\r\nGET /s", false),
            ("GET /s HTTP/1.1\r\nHost: x\r\n", false),
            ("GET /s HTTP/1.1\r\n\r\n", false),
            ("GET /s HTTP/1.0\r\nHost: x\r\n\r\n", false),
            ("HEAD /s HTTP/1.1\r\nHost: x\r\n\r\n", false),
            ("GET /s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n", false),
            ("GET /s HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n", false),
            ("GET /s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", false),
            ("GET s HTTP/1.1\r\nHost: x\r\n\r\n", false),
            ("GET /s HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n", false),
            ("", false),
        ] {
            let head = Head::parse(text.as_bytes(), ([127, 0, 0, 1], 1).into());
            assert_eq!(head.is_ok(), taken, "{text:?}");
            if let Ok(head) = head {
                assert_eq!((head.length, head.request.uri().path()), (text.len(), "/s"));
            }
        }
    }

    #[test]
    fn a_request_for_a_websocket_is_told_apart() {
        for (text, unfit) in [
            ("GET /s HTTP/1.1\r\nHost: x\r\nupgrade: WebSocket\r\n\r\n", Unfit::WebSocket),
            ("GET /s HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\n\r\n", Unfit::Library),
            ("GET /s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n", Unfit::Library),
        ] {
            let head = Head::parse(text.as_bytes(), ([127, 0, 0, 1], 1).into());
            assert_eq!(head.err(), Some(unfit), "{text:?}");
        }
    }
}
