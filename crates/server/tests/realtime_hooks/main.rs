//! User code that follows connections of a whole server: what it is told, in which order, and what becomes of its answers.

#![allow(clippy::unwrap_used)]

mod cocobase;
mod hanging;
mod narrowing;
mod pocketbase;
mod pubsub;
mod rooms;
mod scripts;
#[allow(dead_code)]
#[path = "../realtime/server.rs"]
mod server;
mod sign_in;
mod snackbase;
#[allow(dead_code)]
#[path = "../cocobase/socket.rs"]
mod socket;
#[allow(dead_code)]
#[path = "../realtime/stream.rs"]
mod stream;
mod told;
mod voice;
#[allow(dead_code)]
#[path = "../snackbase_realtime/websocket.rs"]
mod websocket;
#[allow(dead_code)]
#[path = "../cocobase/world.rs"]
mod world;
