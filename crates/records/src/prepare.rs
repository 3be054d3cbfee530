//! What must happen to a body before the write begins: passwords are hashed outside of the writer's thread.

use crate::error::RecordError;
use serde_json::{Map, Value as Json};
use std::sync::Arc;
use tidewire_auth::Passwords;
use tidewire_model::Collection;

/// A request body as a map of fields; form values are already inferred.
pub type Body = Map<String, Json>;

/// A body with its password hashed.
#[derive(Clone, Debug, Default)]
pub struct Prepared {
    pub body: Body,
    /// hash of `body.password`, for auth collections
    pub password_hash: Option<String>,
}

/// Hashes the password of a body for an auth collection; other bodies pass unchanged.
pub async fn prepare(
    passwords: &Passwords,
    collection: &Arc<Collection>,
    body: Body,
) -> Result<Prepared, RecordError> {
    let _ = (passwords, collection, body);
    unimplemented!()
}
