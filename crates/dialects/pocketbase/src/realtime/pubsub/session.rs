//! One client's socket, from its greeting to its close frame.

use crate::App;
use crate::asker;
use crate::cors;
use crate::error::ApiError;
use crate::query::Query;
use crate::realtime::interest::tenant_of;
use crate::realtime::permission;
use crate::realtime::publish;
use crate::realtime::pubsub::command::{Command, Verb};
use crate::realtime::pubsub::frame;
use crate::realtime::pubsub::interest::{PubsubInterest, may};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::Value as Json;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;
use tidewire_connection::events::{Goodbye, Origin, Visit};
use tidewire_connection::websocket::{self, Close, Limits, Message, Periods, Received, Socket};
use tidewire_feed::{Connection, Ending, OnRevoked, Start, Subscription};
use tidewire_model::message::MAX_TOPIC;
use tidewire_model::{MessageError, Principal, id};
use tidewire_records::topics::Deed;
use tidewire_store::StoreError;

const ID_LENGTH: usize = 16;

pub async fn connect(State(app): State<App>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let upgrade = match websocket::accept(&mut parts) {
        Ok(upgrade) => upgrade,
        Err(refused) => return refused.answer(),
    };
    // browsers send cookies from pages of every origin
    if !cors::is_allowed(&app.origins, &parts.headers) {
        return ApiError::forbidden("").into_response();
    }
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let principal = match asker::from_request(&app, &parts, &query) {
        Ok(asker) => asker.principal,
        Err(error) => return error.into_response(),
    };
    let origin = app.events.origin(&parts, "ws", asker::address(&parts));
    upgrade.run(limits(&app), async move |socket| serve(app, principal, origin, socket).await)
}

fn limits(app: &App) -> Limits {
    let options = &app.realtime.options.pubsub;
    Limits {
        message: options.message,
        periods: Periods { ping: options.ping, pong: options.ping, tick: None },
    }
}

async fn serve(app: App, principal: Principal, origin: Option<Box<Origin>>, mut socket: Socket) {
    let id = id::secret(ID_LENGTH);
    let visit = Visit::new(&app.events, &*id, origin, || permission::known(&principal));
    if let Err(refusal) = visit.connect().await {
        let connection = app.feed.connect(OnRevoked::Close);
        connection.push(frame::error("", &refusal.message));
        return socket.close(&connection, Some(Close::refused(&refusal.message))).await;
    }
    let connection = app.feed.connect(OnRevoked::BecomeGuest);
    connection.set(principal, Vec::new()).await;
    connection.push(frame::ready(&id));
    let mut session = Session { app, connection, visit, topics: BTreeSet::new() };
    let over = loop {
        match socket.next(&session.connection).await {
            // its state is large, and rarely needed
            Ok(Received::Message(message)) => Box::pin(session.take(message)).await,
            Ok(Received::Tick) => {}
            Err(over) => break over,
        }
    };
    let parting = Goodbye::of_socket(&over, session.connection.ending());
    socket.end(&session.connection, over, goodbye).await;
    session.visit.leave(parting);
}

fn goodbye(ending: Ending) -> Close {
    let code = match ending {
        Ending::Closed => Close::NORMAL,
        Ending::Revoked | Ending::Expired => Close::POLICY,
        Ending::Overflow => Close::TRY_AGAIN,
        Ending::Stopped => Close::RESTART,
    };
    Close::new(code, "")
}

struct Session {
    app: App,
    connection: Connection,
    visit: Visit,
    topics: BTreeSet<Box<str>>,
}

impl Session {
    /// One message at a time, answered in order.
    async fn take(&mut self, message: Message) {
        let text = match message {
            Message::Text(text) => Some(text),
            Message::Binary(bytes) => String::from_utf8(bytes).ok(),
        };
        let text = text.unwrap_or_default();
        let command = Command::read(&text);
        let request_id = command.as_ref().map(|command| command.request_id.clone()).unwrap_or_default();
        let replied = match self.visit.message(&text).await {
            Ok(reply) => {
                let replied = reply.is_some();
                reply.into_iter().for_each(|reply| self.connection.push(frame::reply(&reply)));
                replied
            }
            Err(refusal) => return self.connection.push(frame::error(&request_id, &refusal.message)),
        };
        let verb = match command {
            Some(Command { verb: Verb::Unknown, .. }) | None if replied => return,
            Some(command) => command.verb,
            None => return self.connection.push(frame::error("", "invalid message format")),
        };
        // whatever a deed lets out comes after its answer; after that of an unsubscription nothing of its topic comes
        let ends = matches!(verb, Verb::Unsubscribe { .. });
        let place = (!ends).then(|| self.connection.reserve());
        let outcome = self.act(verb, &request_id).await;
        let answer = outcome.unwrap_or_else(|message| frame::error(&request_id, &message));
        match place {
            Some(place) => place.give(answer),
            None => self.connection.push(answer),
        }
    }

    async fn act(&mut self, verb: Verb, request_id: &str) -> Result<Bytes, Cow<'static, str>> {
        match verb {
            Verb::Ping => Ok(frame::done("pong", request_id)),
            Verb::Subscribe { topic } => {
                self.subscribe(&topic).await?;
                Ok(frame::done("subscribed", request_id))
            }
            Verb::Unsubscribe { topic } => {
                self.unsubscribe(&topic).await;
                Ok(frame::done("unsubscribed", request_id))
            }
            Verb::Publish { topic, data } => Ok(self.publish(&topic, &data, request_id).await?),
            Verb::Unknown => Err("unsupported pubsub message type".into()),
        }
    }

    async fn subscribe(&mut self, topic: &str) -> Result<(), Cow<'static, str>> {
        self.check(topic)?;
        if let Some(mut turn) = self.visit.turn().await {
            let grant = permission::ask_about(&turn, topic).await.map_err(|refusal| refusal.message)?;
            turn.begin(grant);
        }
        self.topics.insert(topic.into());
        self.set().await;
        Ok(())
    }

    fn check(&self, topic: &str) -> Result<(), &'static str> {
        if topic.is_empty() {
            return Err("topic must be set");
        }
        if topic.len() > MAX_TOPIC || topic.contains(['\r', '\n']) {
            return Err("topic is invalid");
        }
        let catalog = self.app.store.catalog();
        if !may(&catalog, &self.connection.principal(), topic, Deed::Subscribe) {
            return Err("not allowed to subscribe to this topic");
        }
        if self.topics.len() >= self.app.realtime.options.pubsub.topics && !self.topics.contains(topic) {
            return Err("too many topics");
        }
        Ok(())
    }

    async fn unsubscribe(&mut self, topic: &str) {
        match topic {
            "" => self.topics.clear(),
            topic => drop(self.topics.remove(topic)),
        }
        self.set().await;
        if let Some(mut turn) = self.visit.turn().await {
            let ends = turn.end(|held| topic.is_empty() || held == topic);
            turn.tell(ends);
        }
    }

    async fn set(&self) {
        let subscriptions = self.topics.iter().map(|topic| Subscription {
            name: topic.clone(),
            interest: Arc::new(PubsubInterest { topic: topic.clone() }),
            start: Start::Now,
        });
        self.connection.set(self.connection.principal(), subscriptions.collect()).await;
    }

    /// Where no rule says who may publish, everybody who is signed in may, as with BosBase.
    async fn publish(&self, topic: &str, data: &Json, request_id: &str) -> Result<Bytes, &'static str> {
        if topic.is_empty() {
            return Err("topic must be set");
        }
        let (catalog, principal) = (self.app.store.catalog(), self.connection.principal());
        let is_guest = principal.identity().is_none();
        let may = match catalog.topics().of(topic) {
            None => !is_guest,
            Some(_) => may(&catalog, &principal, topic, Deed::Publish),
        };
        if !may {
            let text = "not allowed to publish to this topic";
            return Err(if is_guest { "authentication required to publish" } else { text });
        }
        let posted = publish::send(&self.app.store, &tenant_of(&principal), topic, data).await;
        posted.map(|posted| frame::published(request_id, topic, &posted)).map_err(refusal)
    }
}

fn refusal(error: StoreError) -> &'static str {
    match error {
        StoreError::BadMessage(MessageError::NoTopic) => "topic must be set",
        StoreError::BadMessage(MessageError::LongTopic | MessageError::LineBreak) => "topic is invalid",
        StoreError::BadMessage(MessageError::Reserved) => "topic is reserved for record events",
        StoreError::BadMessage(MessageError::LargeData) => "payload too large",
        StoreError::BadMessage(MessageError::NotOneLine) => "payload must be valid JSON",
        StoreError::TooManyMessages => "failed to publish message",
        error => {
            tracing::error!(%error, "a message could not be published");
            "failed to publish message"
        }
    }
}
