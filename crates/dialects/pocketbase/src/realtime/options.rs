use crate::realtime::pubsub;
use std::time::Duration;

/// Bounds and periods of streams.
#[derive(Clone, Debug)]
pub struct Options {
    /// a quiet stream gets a comment after it; default 15 s
    pub heartbeat: Duration,
    /// the same for the BosBase SDK, whose `unsubscribe` waits for bytes; default 5 s
    pub heartbeat_bosbase: Duration,
    /// a stream without messages ends after it; default 5 min
    pub idle: Duration,
    /// `Last-Event-ID` holds for topics that are posted within it after connecting; default 10 s
    pub resume_window: Duration,
    /// subscriptions are refused from another address than the stream's; default on
    pub check_address: bool,
    /// records of one snapshot; more: reset with the reason `snapshot_too_large`; default 10 000
    pub snapshot_records: usize,
    /// bytes of all snapshots of one request, with the same answer; default 8 MiB
    pub snapshot_bytes: usize,
    pub pubsub: pubsub::Options,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(15),
            heartbeat_bosbase: Duration::from_secs(5),
            idle: Duration::from_secs(300),
            resume_window: Duration::from_secs(10),
            check_address: true,
            snapshot_records: 10_000,
            snapshot_bytes: 8 << 20,
            pubsub: pubsub::Options::default(),
        }
    }
}
