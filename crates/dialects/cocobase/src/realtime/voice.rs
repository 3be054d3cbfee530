//! What the server itself says in rooms and on broadcasts.

use crate::realtime::herald::{BroadcastHerald, RoomHerald};
use serde_json::Value as Json;
use std::sync::Arc;
use tidewire_feed::{Channel, Feed, Herald, Speech};
use tidewire_hooks::{ActError, Voice};
use tidewire_model::TenantId;

/// As who it speaks.
const USER: &str = "server";
const NAME: &str = "Server";
/// Bytes of an event's name.
const EVENT: usize = 256;

/// Speaks in the frames of this dialect.
pub struct ServerVoice {
    pub feed: Feed,
    /// each project has room ids of its own
    pub own_rooms: bool,
    /// bytes of what one message says
    pub bytes: usize,
}

impl Voice for ServerVoice {
    fn say(&self, tenant: &TenantId, room: &str, data: Json) -> Result<(), ActError> {
        let channel = Channel::Room { scope: self.own_rooms.then(|| tenant.clone()), id: room.into() };
        self.speak(channel, tenant, &data, Arc::new(RoomHerald))
    }

    fn broadcast(&self, tenant: &TenantId, event: &str, data: Json) -> Result<(), ActError> {
        if event.is_empty() || event.len() > EVENT {
            return Err(ActError::new(400, "the name of an event has 1 to 256 bytes"));
        }
        let herald = Arc::new(BroadcastHerald { kind: event.to_owned().into() });
        self.speak(Channel::Broadcast(tenant.clone()), tenant, &data, herald)
    }
}

impl ServerVoice {
    fn speak(
        &self,
        channel: Channel,
        tenant: &TenantId,
        data: &Json,
        herald: Arc<dyn Herald>,
    ) -> Result<(), ActError> {
        let data = serde_json::to_vec(data).map_err(|error| ActError::new(400, error.to_string()))?;
        if data.len() > self.bytes {
            return Err(ActError::new(413, "the message is too large"));
        }
        let (user, name) = (USER.into(), NAME.into());
        let speech = Speech { channel, tenant: tenant.clone(), user, name, data: data.into(), herald };
        if self.feed.speak(speech) {
            return Ok(());
        }
        Err(ActError::new(503, "too much waits to be said"))
    }
}
