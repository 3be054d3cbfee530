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

impl Head {
    /// Bytes looked at; larger heads are the library's.
    pub const LENGTH: usize = 4096;

    /// `None`: it is not complete, or the request is of a kind that the library understands better (a body, another protocol
    /// or version).
    pub fn parse(bytes: &[u8], peer: SocketAddr) -> Option<Self> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        let Ok(httparse::Status::Complete(length)) = parsed.parse(bytes) else { return None };
        if parsed.method != Some("GET") || parsed.version != Some(1) || length != bytes.len() {
            return None;
        }
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
        request.headers().contains_key(header::HOST).then_some(Self { request, length })
    }
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
            assert_eq!(head.is_some(), taken, "{text:?}");
            if let Some(head) = head {
                assert_eq!((head.length, head.request.uri().path()), (text.len(), "/s"));
            }
        }
    }
}
