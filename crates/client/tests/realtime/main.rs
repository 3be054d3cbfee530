//! Subscriptions of the client against a whole server on loopback.

#![allow(clippy::unwrap_used)]

mod both;
#[path = "../common/mod.rs"]
#[allow(dead_code)]
mod common;
mod faults;
mod live_query;
mod relay;
mod resume;
mod script;
#[path = "../../../server/tests/realtime/server.rs"]
#[allow(dead_code)]
mod server;
#[path = "../../../server/tests/realtime/stream.rs"]
#[allow(dead_code)]
mod stream;
mod subscribe;
mod world;
