use super::turn::{Held, Turn};
use super::{Events, Goodbye, Open, Origin, Who};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tidewire_hooks::{Event, Occasion, Refusal};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// One connection as user code follows it. Whoever drops it says goodbye.
pub struct Visit(Option<Arc<Inside>>);

pub(super) struct Inside {
    pub events: Events,
    id: Box<str>,
    origin: Box<Origin>,
    since: Instant,
    /// held while an event is told: one at a time, in the order in which they were asked for
    pub state: Arc<Mutex<State>>,
    left: AtomicBool,
    _open: Open,
}

pub(super) struct State {
    pub who: Who,
    /// it was let in
    connected: bool,
    pub ended: bool,
    /// in the order in which it began
    pub held: Vec<Held>,
}

impl Visit {
    /// Of nobody: without an origin there is nobody who wants to know.
    pub fn new(
        events: &Events,
        id: impl Into<Box<str>>,
        origin: Option<Box<Origin>>,
        who: impl FnOnce() -> Who,
    ) -> Self {
        let inside = origin.map(|origin| {
            let state = State { who: who(), connected: false, ended: false, held: Vec::new() };
            Arc::new(Inside {
                events: events.clone(),
                id: id.into(),
                origin,
                since: Instant::now(),
                state: Arc::new(Mutex::new(state)),
                left: AtomicBool::new(false),
                _open: events.open(),
            })
        });
        Self(inside)
    }

    /// A connection that nobody follows.
    pub fn unseen() -> Self {
        Self(None)
    }

    /// Whether anybody would be told of this.
    pub fn wants(&self, event: Event) -> bool {
        self.0.as_ref().is_some_and(|inside| inside.events.hooks().has(event))
    }

    /// Asks whether it may connect. Its end is told only if it may.
    pub async fn connect(&self) -> Result<(), Refusal> {
        let Some(mut turn) = self.turn().await else { return Ok(()) };
        let Some(inside) = &self.0 else { return Ok(()) };
        let token_type = turn.state().who.token_type;
        let mut occasion = turn
            .occasion(Event::RealtimeConnect)
            .with("user_agent", &*inside.origin.user_agent)
            .with("path", &*inside.origin.path)
            .with("token_type", token_type);
        // whoever goes while it is asked was there
        turn.state().connected = true;
        let outcome = turn.ask(&mut occasion).await;
        turn.state().connected = outcome.is_ok();
        outcome
    }

    /// Waits until the connection's earlier events are told; `None` if nobody follows it.
    pub async fn turn(&self) -> Option<Turn> {
        match &self.0 {
            Some(inside) => Some(Turn::wait(inside).await),
            None => None,
        }
    }

    /// Asks about a client's message, if it is an object; gives what is to be replied.
    pub async fn message(&self, text: &str) -> Result<Option<Json>, Refusal> {
        if !self.wants(Event::RealtimeMessage) {
            return Ok(None);
        }
        let Ok(Json::Object(mut message)) = serde_json::from_str(text) else { return Ok(None) };
        // a key that clients repeat is no business of others
        message.remove("api_key");
        let Some(turn) = self.turn().await else { return Ok(None) };
        let mut occasion = turn.occasion(Event::RealtimeMessage).with("message", message);
        turn.ask(&mut occasion).await?;
        Ok(occasion.reply)
    }

    /// The connection is over. Told once, after everything that is under way; nobody waits for it.
    pub fn leave(&self, goodbye: Goodbye) {
        if let Some(inside) = &self.0
            && !inside.left.swap(true, Ordering::AcqRel)
        {
            let (parting, lasted) = (inside.clone(), inside.since.elapsed());
            inside.events.later(async move {
                let duration = u64::try_from(lasted.as_millis()).unwrap_or(u64::MAX);
                parting.part(&goodbye, duration).await;
            });
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.leave(Goodbye::lost());
    }
}

impl Inside {
    pub fn occasion(&self, event: Event, who: &Who) -> Occasion {
        let some = |text: &str| if text.is_empty() { Json::Null } else { json!(text) };
        Occasion::new(event, who.asker.tenant.clone())
            .with("connection_id", &*self.id)
            .with("user_id", some(who.asker.principal.id()))
            .with("account_id", some(who.asker.tenant.as_str()))
            .with("transport", self.origin.transport)
            .with("ip", self.origin.ip.to_string())
    }

    async fn part(self: Arc<Self>, goodbye: &Goodbye, duration: u64) {
        let mut turn = Turn::wait(&self).await;
        turn.state().ended = true;
        if !turn.state().connected {
            return;
        }
        let ends = turn.end(|_| true);
        turn.tell_now(ends).await;
        drop(turn);
        // with the time of its own that every event has
        let turn = Turn::wait(&self).await;
        let occasion = turn
            .occasion(Event::RealtimeDisconnect)
            .with("code", goodbye.code)
            .with("reason", &*goodbye.reason)
            .with("duration_ms", duration);
        turn.tell_now(vec![occasion]).await;
    }
}
