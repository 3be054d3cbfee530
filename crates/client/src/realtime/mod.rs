//! Subscriptions: one stream of server-sent events, shared by all subscriptions of a client.

use crate::client::Inner;
use std::sync::Weak;

/// The stream of events that all subscriptions of a client share. It is opened with the first and closed after the last.
pub struct Realtime {
    /// the client owns this, and not this the client
    pub(crate) client: Weak<Inner>,
}

impl Realtime {
    pub(crate) fn new(client: Weak<Inner>) -> Self {
        Self { client }
    }
}
