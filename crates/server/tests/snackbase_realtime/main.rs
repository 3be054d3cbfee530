//! SnackBase's WebSocket and event stream of a whole server, read as bytes.

#![allow(clippy::unwrap_used)]

mod accounts;
mod commands;
mod delivery;
mod extensions;
mod groups;
mod handshake;
#[allow(dead_code)]
#[path = "../realtime/server.rs"]
mod server;
mod sse;
mod stalled;
#[allow(dead_code)]
#[path = "../realtime/stream.rs"]
mod stream;
mod websocket;
