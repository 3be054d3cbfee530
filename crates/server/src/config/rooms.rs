use super::{Config, number, seconds, switch};
use tidewire_cocobase::realtime::Options;
use tidewire_feed::RoomLimits;

/// What CocoBase's sockets may take.
pub fn cocobase(config: &Config) -> anyhow::Result<Options> {
    let defaults = config.cocobase.clone();
    Ok(Options {
        auth_timeout: seconds("TIDEWIRE_COCOBASE_AUTH_TIMEOUT", defaults.auth_timeout)?,
        frame_bytes: number("TIDEWIRE_COCOBASE_FRAME_BYTES", defaults.frame_bytes)?,
        message_bytes: number("TIDEWIRE_COCOBASE_MESSAGE_BYTES", defaults.message_bytes)?,
        name_bytes: number("TIDEWIRE_COCOBASE_NAME_BYTES", defaults.name_bytes)?,
        message_rate: number("TIDEWIRE_COCOBASE_MESSAGE_RATE", defaults.message_rate)?,
        sockets: number("TIDEWIRE_COCOBASE_SOCKETS", defaults.sockets)?,
        refusals: Some(number("TIDEWIRE_COCOBASE_REFUSALS", defaults.refusals.unwrap_or_default())?),
        room_scope_project: switch("TIDEWIRE_ROOMS_PER_PROJECT", defaults.room_scope_project)?,
        ..defaults
    })
}

/// What rooms may take.
pub fn limits(defaults: RoomLimits) -> anyhow::Result<RoomLimits> {
    Ok(RoomLimits {
        rooms: number("TIDEWIRE_ROOMS", defaults.rooms)?,
        members: number("TIDEWIRE_ROOM_MEMBERS", defaults.members)?,
        grace: seconds("TIDEWIRE_ROOM_GRACE", defaults.grace)?,
        history: number("TIDEWIRE_ROOM_HISTORY", defaults.history)?,
        history_age: seconds("TIDEWIRE_ROOM_HISTORY_AGE", defaults.history_age)?,
        history_bytes: number("TIDEWIRE_ROOM_HISTORY_BYTES", defaults.history_bytes)?,
    })
}
