use crate::{Elsewhere, Event, Handler, Hands, HookError, LONGEST, Occasion};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A handler and when it is called.
#[derive(Clone)]
pub struct Registration {
    pub event: Event,
    /// only for this collection; for all if none
    pub collection: Option<Box<str>>,
    /// higher ones are called first, equal ones in the order in which they were registered
    pub priority: i64,
    /// a handler that breaks or takes too long refuses the event, instead of being passed over
    pub stop_on_error: bool,
    /// before-hooks of records: asked in place of `handler`, while the write waits and holds up no other
    pub elsewhere: Option<Arc<dyn Elsewhere>>,
    /// after-hooks of one group follow the log together; its place in the log is kept under this name
    pub group: Box<str>,
    /// how it is called in logs, e.g. `posts.js:12`
    pub name: Box<str>,
    pub handler: Arc<dyn Handler>,
}

impl Registration {
    /// A group of its own, unless another is given.
    pub fn new(event: Event, name: &str, handler: Arc<dyn Handler>) -> Self {
        let (group, name) = (name.into(), name.into());
        Self {
            event,
            collection: None,
            priority: 0,
            stop_on_error: false,
            elsewhere: None,
            group,
            name,
            handler,
        }
    }

    /// Whether it asked for what happens in this collection.
    pub fn concerns(&self, collection: Option<&str>) -> bool {
        self.collection.is_none() || self.collection.as_deref() == collection
    }

    /// How long the handler may take, if it has asked for a time.
    pub fn time(&self) -> Option<Duration> {
        self.handler.time().map(|time| time.min(LONGEST))
    }

    /// Calls the handler; once it is registered, a panic is a failure as any other.
    pub fn call(&self, occasion: &mut Occasion, hands: &mut dyn Hands) -> Result<(), HookError> {
        self.handler.call(occasion, hands)
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration")
            .field("name", &self.name)
            .field("event", &self.event)
            .finish_non_exhaustive()
    }
}
