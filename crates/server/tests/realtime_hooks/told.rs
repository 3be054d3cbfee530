//! Handlers that note what they are told.

use serde_json::{Map, Value as Json, json};
use std::sync::Arc;
use std::time::Duration;
use tidewire_hooks::{Event, Handler, Hands, HookError, Hooks, Limits, Occasion, Registration};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Nothing takes so long; a test that waits for it has failed.
const FOREVER: Duration = Duration::from_secs(30);

pub const REALTIME: [Event; 5] = [
    Event::RealtimeConnect,
    Event::RealtimeDisconnect,
    Event::RealtimeSubscribe,
    Event::RealtimeUnsubscribe,
    Event::RealtimeMessage,
];
pub const ROOM: [Event; 4] = [Event::RoomCreate, Event::RoomJoin, Event::RoomMessage, Event::RoomLeave];
pub const SIGN_IN: [Event; 2] = [Event::SignInBefore, Event::SignIn];

pub type Outcome = Result<(), HookError>;

/// Hooks, and what they were told.
pub struct Told {
    pub hooks: Hooks,
    heard: UnboundedReceiver<(Event, Map<String, Json>)>,
}

/// On a busy machine a thread may begin later than a short limit allows: what is told must not be heard out of order.
struct Note(UnboundedSender<(Event, Map<String, Json>)>);

impl Handler for Note {
    fn call(&self, occasion: &mut Occasion, _: &mut dyn Hands) -> Outcome {
        self.0.send((occasion.event, occasion.fields.clone())).unwrap();
        Ok(())
    }

    fn time(&self) -> Option<Duration> {
        Some(FOREVER)
    }
}

impl Told {
    pub fn of(events: &[Event]) -> Self {
        Self::within(Limits::default(), events)
    }

    pub fn within(limits: Limits, events: &[Event]) -> Self {
        let hooks = Hooks::with_limits(limits);
        let (note, heard) = unbounded_channel();
        for event in events {
            let note = note.clone();
            let registration = Registration::new(*event, "told", Arc::new(Note(note)));
            // before all others
            hooks.register(Registration { priority: 100, ..registration });
        }
        Self { hooks, heard }
    }

    pub fn on(&self, event: Event, handler: impl Fn(&mut Occasion) -> Outcome + Send + Sync + 'static) {
        on(&self.hooks, event, false, move |occasion, _| handler(occasion));
    }

    /// The next event, which must be this one.
    pub async fn next(&mut self, event: Event) -> Json {
        let (told, fields) = self.any().await;
        assert_eq!(told.name(), event.name(), "{}", json!(fields));
        Json::Object(fields)
    }

    pub async fn any(&mut self) -> (Event, Map<String, Json>) {
        tokio::time::timeout(FOREVER, self.heard.recv()).await.expect("an event in time").unwrap()
    }

    /// Everything up to the next disconnect, each as "event collection-or-topic-or-room".
    pub async fn short(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        loop {
            let (event, fields) = self.any().await;
            let name = event.name().trim_start_matches("realtime.");
            let what = ["collection", "topic", "room"].into_iter().find_map(|key| fields.get(key)?.as_str());
            all.push(what.map_or_else(|| name.to_owned(), |what| format!("{name} {what}")));
            if event == Event::RealtimeDisconnect {
                return all;
            }
        }
    }

    /// Nothing more was told.
    pub fn nothing(&mut self) {
        if let Ok((event, fields)) = self.heard.try_recv() {
            panic!("{} {}", event.name(), json!(fields));
        }
    }
}

pub fn on(
    hooks: &Hooks,
    event: Event,
    stop_on_error: bool,
    handler: impl Fn(&mut Occasion, &mut dyn Hands) -> Outcome + Send + Sync + 'static,
) {
    let registration = Registration::new(event, "test", Arc::new(handler));
    hooks.register(Registration { stop_on_error, ..registration });
}

/// Fields without those whose values differ from run to run, which must be there.
pub fn without(mut fields: Json, names: &[&str]) -> Json {
    for name in names {
        let gone = fields.as_object_mut().unwrap().remove(*name);
        assert!(gone.is_some(), "{name} is missing in {fields}");
    }
    fields
}

/// Every field of this name is the same.
pub fn same<'a>(name: &str, all: impl IntoIterator<Item = &'a Json>) -> Json {
    let values: Vec<&Json> = all.into_iter().map(|fields| &fields[name]).collect();
    assert!(values.iter().all(|value| *value == values[0] && !value.is_null()), "{name}: {values:?}");
    values[0].clone()
}
