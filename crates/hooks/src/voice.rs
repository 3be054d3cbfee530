use crate::ActError;
use serde_json::Value as Json;
use tidewire_model::TenantId;

/// Speaks to connections that are open now; the part of the server that keeps rooms lends it.
pub trait Voice: Send + Sync {
    /// to the members of a room; nothing happens if nobody is in it
    fn say(&self, tenant: &TenantId, room: &str, data: Json) -> Result<(), ActError>;
    /// to everyone on the project's broadcast
    fn broadcast(&self, tenant: &TenantId, event: &str, data: Json) -> Result<(), ActError>;
}
