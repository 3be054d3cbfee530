use std::time::Duration;

/// Bounds and periods of SnackBase's connections.
#[derive(Clone, Debug)]
pub struct Options {
    /// between heartbeats, whatever else is sent; default 30 s
    pub heartbeat: Duration,
    /// between protocol pings of WebSockets, and how long one may go unanswered; default 20 s
    pub ping: Duration,
    /// between comments on event streams; default 15 s
    pub comment: Duration,
    /// bytes of one message of a client; default 64 KiB
    pub message: usize,
    /// records of one snapshot; default 10 000
    pub snapshot_records: usize,
    /// bytes of one snapshot; default 8 MiB
    pub snapshot_bytes: usize,
    /// connections end with the token that opened them; default on
    pub expire: bool,
    /// a record that leaves the view rule is told as deleted to whoever does not say otherwise; default off
    pub leave: bool,
    /// refused connects are limited by address; default on
    pub rate_limit: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(30),
            ping: Duration::from_secs(20),
            comment: Duration::from_secs(15),
            message: 64 << 10,
            snapshot_records: 10_000,
            snapshot_bytes: 8 << 20,
            expire: true,
            leave: false,
            rate_limit: true,
        }
    }
}
