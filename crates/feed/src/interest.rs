use crate::class::ClassSpec;
use bytes::Bytes;
use std::sync::Arc;
use tidewire_model::{Catalog, Principal, Seq};

/// A subscription as its dialect understands it. Asked again whenever definitions or the principal change.
pub trait Interest: Send + Sync {
    /// The classes it belongs to for this principal under these definitions; none: it gets nothing.
    fn classes(&self, catalog: &Arc<Catalog>, principal: &Principal) -> Vec<ClassSpec>;

    /// The frame that says that changes were missed for good and that it goes on after `cursor`; `None`: it is not told.
    fn reset(&self, reason: ResetReason, cursor: &str) -> Option<Bytes> {
        let _ = (reason, cursor);
        None
    }
}

/// Why changes after a position cannot be replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetReason {
    EpochChanged,
    /// older than what retention kept
    Retention,
    AheadOfHead,
    InvalidCursor,
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
    /// Unique within its connection. Set again under the same name with `Start::Now` it is kept as it is, and goes on
    /// where it was.
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

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// by its session
    Closed,
    /// its principal is no longer valid
    Revoked,
    /// its principal's time is over
    Expired,
    /// it let too many messages wait, which no log has
    Overflow,
    /// the feed stops
    Stopped,
}
