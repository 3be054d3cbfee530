//! Rooms and broadcast of the client against a whole server on loopback.

#![allow(clippy::unwrap_used)]

mod broadcast;
mod entrance;
mod refusal;
mod rejoin;
#[path = "../realtime/relay.rs"]
mod relay;
mod room;
#[path = "../../../server/tests/realtime/server.rs"]
#[allow(dead_code)]
mod server;
#[path = "../../../server/tests/realtime/stream.rs"]
#[allow(dead_code)]
mod stream;
mod world;
