//! Who sends a request: token, tenant, address, and what rules may read of the request.

use crate::App;
use crate::error::ApiError;
use crate::query::{Query, unescape};
use axum::extract::ConnectInfo;
use http::request::Parts;
use http::{HeaderMap, header};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tidewire_model::{Catalog, Language, TenantId};
use tidewire_records::{Asker, account, sign_in};

/// The header by which a superuser names a tenant, by its id, slug or code.
const TENANT_HEADER: &str = "x-account-id";

/// A wrong token is a guest; only a superuser who names an unknown tenant is refused.
pub fn from_request(app: &App, parts: &Parts, query: &Query) -> Result<Asker, ApiError> {
    let token = token(&parts.headers, query).unwrap_or_default();
    let wanted = wanted_tenant(app, &parts.headers)?;
    let tenant = wanted.clone().flatten().unwrap_or_default();
    let principal = match token.as_str() {
        "" => tidewire_model::Principal::Guest,
        token => sign_in::principal(&app.store, token, &tenant),
    };
    if principal.is_superuser() && wanted == Some(None) {
        return Err(ApiError::not_found("Missing or invalid account."));
    }
    let tenant = principal.identity().map(|identity| identity.tenant.clone()).unwrap_or_default();
    Ok(Asker {
        principal,
        tenant,
        language: Language::PocketBase,
        context: "default",
        method: parts.method.as_str().to_owned(),
        query: query.first_values(),
        headers: header_facts(&parts.headers),
    })
}

/// A superuser who names a tenant's own collection by its id works in that tenant.
pub fn follow(asker: &mut Asker, catalog: &Catalog, id: &str) {
    if let Some(owner) = catalog.by_id(id).and_then(|collection| collection.owner.as_ref()) {
        asker.tenant = owner.clone();
    }
}

/// `Authorization` with or without `Bearer`; without that header `?token=`, then the cookie `pb_auth`.
pub fn token(headers: &HeaderMap, query: &Query) -> Option<String> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let found = match given.get(..7) {
        Some(scheme) if scheme.eq_ignore_ascii_case("bearer ") && given.len() > 7 => given[7..].to_owned(),
        _ if !given.is_empty() => given.to_owned(),
        _ if !query.get("token").is_empty() => query.get("token").to_owned(),
        _ => cookie_token(headers)?,
    };
    Some(found)
}

/// The address of the peer; unspecified if the server did not tell.
pub fn address(parts: &Parts) -> IpAddr {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip().to_canonical())
}

/// Words in lower case, joined by `_`: every non-word character and every hump splits.
pub fn snake_case(text: &str) -> String {
    let mut snake = String::with_capacity(text.len() + 4);
    for word in text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        if !snake.is_empty() {
            snake.push('_');
        }
        let mut after_upper = true;
        for character in word.chars() {
            if character.is_ascii_uppercase() && !after_upper {
                snake.push('_');
            }
            after_upper = character.is_ascii_uppercase();
            snake.push(character.to_ascii_lowercase());
        }
    }
    snake
}

fn header_facts(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        facts.entry(fact_name(name.as_str())).or_insert(value);
    }
    facts
}

/// The name of a header in snake case: most are words in lower case already, with one hyphen between them.
fn fact_name(name: &str) -> String {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    if name.split('-').all(is_word) { name.replace('-', "_") } else { snake_case(name) }
}

/// `None`: no tenant was named; `Some(None)`: one that does not exist.
fn wanted_tenant(app: &App, headers: &HeaderMap) -> Result<Option<Option<TenantId>>, ApiError> {
    let Some(name) = headers.get(TENANT_HEADER).and_then(|value| value.to_str().ok()) else {
        return Ok(None);
    };
    let named = app.store.read_here(|snapshot| account::find(snapshot, name))?;
    Ok(Some(named.map(|account| account.id)))
}

fn cookie_token(headers: &HeaderMap) -> Option<String> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let value = pairs
        .flat_map(|line| line.split(';'))
        .find_map(|pair| pair.trim().strip_prefix("pb_auth="))
        .and_then(unescape)?;
    let state: serde_json::Value = serde_json::from_str(&value).ok()?;
    state.get("token")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn names_become_snake_case() {
        for (name, expected) in [
            ("X-App-Instance", "x_app_instance"),
            ("xAppInstance", "x_app_instance"),
            ("X-APP-INSTANCE", "x_app_instance"),
            ("X App.Instance", "x_app_instance"),
            ("x_token", "x_token"),
            ("myTestDB", "my_test_db"),
            ("content-type", "content_type"),
            ("host", "host"),
            ("a--b", "a_b"),
            ("a-1", "a_1"),
            ("--a--", "a"),
            ("", ""),
        ] {
            assert_eq!(snake_case(name), expected, "{name}");
            assert_eq!(fact_name(name), expected, "{name}");
        }
    }

    #[test]
    fn tokens_are_found_where_clients_put_them() {
        for (authorization, cookie, query, expected) in [
            ("abc", "", "", Some("abc")),
            ("Bearer abc", "", "", Some("abc")),
            ("bEARER abc", "", "token=q", Some("abc")),
            ("Bearer ", "", "", Some("Bearer ")),
            ("", "", "token=q", Some("q")),
            ("", "x=1; pb_auth=%7B%22token%22%3A%22c%22%7D", "", Some("c")),
            ("", "pb_auth=junk", "", None),
            ("", "", "", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(authorization));
            headers.insert(header::COOKIE, HeaderValue::from_static(cookie));
            assert_eq!(token(&headers, &Query::parse(query)).as_deref(), expected);
        }
    }
}
