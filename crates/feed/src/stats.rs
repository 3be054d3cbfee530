use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tidewire_model::Timings;

/// What the feed holds and has done since it was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub connections: u64,
    pub subscriptions: u64,
    pub classes: u64,
    /// commits and commands that wait for the hub
    pub input: u64,
    /// questions that wait for the store
    pub slow: u64,
    /// replays that wait for a thread
    pub replay: u64,
    /// changes applied
    pub changes: u64,
    /// frames given to connections, without replays
    pub deliveries: u64,
    pub bytes: u64,
    /// connections that were sent to the log because their outbox was full
    pub overflows: u64,
    /// replays begun
    pub replays: u64,
    /// pages of changes that replays read from the log
    pub log_reads: u64,
    /// connections told that changes are gone
    pub resets: u64,
    /// questions asked of the store
    pub questions: u64,
    /// calls of the store that asked them
    pub question_calls: u64,
    /// questions whose answer was still known
    pub recalled: u64,
    /// answers that are known now
    pub answers: u64,
    /// changes read from the log because the queue was full
    pub recovered: u64,
    /// principals that lost their validity
    pub revoked: u64,
    /// messages published
    pub messages: u64,
    /// connections closed because they let too many messages wait
    pub abandoned: u64,
    pub rooms: u64,
    /// connections in rooms and broadcast channels
    pub members: u64,
}

macro_rules! counters {
    ($($name:ident),*) => {
        /// The same while they change; written by the feed's threads.
        #[derive(Default)]
        pub(crate) struct Counters {
            $(pub $name: Counter,)*
            pub fan_outs: Timings,
        }

        impl Counters {
            pub fn read(&self) -> Stats {
                Stats { $($name: self.$name.0.load(Relaxed),)* ..Stats::default() }
            }
        }
    };
}

counters!(
    connections,
    subscriptions,
    classes,
    changes,
    deliveries,
    bytes,
    overflows,
    replays,
    log_reads,
    resets,
    questions,
    question_calls,
    recalled,
    recovered,
    revoked,
    messages,
    abandoned,
    rooms,
    members
);

#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, number: u64) {
        self.0.fetch_add(number, Relaxed);
    }

    pub fn subtract(&self, number: u64) {
        self.0.fetch_sub(number, Relaxed);
    }

    pub fn set(&self, number: u64) {
        self.0.store(number, Relaxed);
    }
}
