use super::Events;
use http::request::Parts;
use http::{HeaderValue, header};
use std::net::IpAddr;
use tidewire_records::Asker;

/// Where a connection comes from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// `sse` or `ws`
    pub transport: &'static str,
    pub ip: IpAddr,
    pub user_agent: Box<str>,
    /// without its query, which may hold a token
    pub path: Box<str>,
}

/// Who a connection is.
#[derive(Clone, Debug)]
pub struct Who {
    pub asker: Asker,
    /// what it has shown
    pub token_type: Option<&'static str>,
}

impl Events {
    /// `None` if nobody would be told of the connection.
    pub fn origin(&self, parts: &Parts, transport: &'static str, ip: IpAddr) -> Option<Box<Origin>> {
        self.follows().then(|| {
            let path = parts.uri.path().into();
            Box::new(Origin { transport, ip, user_agent: user_agent(parts).into(), path })
        })
    }
}

/// "" if there is none.
pub(super) fn user_agent(parts: &Parts) -> String {
    let agent = parts.headers.get(header::USER_AGENT).map_or(&b""[..], HeaderValue::as_bytes);
    String::from_utf8_lossy(agent).into_owned()
}
