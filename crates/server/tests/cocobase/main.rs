//! CocoBase's sockets against a whole server on loopback.

#![allow(clippy::unwrap_used)]

mod broadcast;
mod dialects;
mod documents;
mod first_frame;
mod other_dialects;
mod rooms;
#[path = "../realtime/server.rs"]
#[allow(dead_code)]
mod server;
mod socket;
#[path = "../realtime/stream.rs"]
#[allow(dead_code)]
mod stream;
mod watch;
mod world;
