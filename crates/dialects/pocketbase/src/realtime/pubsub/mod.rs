//! BosBase's WebSocket `GET /api/pubsub`: custom topics only, with answers to each request. The same topics as those of the
//! event stream, under the same rules.

mod command;
mod frame;
mod interest;
mod session;

pub use session::connect;

use std::time::Duration;

/// Bounds and periods of these sockets.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// between pings of the protocol, and how long an answer may take; default 20 s
    pub ping: Duration,
    /// bytes of one message, with all that stands around its data; default 1 MiB
    pub message: usize,
    /// topics of one socket; default 1000
    pub topics: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { ping: Duration::from_secs(20), message: 1 << 20, topics: 1000 }
    }
}
