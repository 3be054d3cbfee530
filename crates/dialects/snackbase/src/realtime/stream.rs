//! One client's event stream; what it carries is fixed by its query.

use crate::App;
use crate::error::ApiError;
use crate::realtime::admission::{self, Denied};
use crate::realtime::frame::{self, Wire};
use crate::realtime::interest::CollectionInterest;
use crate::realtime::operations::Operations;
use crate::realtime::start;
use crate::realtime::subscriptions::{Subscriptions, TOO_MANY, subscription};
use crate::realtime::wanted::{Extras, Wanted};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{Method, StatusCode};
use std::sync::Arc;
use tidewire_connection::sse::{self, Beat, Beats, Stream};
use tidewire_feed::{Connection, OnRevoked, Subscription};
use tidewire_model::Principal;

pub async fn connect(State(app): State<App>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    if parts.method == Method::HEAD {
        return ApiError::detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed").into_response();
    }
    if !admission::may_try(&app, &parts) {
        return super::too_many();
    }
    match open(&app, &parts).await {
        Ok(connection) => {
            let options = &app.realtime.options;
            let beats = Beats::new([
                Beat { period: options.heartbeat, frame: frame::stream_heartbeat },
                Beat { period: options.comment, frame: frame::stream_comment },
            ]);
            sse::answer(Stream::new(connection, beats, frame::stream_greeting()))
        }
        Err(error) => error.into_response(),
    }
}

async fn open(app: &App, parts: &Parts) -> Result<Connection, ApiError> {
    let query = admission::query(parts);
    let principal = admission::of_stream(app, parts, &query).map_err(unauthorized)?;
    admission::forgiven(app, parts);
    let wanted = wanted(app, parts, &query)?;
    let connection = app.feed.connect(OnRevoked::Close);
    let subscriptions = begin(app, &wanted, &principal).await?;
    connection.set(principal, subscriptions).await;
    // it may have been revoked on the way
    if connection.ending().is_some() { Err(unauthorized(Denied::Failed)) } else { Ok(connection) }
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
            let one = Wanted { wire: Wire::Stream, collection: name.into(), operations, extras };
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

fn unauthorized(denied: Denied) -> ApiError {
    let text = match denied {
        Denied::Missing => "Missing token",
        Denied::Failed => "Invalid token",
    };
    ApiError::detail(StatusCode::UNAUTHORIZED, text)
}
