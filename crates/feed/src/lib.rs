//! The hot path: change in, bytes out. Knows no HTTP, no SQL, no dialect, no JSON.

use bytes::Bytes;
use std::sync::Arc;
use std::task::{Context, Poll};
use tidewire_model::{Action, Catalog, Change, Epoch, Position, Principal, Record, Seq, TenantId, Timestamp};
use tidewire_rules::Residual;

/// What a subscription listens to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// every record of a collection, by collection id
    Collection {
        tenant: TenantId,
        collection: Box<str>,
    },
    Record {
        tenant: TenantId,
        collection: Box<str>,
        record: Box<str>,
    },
    /// messages published under this exact name
    Custom {
        tenant: TenantId,
        name: Box<str>,
    },
}

/// What a class is told.
pub enum Event<'a> {
    Change {
        change: &'a Change,
        action: Told,
        cursor: &'a str,
    },
    /// a custom message; `data` is ready text of the publisher
    Message {
        data: &'a [u8],
        cursor: &'a str,
    },
}

/// How a change looks to one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Is(Action),
    /// an update took the record out of the rule or filter (only for classes that asked for it)
    Leave,
}

/// Turns an event into the bytes that go on the wire. One per class; called once per event.
pub trait Encoder: Send + Sync {
    /// Appends the whole frame; false if this class gets nothing after all.
    fn encode(&self, event: &Event<'_>, frame: &mut Vec<u8>) -> bool;

    /// True if `encode` asks the store (expand): it is then called on the slow lane.
    fn needs_store(&self) -> bool {
        false
    }
}

/// Everything that makes subscriptions equal: the same topic, decision and frame.
pub struct ClassSpec {
    pub topic: Topic,
    /// equal keys (under the same topic) promise an equal gate and encoder
    pub key: String,
    /// which images may be seen
    pub gate: Residual,
    pub leave: bool,
    pub encoder: Arc<dyn Encoder>,
}

/// A subscription as its dialect understands it. Asked again whenever definitions or the principal change.
pub trait Interest: Send + Sync {
    /// The classes it belongs to for this principal under these definitions; none: it gets nothing.
    fn classes(&self, catalog: &Arc<Catalog>, principal: &Principal) -> Vec<ClassSpec>;
}

/// Where a new subscription begins.
pub enum Start {
    /// with the next change
    Now,
    /// `preface` first (ready frames: snapshot, reset notice), then every change after `seq`
    After { seq: Seq, preface: Vec<Bytes> },
}

/// One subscription of a connection.
pub struct Subscription {
    /// unique within its connection; a subscription that is set again under the same name is kept as it is
    pub name: Box<str>,
    pub interest: Arc<dyn Interest>,
    pub start: Start,
}

/// What happens to a connection whose principal is no longer valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnRevoked {
    BecomeGuest,
    Close,
}

/// The log of changes, as the feed needs it. May block: called on the feed's own threads only.
pub trait Log: Send + Sync {
    fn epoch(&self) -> Epoch;
    fn head(&self) -> Seq;
    /// changes after it can be read
    fn floor(&self) -> Seq;
    fn read(&self, after: Seq, limit: usize) -> Vec<Arc<Change>>;
}

/// The rare question that the feed cannot answer itself. May block: called on the slow lane only.
pub trait Lookup: Send + Sync {
    fn holds(&self, gate: &Residual, image: &Record, change: &Change) -> bool;
}

#[derive(Clone, Debug)]
pub struct Options {
    /// bytes that may wait for one connection before it falls back to the log; default 256 KiB
    pub outbox_bytes: usize,
    /// changes kept in memory; default 8192
    pub ring: usize,
    /// commands and commits that may wait for the hub; default 65 536
    pub input: usize,
    /// threads that answer questions needing the store; default 2
    pub slow_threads: usize,
    /// signs cursors; from the store's settings, so that cursors survive a restart
    pub cursor_key: [u8; 32],
}

/// Opaque, authenticated text for a [`Position`].
#[derive(Clone)]
pub struct Cursors {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CursorError {
    /// not one of ours, or altered
    Invalid,
}

impl Cursors {
    pub fn new(key: [u8; 32]) -> Self {
        let _ = key;
        unimplemented!()
    }
    pub fn write(&self, position: &Position) -> String {
        let _ = position;
        unimplemented!()
    }
    pub fn read(&self, text: &str) -> Result<Position, CursorError> {
        let _ = text;
        unimplemented!()
    }
}

/// Names a connection for the life of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionId(pub u64);

/// Handle on the feed; cheap to clone.
#[derive(Clone)]
pub struct Feed {}

impl Feed {
    /// Starts the hub's thread, which begins after `log.head()`.
    pub fn start(
        log: Arc<dyn Log>,
        lookup: Arc<dyn Lookup>,
        catalog: Arc<Catalog>,
        options: Options,
    ) -> Self {
        let _ = (log, lookup, catalog, options);
        unimplemented!()
    }

    /// Takes a commit from the store. Never blocks: if the queue is full the hub reads the log instead.
    pub fn announce(&self, changes: Arc<[Arc<Change>]>, catalog: Option<Arc<Catalog>>) {
        let _ = (changes, catalog);
        unimplemented!()
    }

    pub fn connect(&self, on_revoked: OnRevoked) -> Connection {
        let _ = on_revoked;
        unimplemented!()
    }

    /// A custom message to everyone on the topic. Returns how many classes it was encoded for.
    pub async fn publish(&self, tenant: &TenantId, topic: &str, data: Bytes) -> usize {
        let _ = (tenant, topic, data);
        unimplemented!()
    }

    pub fn cursors(&self) -> &Cursors {
        unimplemented!()
    }

    /// Whether changes after this position can be replayed, else why not.
    pub fn check(&self, position: &Position) -> Result<Seq, ResetReason> {
        let _ = position;
        unimplemented!()
    }

    /// Closes every connection after its queue is written (bounded by the caller) and stops the threads.
    pub fn stop(&self) {
        unimplemented!()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetReason {
    EpochChanged,
    /// older than what retention kept
    Retention,
    AheadOfHead,
    InvalidCursor,
}

/// One client's place in the feed. Dropping it disconnects.
pub struct Connection {}

impl Connection {
    pub fn id(&self) -> ConnectionId {
        unimplemented!()
    }

    /// Replaces principal and subscriptions. When it returns, every later commit is covered.
    pub async fn set(&self, principal: Principal, subscriptions: Vec<Subscription>) {
        let _ = (principal, subscriptions);
        unimplemented!()
    }

    /// Who it is now: revocation and expiry are followed.
    pub fn principal(&self) -> Principal {
        unimplemented!()
    }

    /// The next ready frames, oldest first, at most about `bytes` long; `Ready(None)` once it is closed and empty.
    pub fn poll_frames(&self, cx: &mut Context<'_>, bytes: usize, out: &mut Vec<Bytes>) -> Poll<Option<()>> {
        let _ = (cx, bytes, out);
        unimplemented!()
    }

    /// Puts a frame of the session's own behind what is queued (a greeting, an answer).
    pub fn push(&self, frame: Bytes) {
        let _ = frame;
        unimplemented!()
    }

    /// Ends it once what is queued has been read.
    pub fn close(&self) {
        unimplemented!()
    }
}

#[allow(dead_code)]
fn unused(_: Timestamp) {}
