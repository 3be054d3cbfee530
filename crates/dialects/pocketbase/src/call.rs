use crate::App;
use crate::asker;
use crate::body::{self, BodyError, Payload};
use crate::error::ApiError;
use crate::query::Query;
use crate::wire;
use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::response::Response;
use http::StatusCode;
use http::request::Parts;
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::Value as Json;
use std::sync::Arc;
use tidewire_model::{Catalog, Collection};
use tidewire_records::Asker;
use tidewire_records::show::Fields;

/// One request with everything a handler needs of it.
pub struct Call {
    pub app: App,
    pub parts: Parts,
    pub query: Query,
    pub asker: Asker,
    path: Vec<(String, String)>,
    /// never locked: a body alone cannot be shared, and handlers hold on to the call while they wait
    body: Mutex<Body>,
}

impl Call {
    /// A named part of the path, decoded.
    pub fn param(&self, name: &str) -> &str {
        self.path.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    pub fn catalog(&self) -> Arc<Catalog> {
        self.app.store.catalog()
    }

    /// The collection that the path names; `missing` is the message if there is none.
    pub fn collection(&self, missing: &str) -> Result<Arc<Collection>, ApiError> {
        let catalog = self.catalog();
        let found = catalog.find(&self.asker.tenant, self.param("collection"));
        found.cloned().ok_or_else(|| ApiError::not_found(missing))
    }

    /// The body, read once; later calls see none.
    pub async fn read_body(&mut self, limit: usize) -> Result<Payload, BodyError> {
        body::read(&self.parts, std::mem::take(self.body.get_mut()), limit).await
    }

    pub fn require_auth(&self) -> Result<(), ApiError> {
        match self.asker.principal.record() {
            Some(_) => Ok(()),
            None => Err(ApiError::unauthorized("The request requires valid record authorization token.")),
        }
    }

    pub fn require_superuser(&self) -> Result<(), ApiError> {
        self.require_auth()?;
        if self.asker.principal.is_superuser() {
            return Ok(());
        }
        Err(ApiError::forbidden("The authorized record is not allowed to perform this action."))
    }

    /// The `fields` option; `None` if everything is shown.
    pub fn fields(&self) -> Option<Fields> {
        match self.query.get("fields") {
            "" => None,
            text => Fields::parse(text),
        }
    }

    /// A 200 with this value, its members in the order in which they are declared if nothing is picked.
    pub fn answer_as(&self, value: &impl Serialize) -> Result<Response, ApiError> {
        let text = serde_json::to_vec(value).map_err(|_| ApiError::internal())?;
        let Some(fields) = self.fields() else { return Ok(wire::raw_json(StatusCode::OK, text)) };
        let json = serde_json::from_slice(&text).map_err(|_| ApiError::internal())?;
        Ok(wire::json(StatusCode::OK, &fields.pick(&json)))
    }

    /// A 200 with what `fields` picks of this JSON.
    pub fn answer(&self, json: &Json) -> Response {
        self.answer_in_order(json, &[])
    }

    /// The same, with the outer keys in this order if nothing is picked.
    pub fn answer_in_order(&self, json: &Json, order: &[&str]) -> Response {
        match self.fields() {
            Some(fields) => wire::json(StatusCode::OK, &fields.pick(json)),
            None => wire::ordered_json(StatusCode::OK, json, order),
        }
    }
}

impl FromRequest<App> for Call {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let path = RawPathParams::from_request_parts(&mut parts, app).await;
        let path = path.map_err(|_| ApiError::not_found(""))?;
        let path: Vec<(String, String)> =
            path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let query = Query::parse(parts.uri.query().unwrap_or_default());
        let mut asker = asker::from_request(app, &parts, &query)?;
        let collection = path.iter().find(|(name, _)| name == "collection");
        if let Some((_, id)) = collection.filter(|_| asker.is_superuser()) {
            asker::follow(&mut asker, &app.store.catalog(), id);
        }
        Ok(Self { app: app.clone(), parts, query, asker, path, body: Mutex::new(body) })
    }
}
