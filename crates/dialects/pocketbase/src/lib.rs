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
mod health;
mod operation;
mod panic;
mod publish;
pub mod query;
mod records;
mod routes;
mod settings;
pub mod shape;
mod unsupported;
pub mod wire;

use tidewire_auth::Passwords;
use tidewire_feed::Feed;
use tidewire_store::Store;

pub use routes::routes;

/// What the handlers work with; cheap to clone.
#[derive(Clone)]
pub struct App {
    pub store: Store,
    pub feed: Feed,
    pub passwords: Passwords,
}

impl App {
    pub fn new(store: Store, feed: Feed, passwords: Passwords) -> Self {
        Self { store, feed, passwords }
    }
}
