use crate::{Client, Error, retry};
use reqwest::header::{AUTHORIZATION, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use std::time::Duration;

/// One request before it is sent.
pub(crate) struct Request {
    client: Client,
    builder: reqwest::RequestBuilder,
    url: Url,
    /// the store's if `None`
    token: Option<String>,
    timeout: Option<Duration>,
}

impl Request {
    pub(crate) fn new(client: &Client, method: Method, path: &str) -> Self {
        let inner = &client.inner;
        let mut url = inner.url.clone();
        url.set_path(&format!("{}{}", inner.url.path(), path.trim_start_matches('/')));
        let builder = inner.http.request(method, url.clone());
        let timeout = Some(inner.timeout);
        Self { client: client.clone(), builder, url, token: None, timeout }
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

    pub(crate) fn multipart(mut self, form: reqwest::multipart::Form) -> Self {
        self.builder = self.builder.multipart(form);
        self
    }

    /// Signed as somebody else, or, with an empty token, as nobody.
    pub(crate) fn token(mut self, token: String) -> Self {
        self.token = Some(token);
        self
    }

    /// For answers that do not end; whoever reads them tries again.
    pub(crate) fn endless(mut self) -> Self {
        self.timeout = None;
        self
    }

    /// The answer, with its body still to be read; an error if its status is one.
    pub(crate) async fn send(mut self) -> Result<Response, Error> {
        let token = match self.token.take() {
            Some(token) => token,
            None => self.client.fresh_token().await?,
        };
        let retries = if self.timeout.is_some() { self.client.inner.retries } else { 0 };
        self.exchange(token, retries).await
    }

    /// Sent as it is: no token is renewed before.
    pub(crate) async fn exchange(self, token: String, retries: u32) -> Result<Response, Error> {
        let url = self.url.to_string();
        let mut builder = self.builder;
        if !token.is_empty() {
            builder = builder.header(AUTHORIZATION, token);
        }
        if let Some(timeout) = self.timeout {
            builder = builder.timeout(timeout);
        }
        let answer = retry::send(builder, retries).await;
        let answer = answer.map_err(|source| Error::Transport { url: url.clone(), source })?;
        if answer.status().is_success() { Ok(answer) } else { Err(refusal(url, answer).await) }
    }

    /// The answer's JSON as `T`.
    pub(crate) async fn read<T: DeserializeOwned>(self) -> Result<T, Error> {
        decode(self.send().await?).await
    }

    /// The answer's JSON; `Null` if it has none.
    pub(crate) async fn read_any(self) -> Result<Json, Error> {
        let answer = self.send().await?;
        if answer.content_length() == Some(0) || answer.status() == StatusCode::NO_CONTENT {
            return Ok(Json::Null);
        }
        decode(answer).await
    }
}

pub(crate) async fn decode<T: DeserializeOwned>(answer: Response) -> Result<T, Error> {
    let url = answer.url().to_string();
    let body = answer.bytes().await.map_err(|source| Error::Transport { url: url.clone(), source })?;
    serde_json::from_slice(&body).map_err(|error| Error::Decode { url, reason: error.to_string() })
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
