//! PocketBase's REST and realtime protocols, with BosBase's additions.

pub mod asker;
mod auth;
mod batch;
pub mod body;
pub mod call;
mod collections;
mod cors;
mod directory;
pub mod error;
mod fault;
mod health;
pub mod oauth2;
mod operation;
mod panic;
pub mod query;
pub mod realtime;
mod records;
mod routes;
mod settings;
pub mod shape;
mod unsupported;
pub mod wire;

pub use oauth2::OAuth2;
use realtime::Realtime;
use std::sync::Arc;
use tidewire_auth::{Attempts, Bounds, Passwords};
use tidewire_connection::events::Events;
use tidewire_feed::Feed;
use tidewire_records::key::Keys;
use tidewire_store::Store;

pub use routes::routes;

/// Paths on which a GET is answered by a stream.
pub const STREAMS: &[&str] = &["/api/realtime", "/api/pubsub"];

/// What the handlers work with; cheap to clone.
#[derive(Clone)]
pub struct App {
    pub store: Store,
    pub feed: Feed,
    pub passwords: Passwords,
    /// tells user code what happens
    pub events: Events,
    /// failed sign-ins, so that passwords cannot be tried out
    pub attempts: Arc<Attempts>,
    pub realtime: Arc<Realtime>,
    pub oauth2: Arc<OAuth2>,
    /// of accounts
    pub keys: Arc<Keys>,
    /// origins that browsers may call from; `*`: all
    pub origins: Arc<[String]>,
}

impl App {
    /// With default bounds and periods.
    pub fn new(store: Store, feed: Feed, passwords: Passwords) -> Self {
        let realtime = Arc::new(Realtime::new(realtime::Options::default()));
        let attempts = Arc::new(Attempts::new(Some(Bounds::default())));
        let (events, oauth2) = (Events::new(store.clone(), passwords.clone()), Arc::default());
        let (keys, origins) = (Arc::new(Keys::new(store.clone())), Arc::from(["*".to_owned()]));
        Self { store, feed, passwords, events, attempts, realtime, oauth2, keys, origins }
    }
}
