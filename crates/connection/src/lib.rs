//! What all dialects need between a socket and the feed: answers as JSON text, a panic that costs one request only, event
//! streams and WebSockets that read an outbox, snapshots that come before the changes, events for user code.

pub mod answer;
pub mod events;
pub mod panic;
pub mod settling;
pub mod snapshot;
pub mod sse;
pub mod websocket;
