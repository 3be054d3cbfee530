use crate::App;
use crate::asker::{self, Caller};
use crate::error::ApiError;
use crate::form::{self, Form};
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use http::StatusCode;
use http::request::Parts;
use parking_lot::Mutex;
use serde_json::Value as Json;
use std::net::IpAddr;
use std::sync::Arc;
use tidewire_model::{Catalog, Identity};

/// Bytes of a request body; beyond them the answer is 413.
pub const BODY_BYTES_MAX: usize = 10 << 20;

/// One request with everything a handler needs of it.
pub struct Call {
    pub app: App,
    pub parts: Parts,
    path: Vec<(String, String)>,
    query: Vec<(String, String)>,
    /// never locked: a body alone cannot be shared, and handlers hold on to the call while they wait
    body: Mutex<Body>,
}

impl Call {
    /// A named part of the path, decoded.
    pub fn param(&self, name: &str) -> &str {
        find(&self.path, name).unwrap_or_default()
    }

    /// The first value of a query key.
    pub fn query(&self, name: &str) -> Option<&str> {
        find(&self.query, name)
    }

    /// All keys and values of the query, in their order.
    pub fn queries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.query.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub fn catalog(&self) -> Arc<Catalog> {
        self.app.store.catalog()
    }

    /// Who sends it; a wrong token is refused.
    pub fn caller(&self) -> Result<Caller, ApiError> {
        asker::caller(&self.app, &self.parts)
    }

    /// Whoever is signed in; a guest is refused.
    pub fn user(&self) -> Result<Arc<Identity>, ApiError> {
        self.caller()?.identity().cloned()
    }

    pub fn superadmin(&self) -> Result<Arc<Identity>, ApiError> {
        self.caller()?.require_superadmin().cloned()
    }

    pub fn address(&self) -> IpAddr {
        asker::address(&self.parts)
    }

    /// The body as JSON, read once; `None` if there is none.
    pub async fn json(&mut self) -> Result<Option<Json>, ApiError> {
        let body = std::mem::take(self.body.get_mut());
        let too_large = |_| ApiError::detail(StatusCode::PAYLOAD_TOO_LARGE, "Request body too large");
        let bytes = to_bytes(body, BODY_BYTES_MAX).await.map_err(too_large)?;
        form::parse(&bytes)
    }

    /// The body as an object, to be read field by field.
    pub async fn form(&mut self) -> Result<Form, ApiError> {
        Form::new(self.json().await?)
    }
}

impl FromRequest<App> for Call {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let path = RawPathParams::from_request_parts(&mut parts, app).await;
        let path = path.map_err(|_| ApiError::detail(StatusCode::NOT_FOUND, "Not Found"))?;
        let path = path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let query = parts.uri.query().unwrap_or_default();
        let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Ok(Self { app: app.clone(), parts, path, query, body: Mutex::new(body) })
    }
}

fn find<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
}
