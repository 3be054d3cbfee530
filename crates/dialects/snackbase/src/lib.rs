//! SnackBase's REST and realtime protocols.

mod accounts;
pub mod api_keys;
pub mod asker;
mod auth;
pub mod call;
pub mod collections;
mod cors;
pub mod error;
pub mod field_type;
pub mod form;
mod groups;
mod health;
mod invitations;
mod marks;
mod page;
pub mod realtime;
pub mod record_json;
pub mod records;
mod roles;
mod routes;
pub mod token;
mod users;
pub mod wire;

use std::sync::Arc;
use tidewire_auth::{Attempts, Passwords};
use tidewire_connection::events::Events;
use tidewire_feed::Feed;
use tidewire_store::Store;

pub use auth::Lifetimes;
pub use routes::routes;

/// Paths on which a GET is answered by a stream.
pub const STREAMS: &[&str] = &["/api/v1/realtime/ws", "/api/v1/realtime/subscribe"];

/// What the handlers work with; cheap to clone.
#[derive(Clone)]
pub struct App {
    pub store: Store,
    pub feed: Feed,
    pub passwords: Passwords,
    /// tells user code what happens
    pub events: Events,
    /// failed sign-ins, so that passwords and tokens cannot be tried out
    pub attempts: Arc<Attempts>,
    pub realtime: Arc<realtime::Realtime>,
    pub lifetimes: Lifetimes,
    /// origins that browsers may call from; `*`: all
    pub origins: Arc<[String]>,
}
