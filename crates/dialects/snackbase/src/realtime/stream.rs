//! One client's event stream; what it carries is fixed by its query.

use crate::App;
use crate::error::ApiError;
use crate::realtime::admission::{self, Denied};
use crate::realtime::frame::{self, Wire};
use crate::realtime::interest::CollectionInterest;
use crate::realtime::permission;
use crate::realtime::start;
use crate::realtime::subscriptions::{Subscriptions, TOO_MANY, subscription};
use crate::realtime::wanted::{Extras, Wanted};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{Method, StatusCode};
use std::borrow::Borrow;
use std::sync::Arc;
use tidewire_connection::events::{self, Goodbye, Visit};
use tidewire_connection::sse::{Beat, Beats, Stream};
use tidewire_connection::websocket::Close;
use tidewire_feed::{Connection, OnRevoked, Subscription};
use tidewire_hooks::Refusal;
use tidewire_model::{Operations, Principal};

pub async fn connect(State(app): State<App>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    if parts.method == Method::HEAD {
        return ApiError::detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed").into_response();
    }
    if !admission::may_try(&app, &parts) {
        return super::too_many();
    }
    match open(&app, &parts).await {
        Ok(present) => {
            let options = &app.realtime.options;
            let beats = Beats::new([
                Beat { period: options.heartbeat, frame: frame::stream_heartbeat },
                Beat { period: options.comment, frame: frame::stream_comment },
            ]);
            Stream::new(present, beats, frame::stream_greeting()).into_answer()
        }
        Err(error) => error.into_response(),
    }
}

/// A client while its stream is open.
struct Present {
    connection: Connection,
    visit: Visit,
}

impl Borrow<Connection> for Present {
    fn borrow(&self) -> &Connection {
        &self.connection
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        let goodbye = Goodbye::of_stream(self.connection.ending());
        self.connection.close();
        self.visit.leave(goodbye);
    }
}

async fn open(app: &App, parts: &Parts) -> Result<Present, ApiError> {
    let query = admission::query(parts);
    let admitted = admission::of_stream(app, parts, &query).map_err(unauthorized)?;
    admission::forgiven(app, parts);
    let wanted = wanted(app, parts, &query)?;
    let origin = permission::origin(app, parts, "sse");
    let visit = permission::visit(app, origin, &admitted);
    visit.connect().await.map_err(|refusal| refused(&refusal))?;
    let present = Present { connection: app.feed.connect(OnRevoked::Close), visit };
    subscribe(app, &present, wanted, admitted.principal).await?;
    // it may have been revoked on the way
    if present.connection.ending().is_some() { Err(unauthorized(Denied::Failed)) } else { Ok(present) }
}

async fn subscribe(
    app: &App,
    present: &Present,
    wanted: Subscriptions,
    principal: Principal,
) -> Result<(), ApiError> {
    let Some(mut turn) = present.visit.turn().await else {
        let subscriptions = begin(app, &wanted, &principal).await?;
        present.connection.set(principal, subscriptions).await;
        return Ok(());
    };
    let (mut grants, mut granted) = (Vec::new(), Subscriptions::default());
    for interest in wanted.all() {
        let mut wanted = interest.wanted.clone();
        match permission::ask(&turn, &mut wanted).await {
            Ok(grant) => grants.push(grant),
            Err(refusal) => {
                present.visit.leave(Goodbye::from(&Close::refused(&refusal.message)));
                return Err(refused(&refusal));
            }
        }
        granted.put(Arc::new(CollectionInterest { wanted }));
    }
    let subscriptions = begin(app, &granted, &principal).await?;
    grants.into_iter().for_each(|grant| turn.begin(grant));
    present.connection.set(principal, subscriptions).await;
    Ok(())
}

/// `collection` and `collections`, repeated, each a name or `name:operation,operation`; the last of equal names holds.
fn wanted(app: &App, parts: &Parts, query: &[(String, String)]) -> Result<Subscriptions, ApiError> {
    let mut extras = Extras::of_query(query, app.realtime.options.leave);
    // what the client heard last is newer than what its address says
    let last = parts.headers.get("last-event-id").and_then(|value| value.to_str().ok());
    if let Some(last) = last.filter(|last| !last.is_empty()) {
        extras = Extras { since: last.into(), cursor: true, snapshot: false, ..extras };
    }
    let mut wanted = Subscriptions::default();
    for (_, value) in query.iter().filter(|(name, _)| name == "collection" || name == "collections") {
        let (name, operations) = match value.split_once(':') {
            Some((name, names)) => (name, Operations::of(names.split(','))),
            None => (value.as_str(), Operations::ALL),
        };
        if !wanted.has_room_for(name) {
            return Err(ApiError::detail(StatusCode::BAD_REQUEST, TOO_MANY));
        }
        if !name.is_empty() {
            let extras = extras.clone();
            let (wire, collection, narrowed) = (Wire::Stream, name.into(), Box::default());
            let one = Wanted { wire, collection, operations, extras, narrowed };
            wanted.put(Arc::new(CollectionInterest { wanted: one }));
        }
    }
    Ok(wanted)
}

async fn begin(
    app: &App,
    wanted: &Subscriptions,
    principal: &Principal,
) -> Result<Vec<Subscription>, ApiError> {
    let mut subscriptions = Vec::new();
    let mut bytes = app.realtime.options.snapshot_bytes;
    for interest in wanted.all() {
        let start = start::of(app, interest, principal, &mut bytes).await.map_err(|error| {
            tracing::error!(%error, "no snapshot");
            ApiError::internal()
        })?;
        subscriptions.push(subscription(interest, start));
    }
    Ok(subscriptions)
}

fn refused(refusal: &Refusal) -> ApiError {
    ApiError::detail(events::status(refusal), &refusal.message)
}

fn unauthorized(denied: Denied) -> ApiError {
    let text = match denied {
        Denied::Missing => "Missing token",
        Denied::Failed => "Invalid token",
    };
    ApiError::detail(StatusCode::UNAUTHORIZED, text)
}
