//! One client's stream, from its greeting to its clean end.

use crate::App;
use crate::asker;
use crate::error::ApiError;
use crate::realtime::clients::{Client, Clients, Greeting};
use crate::realtime::{Options, Realtime, frame, permission};
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use http::{HeaderValue, Method, header};
use std::borrow::Borrow;
use std::sync::Arc;
use tidewire_connection::events::Visit;
use tidewire_connection::sse::{self, NoStream, Quiet, Stream};
use tidewire_feed::{Connection, OnRevoked};

const BOSBASE_AGENT: &[u8] = b"bosbase-python-sdk";

pub async fn connect(State(app): State<App>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    match parts.method {
        Method::HEAD => sse::answer(NoStream),
        _ => match open(&app, &parts).await {
            Ok(stream) => stream.into_answer(),
            Err(error) => error.into_response(),
        },
    }
}

async fn open(app: &App, parts: &Parts) -> Result<Stream<Present, Quiet>, ApiError> {
    let (id, address) = (Clients::new_id(), asker::address(parts));
    let origin = app.events.origin(parts, "sse", address);
    let visit = Visit::new(&app.events, &*id, origin, permission::stranger);
    visit.connect().await.map_err(|refusal| permission::refused(&refusal))?;
    let last_event_id = parts.headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let client = app.realtime.clients.open(Greeting {
        id,
        connection: app.feed.connect(OnRevoked::BecomeGuest),
        visit,
        began: app.store.head(),
        address,
        last_event_id: last_event_id.filter(|text| !text.is_empty()).map(Into::into),
    });
    let greeting = frame::connected(&client.id);
    let present = Present { realtime: app.realtime.clone(), client };
    Ok(Stream::new(present, quiet(&app.realtime.options, parts), greeting))
}

fn quiet(options: &Options, parts: &Parts) -> Quiet {
    let agent = parts.headers.get(header::USER_AGENT).map_or(&b""[..], HeaderValue::as_bytes);
    let heartbeat =
        if agent.starts_with(BOSBASE_AGENT) { options.heartbeat_bosbase } else { options.heartbeat };
    Quiet::new(frame::HEARTBEAT, heartbeat, options.idle)
}

/// A client while its stream is open.
struct Present {
    realtime: Arc<Realtime>,
    client: Arc<Client>,
}

impl Borrow<Connection> for Present {
    fn borrow(&self) -> &Connection {
        &self.client.connection
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.realtime.clients.close(&self.client);
    }
}
