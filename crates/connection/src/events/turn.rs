use super::visit::{Inside, State};
use super::wish::Narrowing;
use super::{Grant, PATIENCE, Who, Wish};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use tidewire_hooks::{Event, Occasion, Refusal};
use tidewire_model::Principal;
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

/// The right to tell events of one connection; others wait for theirs.
pub struct Turn {
    inside: Arc<Inside>,
    state: OwnedMutexGuard<State>,
    /// as whom it asks
    who: Who,
    /// when handlers must be done
    until: Instant,
}

/// Something that lasts: what is to be told when it ends.
pub(super) struct Held {
    pub key: Box<str>,
    pub end: Occasion,
}

impl Turn {
    pub(super) async fn wait(inside: &Arc<Inside>) -> Self {
        let state = inside.state.clone().lock_owned().await;
        let until = Instant::now() + inside.events.hooks().longest() * PATIENCE;
        Self { inside: inside.clone(), who: state.who.clone(), state, until }
    }

    /// The connection is gone: nothing that it asks for can begin.
    pub fn is_over(&self) -> bool {
        self.state.ended
    }

    /// Who the connection is.
    pub fn principal(&self) -> &Principal {
        &self.state.who.asker.principal
    }

    /// It asks as somebody else.
    pub fn ask_as(&mut self, principal: &Principal, token_type: Option<&'static str>) {
        self.who.asker.tenant =
            principal.identity().map(|identity| identity.tenant.clone()).unwrap_or_default();
        self.who.asker.principal = principal.clone();
        self.who.token_type = token_type;
    }

    /// The connection is now who it asked as.
    pub fn become_who_asks(&mut self) {
        self.state.who = self.who.clone();
    }

    /// Something about this connection.
    pub fn occasion(&self, event: Event) -> Occasion {
        self.inside.occasion(event, &self.who)
    }

    pub async fn ask(&self, occasion: &mut Occasion) -> Result<(), Refusal> {
        self.ask_each(occasion, |_| Ok(())).await
    }

    /// Asks whether a subscription may begin, and what is left of it.
    pub async fn subscribe(&self, wish: &Wish<'_>) -> Result<Grant, Refusal> {
        let mut narrowing = Narrowing::new(wish);
        let operations: Vec<_> = wish.operations.names().collect();
        let about = |event| {
            let occasion = match wish.collection {
                Some(name) => self.occasion(event).of(name),
                None => self.occasion(event).with("collection", Json::Null),
            };
            occasion.with("topic", wish.topic)
        };
        let mut occasion = about(Event::RealtimeSubscribe)
            .with("operations", json!(operations))
            .with("filter", wish.filter.clone())
            .with("options", wish.options.clone());
        self.ask_each(&mut occasion, |occasion| narrowing.look(occasion)).await?;
        let (operations, filters) = narrowing.done();
        Ok(Grant { operations, filters, key: wish.key.into(), end: about(Event::RealtimeUnsubscribe) })
    }

    /// A granted subscription is active. One with the same key is replaced, and nobody is told of its end.
    pub fn begin(&mut self, grant: Grant) {
        self.hold(&grant.key, grant.end);
    }

    /// The same for anything that lasts.
    pub fn hold(&mut self, key: &str, end: Occasion) {
        match self.state.held.iter_mut().find(|held| *held.key == *key) {
            Some(held) => held.end = end,
            None => self.state.held.push(Held { key: key.into(), end }),
        }
    }

    /// What has ended, by its key, in the order in which it began.
    pub fn end(&mut self, is_over: impl Fn(&str) -> bool) -> Vec<Occasion> {
        let (over, held) =
            std::mem::take(&mut self.state.held).into_iter().partition(|held| is_over(&held.key));
        self.state.held = held;
        let over: Vec<Held> = over;
        over.into_iter().map(|held| held.end).collect()
    }

    /// Tells of ends while the connection goes on; its next event comes after them.
    pub fn tell(self, ends: Vec<Occasion>) {
        if !ends.is_empty() {
            let events = self.inside.events.clone();
            events.later(async move { self.tell_now(ends).await });
        }
    }

    pub(super) async fn tell_now(&self, ends: Vec<Occasion>) {
        for mut end in ends {
            // what has happened cannot be refused
            let _ = self.ask(&mut end).await;
        }
    }

    async fn ask_each(
        &self,
        occasion: &mut Occasion,
        look: impl FnMut(&mut Occasion) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let events = &self.inside.events;
        let hands = events.hands(&self.who.asker);
        // on the heap: a connection that nobody asks about does not pay for it
        Box::pin(events.hooks().ask_each(occasion, &hands, Some(self.until), look)).await
    }

    pub(super) fn state(&mut self) -> &mut State {
        &mut self.state
    }
}
