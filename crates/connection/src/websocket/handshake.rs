use super::{Berth, Limits, Socket};
use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use sha1::{Digest as _, Sha1};
use std::future::Future;

const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A request that may become a WebSocket.
pub struct Upgrade {
    accept: HeaderValue,
    protocol: Option<HeaderValue>,
    upgrade: OnUpgrade,
    berth: Option<Berth>,
}

/// Why a request does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the request asks for no WebSocket")]
    Plain,
    #[error("the WebSocket's version is not 13")]
    Version,
    #[error("the handshake is malformed")]
    Malformed,
}

/// Reads the handshake; nothing is answered yet.
pub fn accept(parts: &mut Parts) -> Result<Upgrade, Refused> {
    let accept = check(parts)?;
    let upgrade = parts.extensions.remove::<OnUpgrade>().ok_or(Refused::Plain)?;
    let berth = parts.extensions.remove();
    Ok(Upgrade { accept, protocol: None, upgrade, berth })
}

/// Subprotocols that the client offers, in its order.
pub fn offered(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    items(headers, &header::SEC_WEBSOCKET_PROTOCOL)
}

impl Upgrade {
    /// Chooses one of the subprotocols that the client offered.
    pub fn choose(&mut self, protocol: &str) {
        self.protocol = HeaderValue::from_str(protocol).ok();
    }

    /// Switches protocols, and runs `session` on the socket in a task of its own.
    pub fn run<F, S>(self, limits: Limits, session: F) -> Response
    where
        F: FnOnce(Socket) -> S + Send + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        let (upgrade, berth) = (self.upgrade, self.berth);
        tokio::spawn(async move {
            match (upgrade.await, berth) {
                (Ok(stream), Some(berth)) => berth.serve(stream, limits, session),
                (Ok(stream), None) => session(Socket::new(Box::new(TokioIo::new(stream)), limits)).await,
                (Err(error), _) => tracing::debug!(%error, "no upgrade"),
            }
        });
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, self.accept);
        if let Some(protocol) = self.protocol {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
        }
        response
    }
}

impl Refused {
    /// The answer of RFC 6455, for dialects that have no other.
    pub fn answer(self) -> Response {
        let mut response = Response::new(Body::from(self.to_string()));
        *response.status_mut() = match self {
            Self::Plain | Self::Version => StatusCode::UPGRADE_REQUIRED,
            Self::Malformed => StatusCode::BAD_REQUEST,
        };
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        response
    }
}

/// The value of `Sec-WebSocket-Accept`.
fn check(parts: &Parts) -> Result<HeaderValue, Refused> {
    let headers = &parts.headers;
    let asks =
        names(headers, &header::UPGRADE, "websocket") && names(headers, &header::CONNECTION, "upgrade");
    if !asks || parts.method != Method::GET || parts.version != Version::HTTP_11 {
        return Err(Refused::Plain);
    }
    if headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(Refused::Version);
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).ok_or(Refused::Malformed)?;
    match STANDARD.decode(key.as_bytes()) {
        Ok(bytes) if bytes.len() == 16 => {}
        _ => return Err(Refused::Malformed),
    }
    let digest = Sha1::new().chain_update(key.as_bytes()).chain_update(GUID).finalize();
    HeaderValue::from_str(&STANDARD.encode(digest)).map_err(|_| Refused::Malformed)
}

fn names(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    items(headers, name).any(|item| item.eq_ignore_ascii_case(token))
}

fn items<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handshakes_are_checked() {
        const GOOD: [(&str, &str); 4] = [
            ("upgrade", "WebSocket"),
            ("connection", "keep-alive, Upgrade"),
            ("sec-websocket-key", "MDEyMzQ1Njc4OWFiY2RlZg=="),
            ("sec-websocket-version", "13"),
        ];
        for (method, name, value, expected) in [
            (Method::GET, "x", "", Ok("BACScCJPNqyz+UBoqMH89VmURoA=")),
            (
                Method::GET,
                "sec-websocket-key",
                "dGhlIHNhbXBsZSBub25jZQ==",
                Ok("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            ),
            (Method::GET, "sec-websocket-key", "c2hvcnQ=", Err(Refused::Malformed)),
            (Method::GET, "sec-websocket-key", "***", Err(Refused::Malformed)),
            (Method::GET, "sec-websocket-version", "8", Err(Refused::Version)),
            (Method::GET, "upgrade", "h2c", Err(Refused::Plain)),
            (Method::GET, "connection", "close", Err(Refused::Plain)),
            (Method::POST, "x", "", Err(Refused::Plain)),
        ] {
            let mut request = http::Request::builder().method(method);
            for (known, good) in GOOD {
                request = request.header(known, if known == name { value } else { good });
            }
            let parts = request.body(()).unwrap().into_parts().0;
            let accept = check(&parts).map(|value| value.to_str().unwrap().to_owned());
            assert_eq!(accept, expected.map(str::to_owned), "{name}: {value}");
        }
    }
}
