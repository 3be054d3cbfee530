//! CocoBase's REST and realtime protocols.

mod batch;
mod body;
mod call;
mod collection;
mod collections;
mod cors;
mod document;
mod documents;
pub mod error;
mod listing;
mod query;
mod questions;
pub mod realtime;
mod relation;
mod routes;
mod unsupported;
mod users;
mod write;

use std::sync::Arc;
use tidewire_auth::{Attempts, Passwords};
use tidewire_connection::events::Events;
use tidewire_feed::Feed;
use tidewire_records::key::Keys;
use tidewire_store::Store;

pub use routes::routes;

/// Paths on which a GET is answered by a WebSocket; all below one that ends with a slash.
pub const STREAMS: &[&str] = &["/realtime/collections/", "/realtime/broadcast", "/realtime/rooms/"];

/// What the handlers work with; cheap to clone.
#[derive(Clone)]
pub struct App {
    pub store: Store,
    pub feed: Feed,
    pub passwords: Passwords,
    /// tells user code what happens
    pub events: Events,
    /// what API keys open; a lookup touches the database once
    pub keys: Arc<Keys>,
    /// failed sign-ins and refused sockets
    pub attempts: Arc<Attempts>,
    /// origins that browsers may call from; `*`: all
    pub origins: Arc<[String]>,
    pub realtime: Arc<realtime::Realtime>,
}
