//! One client's WebSocket, from its handshake to its close frame.

use crate::App;
use crate::asker;
use crate::error::ApiError;
use crate::realtime::admission::{self, Admission, Admitted, Denied};
use crate::realtime::command::{self, Command};
use crate::realtime::frame::{self, Wire};
use crate::realtime::interest::CollectionInterest;
use crate::realtime::permission;
use crate::realtime::start;
use crate::realtime::subscriptions::{Subscriptions, TOO_MANY};
use crate::realtime::wanted::{Extras, Wanted};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Map, Value as Json};
use std::borrow::Cow;
use std::sync::Arc;
use tidewire_connection::events::{Goodbye, Origin, Visit};
use tidewire_connection::websocket::{
    self, Close, Limits, Message, Over, Periods, Received, Refused, Socket,
};
use tidewire_feed::{Connection, Ending, OnRevoked, Start};

pub async fn connect(State(app): State<App>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let mut upgrade = match websocket::accept(&mut parts) {
        Ok(upgrade) => upgrade,
        Err(Refused::Plain) => return ApiError::detail(StatusCode::NOT_FOUND, "Not Found").into_response(),
        Err(refused) => return refused.answer(),
    };
    if !admission::is_origin_allowed(&app, &parts.headers) {
        return (StatusCode::FORBIDDEN, Body::empty()).into_response();
    }
    if !admission::may_try(&app, &parts) {
        return super::too_many();
    }
    let query = admission::query(&parts);
    let Admission { admitted, protocol } = admission::of_websocket(&app, &parts, &query);
    if admitted.is_ok() {
        admission::forgiven(&app, &parts);
    }
    let origin = app.events.origin(&parts, "ws", asker::address(&parts));
    if let Some(protocol) = protocol {
        upgrade.choose(&protocol);
    }
    upgrade.run(limits(&app), async move |mut socket| match admitted {
        Ok(admitted) => serve(app, admitted, origin, socket).await,
        Err(denied) => refuse(&app, Close::new(Close::POLICY, reason(denied)), &mut socket).await,
    })
}

fn limits(app: &App) -> Limits {
    let options = &app.realtime.options;
    let periods = Periods { ping: options.ping, pong: options.ping, tick: Some(options.heartbeat) };
    Limits { message: options.message, periods }
}

fn reason(denied: Denied) -> &'static str {
    match denied {
        Denied::Missing => "Missing token",
        Denied::Failed => "Authentication failed",
    }
}

/// Clients read the reason from the close frame, so the handshake succeeds first.
async fn refuse(app: &App, close: Close, socket: &mut Socket) {
    let connection = app.feed.connect(OnRevoked::Close);
    socket.close(&connection, Some(close)).await;
}

async fn serve(app: App, admitted: Admitted, origin: Option<Box<Origin>>, mut socket: Socket) {
    let visit = permission::visit(&app, origin, &admitted);
    if let Err(refusal) = visit.connect().await {
        return refuse(&app, Close::refused(&refusal.message), &mut socket).await;
    }
    let connection = app.feed.connect(OnRevoked::Close);
    connection.set(admitted.principal, Vec::new()).await;
    let mut session = Session { app, connection, visit, subscriptions: Subscriptions::default() };
    let over = loop {
        match socket.next(&session.connection).await {
            Ok(Received::Message(message)) => match text(message) {
                // its state is large, and rarely needed
                Some(text) => Box::pin(session.take(&text)).await,
                None => break Over::Fault(Close::new(Close::UNSUPPORTED, "")),
            },
            Ok(Received::Tick) => session.connection.push(frame::heartbeat()),
            Err(over) => break over,
        }
    };
    let parting = Goodbye::from(&over);
    socket.end(&session.connection, over, goodbye).await;
    session.visit.leave(parting);
}

/// Text that comes in a binary frame is text.
fn text(message: Message) -> Option<String> {
    match message {
        Message::Text(text) => Some(text),
        Message::Binary(bytes) => String::from_utf8(bytes).ok(),
    }
}

fn goodbye(ending: Ending) -> Close {
    match ending {
        Ending::Closed => Close::new(Close::NORMAL, ""),
        Ending::Revoked => Close::new(Close::POLICY, "Session revoked"),
        Ending::Expired => Close::new(Close::POLICY, "Token expired"),
        Ending::Overflow => Close::new(Close::TRY_AGAIN, ""),
        Ending::Stopped => Close::new(Close::RESTART, ""),
    }
}

struct Session {
    app: App,
    connection: Connection,
    visit: Visit,
    subscriptions: Subscriptions,
}

impl Session {
    /// One message at a time, answered in order.
    async fn take(&mut self, text: &str) {
        match self.visit.message(text).await {
            Ok(None) => {}
            Ok(Some(reply)) => self.connection.push(frame::reply(&reply)),
            Err(refusal) => return self.connection.push(frame::error(&refusal.message)),
        }
        match Command::read(text) {
            Command::Ping => self.connection.push(frame::pong()),
            Command::Subscribe { collection, message } => {
                if let Err(error) = self.subscribe(&collection, &message).await {
                    self.connection.push(frame::error(&error));
                }
            }
            Command::Unsubscribe { collection } => self.unsubscribe(&collection).await,
            Command::Refused(error) => self.connection.push(frame::error(error)),
            Command::Other => {}
        }
    }

    /// It holds before its answer is sent.
    async fn subscribe(
        &mut self,
        collection: &str,
        message: &Map<String, Json>,
    ) -> Result<(), Cow<'static, str>> {
        if !self.subscriptions.has_room_for(collection) {
            return Err(TOO_MANY.into());
        }
        let mut wanted = Wanted {
            wire: Wire::WebSocket,
            collection: collection.into(),
            operations: command::operations(message)?,
            extras: Extras::read(message, self.app.realtime.options.leave)?,
            narrowed: Box::default(),
        };
        let mut granted = None;
        if let Some(turn) = self.visit.turn().await {
            let grant = permission::ask(&turn, &mut wanted).await.map_err(|refusal| refusal.message)?;
            granted = Some((turn, grant));
        }
        let cursor = wanted.extras.cursor.then(|| start::cursor(&self.app, self.app.store.head()));
        let answer = frame::confirmed("subscribed", &collection.into(), cursor.as_deref());
        let principal = self.connection.principal();
        let mut bytes = self.app.realtime.options.snapshot_bytes;
        let interest = Arc::new(CollectionInterest { wanted });
        let start = start::of(&self.app, &interest, &principal, &mut bytes).await.map_err(|error| {
            tracing::error!(%error, "no snapshot");
            "Internal server error"
        })?;
        self.subscriptions.put(interest.clone());
        if let Some((mut turn, grant)) = granted {
            turn.begin(grant);
        }
        match start {
            Start::Now => {
                let subscriptions = self.subscriptions.with_start(&interest, Start::Now);
                self.connection.set(principal, subscriptions).await;
                self.connection.push(answer);
            }
            Start::After { seq, mut preface } => {
                preface.insert(0, answer);
                let start = Start::After { seq, preface };
                let subscriptions = self.subscriptions.with_start(&interest, start);
                self.connection.set(principal, subscriptions).await;
            }
        }
        Ok(())
    }

    async fn unsubscribe(&mut self, collection: &Json) {
        if let Some(name) = collection.as_str().filter(|name| self.subscriptions.remove(name)) {
            let principal = self.connection.principal();
            self.connection.set(principal, self.subscriptions.as_they_are()).await;
            if let Some(mut turn) = self.visit.turn().await {
                let ends = turn.end(|held| held == name);
                turn.tell(ends);
            }
        }
        self.connection.push(frame::confirmed("unsubscribed", collection, None));
    }
}
