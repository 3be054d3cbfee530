use crate::{Client, Error};
use reqwest::header::{AUTHORIZATION, RETRY_AFTER};
use reqwest::{Method, Response, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use std::time::Duration;

/// One request before it is sent.
pub(crate) struct Request {
    builder: reqwest::RequestBuilder,
    url: Url,
    token: String,
    timeout: Option<Duration>,
}

impl Request {
    pub(crate) fn new(client: &Client, method: Method, path: &str) -> Self {
        let inner = &client.inner;
        let mut url = inner.url.clone();
        url.set_path(&format!("{}{}", inner.url.path(), path.trim_start_matches('/')));
        let builder = inner.http.request(method, url.clone());
        Self { builder, url, token: inner.auth.token(), timeout: Some(inner.timeout) }
    }

    pub(crate) fn query(mut self, pairs: &[(String, String)]) -> Self {
        if !pairs.is_empty() {
            self.builder = self.builder.query(pairs);
        }
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.builder = self.builder.header(name, value);
        self
    }

    pub(crate) fn json(mut self, body: &(impl Serialize + ?Sized)) -> Self {
        self.builder = self.builder.json(body);
        self
    }

    /// Signed as somebody else, or, with an empty token, as nobody.
    pub(crate) fn token(mut self, token: String) -> Self {
        self.token = token;
        self
    }

    /// For answers that do not end.
    pub(crate) fn endless(mut self) -> Self {
        self.timeout = None;
        self
    }

    /// The answer, with its body still to be read; an error if its status is one.
    pub(crate) async fn send(self) -> Result<Response, Error> {
        let url = self.url.to_string();
        let mut builder = self.builder;
        if !self.token.is_empty() {
            builder = builder.header(AUTHORIZATION, self.token);
        }
        if let Some(timeout) = self.timeout {
            builder = builder.timeout(timeout);
        }
        let answer = builder.send().await.map_err(|source| Error::Transport { url: url.clone(), source })?;
        if answer.status().is_success() { Ok(answer) } else { Err(refusal(url, answer).await) }
    }

    /// The answer's JSON as `T`.
    pub(crate) async fn read<T: DeserializeOwned>(self) -> Result<T, Error> {
        let url = self.url.to_string();
        let body = self.send().await?.bytes().await;
        let body = body.map_err(|source| Error::Transport { url: url.clone(), source })?;
        serde_json::from_slice(&body).map_err(|error| Error::Decode { url, reason: error.to_string() })
    }
}

impl Request {
    pub(crate) async fn read_any(self) -> Result<Json, Error> {
        let url = self.url.to_string();
        let body = self.send().await?.bytes().await;
        let body = body.map_err(|source| Error::Transport { url: url.clone(), source })?;
        if body.is_empty() {
            return Ok(Json::Null);
        }
        serde_json::from_slice(&body).map_err(|error| Error::Decode { url, reason: error.to_string() })
    }
}

async fn refusal(url: String, answer: Response) -> Error {
    let status = answer.status();
    let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let body: Json = match answer.bytes().await {
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
        Err(_) => Json::Null,
    };
    let told = body["message"].as_str().filter(|text| !text.is_empty());
    let message = told.or(status.canonical_reason()).unwrap_or("refused").to_owned();
    let retry_after = retry_after.map(Duration::from_secs);
    Error::Response { status: status.as_u16(), message, body, url, retry_after }
}
