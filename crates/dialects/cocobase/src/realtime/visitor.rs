//! Whose a socket is: a project, by its key, and a user of it, if there is a token.

use crate::App;
use crate::error::ApiError;
use crate::realtime::access::Access;
use crate::realtime::first_frame::FirstFrame;
use crate::realtime::refusal::Refusal;
use http::{HeaderMap, StatusCode};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use tidewire_model::{Principal, TenantId};
use tidewire_records::sign_in;

/// An admitted client. It counts among the sockets of its project until it is dropped.
pub struct Visitor {
    pub access: Access,
    pub principal: Principal,
    api_key: String,
    crowd: Crowd,
}

/// Open sockets by project.
#[derive(Clone, Default)]
pub struct Crowd {
    counts: Arc<Mutex<HashMap<TenantId, usize>>>,
}

/// Finds out who sent a first frame.
pub fn admit(app: &App, frame: &FirstFrame) -> Result<Visitor, Refusal> {
    let access = access(app, &frame.api_key)?.ok_or(Refusal::KeyUnknown)?;
    let principal = match &frame.token {
        Some(token) => user(app, token, access.project())?,
        None => Principal::Guest,
    };
    let crowd = app.realtime.crowd.clone();
    if !crowd.enter(access.project(), app.realtime.options.sockets) {
        return Err(Refusal::TooManyConnections);
    }
    Ok(Visitor { access, principal, api_key: frame.api_key.clone(), crowd })
}

/// The project of a request's key.
pub fn project_of_header(app: &App, headers: &HeaderMap) -> Result<TenantId, ApiError> {
    let key = headers.get("x-api-key").and_then(|value| value.to_str().ok()).unwrap_or_default();
    match access(app, key) {
        Ok(Some(access)) => Ok(access.project().clone()),
        Ok(None) => Err(ApiError::new(StatusCode::UNAUTHORIZED, "Invalid API key")),
        Err(_) => Err(ApiError::internal()),
    }
}

fn access(app: &App, key: &str) -> Result<Option<Access>, Refusal> {
    let opened = app.keys.open(key).map_err(|error| {
        tracing::error!(%error, "cannot look up an API key");
        Refusal::Unavailable
    })?;
    Ok(opened.map(|key| Access { key }))
}

/// A token that is none of this project's users' is told: it was given on purpose.
fn user(app: &App, token: &str, project: &TenantId) -> Result<Principal, Refusal> {
    let principal = sign_in::principal(&app.store, token, project);
    match principal.identity() {
        Some(identity) if !identity.superuser && identity.tenant == *project => Ok(principal),
        _ => Err(Refusal::Failed("invalid token".to_owned())),
    }
}

impl Visitor {
    /// Whether its key still opens the project.
    pub fn check(&self, app: &App) -> Result<(), Refusal> {
        match access(app, &self.api_key)? {
            Some(access) if access.project() == self.access.project() => Ok(()),
            _ => Err(Refusal::KeyUnknown),
        }
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        self.crowd.leave(self.access.project());
    }
}

impl Crowd {
    /// False if there are `bound` already; 0 is no bound.
    fn enter(&self, project: &TenantId, bound: usize) -> bool {
        let mut counts = self.counts.lock();
        let count = counts.entry(project.clone()).or_default();
        let fits = bound == 0 || *count < bound;
        *count += usize::from(fits);
        fits
    }

    fn leave(&self, project: &TenantId) {
        let mut counts = self.counts.lock();
        if let Some(count) = counts.get_mut(project) {
            *count -= 1;
            if *count == 0 {
                counts.remove(project);
            }
        }
    }
}
