//! What all dialects need between a socket and the feed: answers as JSON text, a panic that costs one request only, event
//! streams and WebSockets that read an outbox.

pub mod answer;
pub mod panic;
pub mod sse;
pub mod websocket;
