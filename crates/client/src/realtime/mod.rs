//! Subscriptions: one stream of server-sent events, shared by all subscriptions of a client.
//!
//! The stream is opened with the first subscription and closed after the last. When it breaks, it is opened again, after waits
//! that grow and differ by chance, and each subscription goes on after its last event: against Tidewire nothing is lost or told
//! twice, also when the server was started anew. A real PocketBase cannot do that; then [`Event::Gap`] says so.

mod backoff;
mod command;
mod entry;
mod event;
mod live_query;
mod order;
mod parser;
mod position;
mod queue;
mod reach;
mod rows;
mod shared;
mod state;
mod subscribe;
mod subscription;
mod task;
mod topic;
mod wire;

pub use backoff::Backoff;
pub use event::{Action, Cursor, Event};
pub use live_query::{ListChange, LiveQuery, LiveQueryBuilder, Update};
pub use state::State;
pub use subscribe::Subscribe;
pub use subscription::{Listener, Subscription};

use crate::client::Inner;
use crate::realtime::command::{Command, Which};
use crate::realtime::shared::Shared;
use crate::{Client, Collection, Error};
use serde::de::DeserializeOwned;
use std::sync::{Arc, Weak};
use tokio::sync::watch;

/// The first event of each connection; subscribe to it to hear of reconnects.
pub const GREETING: &str = "PB_CONNECT";

/// The stream of events that all subscriptions of a client share.
pub struct Realtime {
    /// the client owns this, and not this the client
    client: Weak<Inner>,
    pub(crate) shared: Arc<Shared>,
}

impl Realtime {
    pub(crate) fn new(client: Weak<Inner>) -> Self {
        Self { client, shared: Arc::new(Shared::new()) }
    }

    /// Messages on a custom topic, e.g. `jobs/finished`; or `PB_CONNECT`.
    ///
    /// # Panics
    ///
    /// Never: whoever has this has its client.
    pub fn subscribe<T: DeserializeOwned>(&self, topic: impl Into<String>) -> Subscribe<T> {
        #[allow(clippy::expect_used)]
        let inner = self.client.upgrade().expect("it is borrowed from its client");
        Subscribe::new(Client { inner }, topic.into(), false)
    }

    /// Ends all subscriptions of this topic, e.g. `posts/*`, whatever their options.
    pub fn unsubscribe(&self, topic: impl Into<String>) {
        self.shared.tell(Command::Forget(Which::Topic(topic.into())));
    }

    /// Ends all subscriptions whose topics begin like this, e.g. `posts/`.
    pub fn unsubscribe_by_prefix(&self, prefix: impl Into<String>) {
        self.shared.tell(Command::Forget(Which::Prefix(prefix.into())));
    }

    /// Ends all subscriptions, and the connection.
    pub fn unsubscribe_all(&self) {
        self.shared.tell(Command::Forget(Which::All));
    }

    /// Calls back with the client id of each connection.
    pub fn on_connect(&self, call: impl Fn(&str) + Send + Sync + 'static) {
        self.shared.on_connect(Arc::new(call));
    }

    /// Calls back when a connection ends, with the topics that wait for the next one: none if nobody listens any more.
    pub fn on_disconnect(&self, call: impl Fn(&[String]) + Send + Sync + 'static) {
        self.shared.on_disconnect(Arc::new(call));
    }

    /// How the connection stands; the receiver is told of each change.
    pub fn state(&self) -> watch::Receiver<State> {
        self.shared.state()
    }

    /// Why the connection was lost or not had; `None` while there is one, and if nobody asked for one.
    pub fn fault(&self) -> Option<Arc<Error>> {
        self.shared.fault()
    }

    /// How long waits between tries to connect are, from the next one on.
    pub fn set_backoff(&self, backoff: Backoff) {
        self.shared.set_backoff(backoff);
    }
}

impl Collection {
    /// Changes of all records, `*`, or of the one with this id.
    pub fn subscribe<T: DeserializeOwned>(&self, topic: &str) -> Subscribe<T> {
        Subscribe::new(self.client.clone(), format!("{}/{topic}", self.name), true)
    }

    /// Ends all subscriptions of `*`, or of the record with this id.
    pub fn unsubscribe(&self, topic: &str) {
        self.client.realtime().unsubscribe(format!("{}/{topic}", self.name));
    }
}
