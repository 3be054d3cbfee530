use crate::address::is_public;
use crate::guard::{Allowed, Guard, check};
use crate::redirect::{Journey, MOST};
use crate::{OutboundError, Policy, Request, Response, Roots, tls};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Method, Url};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// connections that stay open for the next request to the same host
const IDLE_PER_HOST: usize = 4;
const IDLE: Duration = Duration::from_secs(30);

/// Sends requests within one policy; cheap to clone.
#[derive(Clone)]
pub struct Client {
    /// or why there is none
    inner: Result<reqwest::Client, OutboundError>,
    allowed: Allowed,
    policy: Policy,
}

impl Client {
    /// Trusts whoever browsers trust.
    pub fn new(policy: Policy) -> Self {
        Self::trusting(&Roots::default(), policy)
    }

    pub fn trusting(roots: &Roots, policy: Policy) -> Self {
        let private = policy.private;
        Self::guarded(roots, policy, Arc::new(move |address: IpAddr| private || is_public(address)))
    }

    fn guarded(roots: &Roots, policy: Policy, allowed: Allowed) -> Self {
        let inner = build(roots, allowed.clone());
        Self { inner, allowed, policy }
    }

    /// Asks, and reads the whole answer. Redirects are followed, with each address checked anew; another host is not told
    /// who asks.
    pub async fn send(&self, request: Request) -> Result<Response, OutboundError> {
        let timeout = request.timeout.map_or(self.policy.timeout, |wanted| wanted.min(self.policy.timeout));
        let answer = tokio::time::timeout(timeout, self.travel(prepare(request)?));
        answer.await.unwrap_or(Err(OutboundError::TimedOut))
    }

    async fn travel(&self, mut journey: Journey) -> Result<Response, OutboundError> {
        for _ in 0..=MOST {
            let answer = self.ask(&journey).await?;
            let location = answer.headers().get(LOCATION).map(HeaderValue::as_bytes);
            if !journey.turn(answer.status().as_u16(), location) {
                return read(answer, self.policy.bytes).await;
            }
        }
        Err(OutboundError::Redirects(MOST))
    }

    async fn ask(&self, journey: &Journey) -> Result<reqwest::Response, OutboundError> {
        check(&journey.url, &self.allowed)?;
        let client = self.inner.as_ref().map_err(Clone::clone)?;
        let mut request =
            client.request(journey.method.clone(), journey.url.clone()).headers(journey.headers.clone());
        if !journey.body.is_empty() {
            request = request.body(journey.body.clone());
        }
        Ok(request.send().await?)
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("policy", &self.policy).finish_non_exhaustive()
    }
}

fn build(roots: &Roots, allowed: Allowed) -> Result<reqwest::Client, OutboundError> {
    let tls = tls::config(roots)?;
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(Arc::new(Guard { allowed }))
        // a proxy of the environment would connect in our place, wherever it is told to
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .http1_only()
        .pool_max_idle_per_host(IDLE_PER_HOST)
        .pool_idle_timeout(IDLE);
    Ok(builder.build()?)
}

fn prepare(request: Request) -> Result<Journey, OutboundError> {
    let invalid = |text: String| OutboundError::Invalid(text);
    let method =
        if request.method.is_empty() { "GET".to_owned() } else { request.method.to_ascii_uppercase() };
    let method =
        Method::from_bytes(method.as_bytes()).map_err(|_| invalid(format!("no method: {method:?}")))?;
    let url = Url::parse(&request.url).map_err(|error| invalid(format!("no address: {error}")))?;
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        let fault = || invalid(format!("no header: {name:?}"));
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| fault())?;
        headers.append(name, HeaderValue::from_str(value).map_err(|_| fault())?);
    }
    Ok(Journey { method, url, headers, body: request.body })
}

async fn read(mut answer: reqwest::Response, most: usize) -> Result<Response, OutboundError> {
    if answer.content_length().is_some_and(|length| length > most as u64) {
        return Err(OutboundError::TooLarge(most));
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > most {
            return Err(OutboundError::TooLarge(most));
        }
        body.extend_from_slice(&chunk);
    }
    let texts = answer.headers().iter().filter_map(|(name, value)| Some((name, value.to_str().ok()?)));
    let headers = texts.map(|(name, value)| (name.as_str().to_owned(), value.to_owned())).collect();
    Ok(Response { status: answer.status().as_u16(), headers, body })
}

#[cfg(test)]
mod tests;
