//! Asks a provider for the user of an access token.

use crate::known::{Header, Source};
use crate::{OAuthError, Provider};
use serde_json::{Value as Json, json};
use tidewire_outbound::{Client, Request};

pub(crate) const AGENT: (&str, &str) = ("user-agent", "tidewire");

/// What came of a question.
pub(crate) enum Asked {
    Told(Json),
    Refused(u16),
}

/// The user's data, always an object.
pub(crate) async fn fetch(client: &Client, provider: &Provider, token: &str) -> Result<Json, OAuthError> {
    let url = provider.user_info_url();
    if url.is_empty() {
        return Err(OAuthError::Address("userInfoURL"));
    }
    match ask(client, provider, url, token).await? {
        Asked::Told(json) if json.is_object() => Ok(json),
        Asked::Told(_) => Err(OAuthError::user("the answer is no object")),
        Asked::Refused(status) => Err(OAuthError::user(format!("refused with {status}"))),
    }
}

pub(crate) async fn ask(
    client: &Client,
    provider: &Provider,
    url: &str,
    token: &str,
) -> Result<Asked, OAuthError> {
    let answer = client.send(request(provider, url, token)).await;
    let answer = answer.map_err(|error| OAuthError::user(error.to_string()))?;
    if answer.status >= 400 {
        return Ok(Asked::Refused(answer.status));
    }
    let json = serde_json::from_slice(&answer.body).map_err(|_| OAuthError::user("the answer is no JSON"))?;
    Ok(Asked::Told(json))
}

fn request(provider: &Provider, url: &str, token: &str) -> Request {
    let mut headers = vec![
        ("authorization".to_owned(), format!("Bearer {token}")),
        ("accept".to_owned(), "application/json".to_owned()),
        (AGENT.0.to_owned(), AGENT.1.to_owned()),
    ];
    for (name, value) in provider.known.headers {
        let value = match value {
            Header::Text(text) => (*text).to_owned(),
            Header::ClientId => provider.options.client_id.to_string(),
        };
        headers.push(((*name).to_owned(), value));
    }
    let url = url.to_owned();
    match provider.known.source {
        Source::Query(query) => {
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
            let body = json!({ "query": query }).to_string().into_bytes();
            Request { method: "POST".to_owned(), url, headers, body, timeout: None }
        }
        _ => Request { method: "GET".to_owned(), url, headers, body: Vec::new(), timeout: None },
    }
}
