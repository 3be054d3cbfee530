//! User code around records against a whole server on loopback: refusals in each dialect's words, and hooks over HTTP.

#![allow(clippy::unwrap_used)]

mod bad_input;
mod http;
mod order;
mod receiver;
mod refusals;
mod roots;
mod scripts;
#[path = "../realtime/server.rs"]
#[allow(dead_code)]
mod server;
mod shutdown;
mod signatures;
#[path = "../cocobase/socket.rs"]
#[allow(dead_code)]
mod socket;
#[path = "../realtime/stream.rs"]
#[allow(dead_code)]
mod stream;
#[path = "../../../outbound/tests/roots/tls.rs"]
mod tls;
#[path = "../cocobase/world.rs"]
#[allow(dead_code)]
mod world;
