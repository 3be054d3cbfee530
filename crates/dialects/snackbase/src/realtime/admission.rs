//! Who may connect: where tokens are read, and what becomes of those who have none.

use crate::{App, api_keys, asker, cors, token};
use http::request::Parts;
use http::{HeaderMap, header};
use std::sync::Arc;
use tidewire_connection::websocket;
use tidewire_model::{Identity, Principal, Timestamp};

/// What became of somebody who connects.
pub struct Admission {
    pub admitted: Result<Admitted, Denied>,
    /// the subprotocol to say back
    pub protocol: Option<String>,
}

/// Who is let in, and by what.
pub struct Admitted {
    pub principal: Principal,
    /// `jwt` or `api_key`
    pub token_type: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    Missing,
    Failed,
}

/// False if the address was refused too often of late. Who is let in afterwards must be [`forgiven`].
pub fn may_try(app: &App, parts: &Parts) -> bool {
    app.realtime.refusals.begin(asker::address(parts), "", Timestamp::now())
}

pub fn forgiven(app: &App, parts: &Parts) {
    app.realtime.refusals.succeeded(asker::address(parts), "");
}

/// The query, else a subprotocol, else the header. A bad token is not rescued by a good one elsewhere.
pub fn of_websocket(app: &App, parts: &Parts, query: &[(String, String)]) -> Admission {
    let offered: Vec<&str> = websocket::offered(&parts.headers).collect();
    // without an answer a browser would hear neither events nor the close frame
    let first = offered.first().map(|first| (*first).to_owned());
    if let Some(token) = query_token(query) {
        return Admission { admitted: verify(app, token), protocol: first };
    }
    if let Some(first) = first {
        let good = offered.iter().find_map(|token| Some((*token, verify(app, token).ok()?)));
        let protocol = good.as_ref().map_or(first, |(token, _)| (*token).to_owned());
        let admitted = good.map(|(_, admitted)| admitted).ok_or(Denied::Failed);
        return Admission { admitted, protocol: Some(protocol) };
    }
    let token = bearer(&parts.headers).ok_or(Denied::Missing);
    Admission { admitted: token.and_then(|token| verify(app, token)), protocol: None }
}

/// The query, else the header.
pub fn of_stream(app: &App, parts: &Parts, query: &[(String, String)]) -> Result<Admitted, Denied> {
    let token = query_token(query).or_else(|| bearer(&parts.headers)).ok_or(Denied::Missing)?;
    verify(app, token)
}

/// Names and values of the request's query, in their order.
pub fn query(parts: &Parts) -> Vec<(String, String)> {
    form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect()
}

/// False if there is an allow-list that does not have the page's origin.
pub fn is_origin_allowed(app: &App, headers: &HeaderMap) -> bool {
    headers.get(header::ORIGIN).is_none_or(|origin| cors::is_allowed(&app.origins, origin))
}

fn query_token(query: &[(String, String)]) -> Option<&str> {
    let token = query.iter().rev().find(|(name, _)| name == "token");
    token.map(|(_, token)| token.as_str()).filter(|token| !token.is_empty())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty()).then(|| token.trim())
}

fn verify(app: &App, token: &str) -> Result<Admitted, Denied> {
    let identity = token::identify(app, token).map_err(|_| Denied::Failed)?;
    let expires_at = identity.expires_at.filter(|_| app.realtime.options.expire);
    let principal = Principal::Known(Arc::new(Identity { expires_at, ..identity }));
    let token_type = if api_keys::is_one(token) { "api_key" } else { "jwt" };
    Ok(Admitted { principal, token_type })
}
