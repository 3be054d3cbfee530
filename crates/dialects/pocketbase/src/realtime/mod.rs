//! Server-sent events: `GET /api/realtime` opens a stream, `POST /api/realtime` says what it carries.

pub mod clients;
mod encoder;
pub mod frame;
mod interest;
mod options;
mod permission;
pub mod publish;
mod session;
mod snapshot;
mod start;
mod subscribe;
pub mod topic;

pub use clients::{Client, Clients};
pub use options::Options;

use crate::App;
use axum::Router;
use axum::routing::{get, post};
use tidewire_connection::snapshot::Snapshots;

/// The realtime side of the dialect.
pub struct Realtime {
    pub clients: Clients,
    pub options: Options,
    snapshots: Snapshots,
}

impl Realtime {
    pub fn new(options: Options) -> Self {
        Self { clients: Clients::default(), options, snapshots: Snapshots::default() }
    }
}

pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/realtime", get(session::connect).post(subscribe::subscribe))
        .route("/api/pubsub/publish", post(publish::publish))
}
