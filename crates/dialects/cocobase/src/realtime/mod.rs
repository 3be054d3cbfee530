//! Sockets that watch a collection, speak to a whole project, or meet in a room.

mod access;
mod document;
mod event;
mod first_frame;
mod frame;
mod herald;
mod interest;
mod message;
mod pace;
mod permission;
mod refusal;
mod refusals;
mod room_list;
mod session;
mod start;
mod talk;
mod visitor;
mod voice;
mod watch;

pub use voice::ServerVoice;

use crate::App;
use axum::Router;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::response::Response;
use axum::routing::get;
use permission::Making;
use refusals::Refusals;
use session::Session;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;
use talk::Place;
use tidewire_connection::snapshot::Snapshots;
use tidewire_connection::websocket::{self, Limits, Periods};
use visitor::Crowd;

#[derive(Clone, Debug)]
pub struct Options {
    /// how long a client may take to say who it is; default 10 s
    pub auth_timeout: Duration,
    /// between protocol pings; a client that does not answer one before the next is given up; default 20 s
    pub ping: Duration,
    /// bytes of one frame from a client; default 1 MiB
    pub frame_bytes: usize,
    /// bytes of what one message says; default 1 MiB
    pub message_bytes: usize,
    /// bytes of a user's id, its name, and a room's title; default 256
    pub name_bytes: usize,
    /// messages of one socket in a second; default 0: no limit
    pub message_rate: u32,
    /// open sockets of one project; default 0: no limit
    pub sockets: usize,
    /// refusals of one address in a minute before they come late; default 120, `None`: never
    pub refusals: Option<u32>,
    /// each project has room ids of its own; default false
    pub room_scope_project: bool,
    /// records and bytes of one snapshot; defaults 10 000 and 8 MiB
    pub snapshot_records: usize,
    pub snapshot_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            auth_timeout: Duration::from_secs(10),
            ping: Duration::from_secs(20),
            frame_bytes: 1 << 20,
            message_bytes: 1 << 20,
            name_bytes: 256,
            message_rate: 0,
            sockets: 0,
            refusals: Some(120),
            room_scope_project: false,
            snapshot_records: 10_000,
            snapshot_bytes: 8 << 20,
        }
    }
}

/// What all sockets share.
pub struct Realtime {
    pub options: Options,
    refusals: Refusals,
    crowd: Crowd,
    making: Making,
    snapshots: Snapshots,
}

impl Realtime {
    pub fn new(options: Options) -> Self {
        let refusals = Refusals::new(options.refusals);
        let (crowd, making, snapshots) = (Crowd::default(), Making::default(), Snapshots::default());
        Self { options, refusals, crowd, making, snapshots }
    }
}

pub fn paths() -> Router<App> {
    Router::new()
        .route("/realtime/collections/{collection}", get(watch))
        .route("/realtime/collections/{collection}/", get(watch))
        .route("/realtime/broadcast", get(broadcast))
        .route("/realtime/broadcast/", get(broadcast))
        .route("/realtime/rooms", get(room_list::list))
        .route("/realtime/rooms/", get(room_list::list))
        .route("/realtime/rooms/{room}", get(room))
        .route("/realtime/rooms/{room}/", get(room))
}

async fn watch(State(app): State<App>, Path(path): Path<String>, request: Request) -> Response {
    upgrade(app, request, |session| watch::serve(session, path))
}

async fn broadcast(State(app): State<App>, request: Request) -> Response {
    upgrade(app, request, |session| talk::serve(session, Place::Broadcast))
}

async fn room(State(app): State<App>, Path(id): Path<String>, request: Request) -> Response {
    upgrade(app, request, |session| talk::serve(session, Place::Room(id)))
}

/// Who the client is, it says in its first frame: so every handshake that is one is accepted.
fn upgrade<F, S>(app: App, request: Request, serve: F) -> Response
where
    F: FnOnce(Session) -> S + Send + 'static,
    S: Future<Output = ()> + Send + 'static,
{
    let (mut parts, _) = request.into_parts();
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let address = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip().to_canonical());
    let options = &app.realtime.options;
    let periods = Periods { ping: options.ping, pong: options.ping, tick: None };
    let limits = Limits { message: options.frame_bytes, periods };
    let origin = app.events.origin(&parts, "ws", address);
    match websocket::accept(&mut parts) {
        Ok(upgrade) => upgrade.run(limits, move |socket| serve(Session::new(app, socket, address, origin))),
        Err(refused) => refused.answer(),
    }
}
