use crate::{Event, Handler};
use std::sync::Arc;

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
    /// how it is called in logs, e.g. `posts.js:12`
    pub name: Box<str>,
    pub handler: Arc<dyn Handler>,
}

impl Registration {
    pub fn new(event: Event, name: &str, handler: Arc<dyn Handler>) -> Self {
        Self { event, collection: None, priority: 0, stop_on_error: false, name: name.into(), handler }
    }
}
