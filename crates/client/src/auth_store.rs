use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::sync::Arc;

/// A token and the record that it signs in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Auth {
    pub token: String,
    pub record: Json,
}

/// Who is signed in. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct AuthStore {
    auth: Arc<RwLock<Auth>>,
}

impl AuthStore {
    /// The token; empty if nobody is signed in.
    pub fn token(&self) -> String {
        self.auth.read().token.clone()
    }

    pub fn save(&self, auth: Auth) -> Result<(), crate::Error> {
        *self.auth.write() = auth;
        Ok(())
    }
}
