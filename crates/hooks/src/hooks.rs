use crate::stats::Counters;
use crate::{Event, Hands, HookError, Occasion, Refusal, Registration, Stats};
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Who is called for what; cheap to clone.
#[derive(Clone, Default)]
pub struct Hooks {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    lists: [ArcSwap<List>; Event::ALL.len()],
    /// one change of the lists at a time
    changing: Mutex<()>,
    next_id: AtomicU64,
    counters: Counters,
}

/// In the order in which they are called.
type List = Vec<(HookId, Registration)>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HookId(u64);

impl Hooks {
    pub fn register(&self, registration: Registration) -> HookId {
        self.replace(&[], vec![registration])[0]
    }

    /// Nothing happens if it is gone already.
    pub fn unregister(&self, id: HookId) {
        self.replace(&[id], Vec::new());
    }

    /// Takes the old ones out and puts the new ones in; whoever calls an event meets either all of its old ones or all of its
    /// new ones. Gives the ids in the order of the new ones.
    pub fn replace(&self, old: &[HookId], new: Vec<Registration>) -> Vec<HookId> {
        let count = u64::try_from(new.len()).unwrap_or(u64::MAX);
        let first = self.inner.next_id.fetch_add(count, Ordering::Relaxed);
        let added: List = (first..).map(HookId).zip(new).collect();
        let _changing = self.inner.changing.lock();
        for (event, slot) in Event::ALL.into_iter().zip(&self.inner.lists) {
            let known = slot.load();
            let added = || added.iter().filter(|(_, registration)| registration.event == event);
            if added().next().is_none() && !known.iter().any(|(id, _)| old.contains(id)) {
                continue;
            }
            let kept = known.iter().filter(|(id, _)| !old.contains(id));
            let mut list: List = kept.chain(added()).cloned().collect();
            // stable: equal priorities stay in the order of registration
            list.sort_by_key(|(_, registration)| std::cmp::Reverse(registration.priority));
            slot.store(Arc::new(list));
        }
        added.into_iter().map(|(id, _)| id).collect()
    }

    /// What the handlers of this event have done so far.
    pub fn stats(&self, event: Event) -> Stats {
        self.inner.counters.of(event)
    }

    /// Whether anybody would be called; costs one load.
    pub fn has(&self, event: Event) -> bool {
        !self.slot(event).load().is_empty()
    }

    /// Whether anybody would be called about this collection.
    pub fn has_for(&self, event: Event, collection: &str) -> bool {
        self.slot(event).load().iter().any(|(_, registration)| registration.concerns(Some(collection)))
    }

    /// Calls the handlers, one after the other, on the calling thread, which may be blocked for as long as their time limits
    /// allow. The first that refuses ends it; that counts only for events that can be refused.
    pub fn call(&self, occasion: &mut Occasion, hands: &mut dyn Hands) -> Result<(), Refusal> {
        for (_, registration) in self.slot(occasion.event).load_full().iter() {
            if registration.concerns(occasion.collection.as_deref()) {
                registration.call(occasion, hands, &self.inner.counters)?;
            }
        }
        Ok(())
    }

    /// The same on a thread that may be blocked, for callers that may not. Gives the occasion back as the handlers left it.
    pub async fn ask(
        &self,
        mut occasion: Occasion,
        mut hands: impl Hands + Send + 'static,
    ) -> (Occasion, Result<(), Refusal>) {
        if !self.has(occasion.event) {
            return (occasion, Ok(()));
        }
        let (hooks, event, tenant) = (self.clone(), occasion.event, occasion.tenant.clone());
        let asked = tokio::task::spawn_blocking(move || {
            let outcome = hooks.call(&mut occasion, &mut hands);
            (occasion, outcome)
        });
        asked.await.unwrap_or_else(|_| (Occasion::new(event, tenant), Err(Refusal::broken())))
    }

    fn slot(&self, event: Event) -> &ArcSwap<List> {
        &self.inner.lists[event as usize]
    }
}

impl std::fmt::Debug for Hooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lists = self.inner.lists.iter().map(|list| list.load());
        f.debug_struct("Hooks").field("registered", &lists.map(|list| list.len()).sum::<usize>()).finish()
    }
}

impl Registration {
    fn concerns(&self, collection: Option<&str>) -> bool {
        self.collection.is_none() || self.collection.as_deref() == collection
    }

    fn call(
        &self,
        occasion: &mut Occasion,
        hands: &mut dyn Hands,
        counters: &Counters,
    ) -> Result<(), Refusal> {
        let (event, started) = (occasion.event, Instant::now());
        let called = catch_unwind(AssertUnwindSafe(|| self.handler.call(occasion, hands)));
        let outcome = called.unwrap_or_else(|_| Err(HookError::Failed("it panicked".to_owned())));
        counters.count(event, &outcome, started.elapsed());
        let error = match outcome {
            Ok(()) => return Ok(()),
            Err(HookError::Abort(refusal)) if event.may_refuse() => return Err(refusal),
            Err(error) => error,
        };
        tracing::error!(hook = &*self.name, event = event.name(), %error, "a hook failed");
        if self.stop_on_error && event.may_refuse() { Err(Refusal::broken()) } else { Ok(()) }
    }
}

impl Refusal {
    /// What clients are told of a hook that broke; the log has the reason.
    fn broken() -> Self {
        Self { status: 500, message: "A hook failed.".to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NoHands;
    use serde_json::{Value as Json, json};
    use tidewire_model::TenantId;

    type Outcome = Result<(), HookError>;

    /// Notes its name in `heard`, then ends as told.
    fn handler(name: &'static str, outcome: Outcome) -> Registration {
        let call = move |occasion: &mut Occasion, _: &mut dyn Hands| {
            let heard = occasion.fields.entry("heard").or_insert_with(|| json!([]));
            if let Json::Array(heard) = heard {
                heard.push(json!(name));
            }
            outcome.clone()
        };
        Registration::new(Event::RealtimeConnect, name, Arc::new(call))
    }

    fn heard(hooks: &Hooks, collection: Option<&str>) -> (String, Result<(), Refusal>) {
        let mut occasion = Occasion::new(Event::RealtimeConnect, TenantId::default());
        occasion.collection = collection.map(Into::into);
        let outcome = hooks.call(&mut occasion, &mut NoHands);
        let names = occasion.fields.get("heard").and_then(Json::as_array).cloned().unwrap_or_default();
        (names.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(" "), outcome)
    }

    #[test]
    fn higher_priorities_are_called_first_and_equal_ones_in_order() {
        let hooks = Hooks::default();
        for (name, priority) in [("a", 0), ("b", 10), ("c", 0), ("d", -1)] {
            hooks.register(Registration { priority, ..handler(name, Ok(())) });
        }
        assert_eq!(heard(&hooks, None), ("b a c d".to_owned(), Ok(())));
    }

    #[test]
    fn handlers_of_a_collection_are_called_for_it_alone() {
        let hooks = Hooks::default();
        let id = hooks.register(Registration { collection: Some("posts".into()), ..handler("p", Ok(())) });
        assert_eq!(heard(&hooks, Some("posts")).0, "p");
        assert_eq!(heard(&hooks, Some("users")).0, "");
        assert_eq!(heard(&hooks, None).0, "");
        assert!(hooks.has(Event::RealtimeConnect) && !hooks.has(Event::RealtimeMessage));
        assert!(hooks.has_for(Event::RealtimeConnect, "posts"));
        assert!(!hooks.has_for(Event::RealtimeConnect, "users"));
        hooks.unregister(id);
        assert!(!hooks.has(Event::RealtimeConnect));
    }

    #[test]
    fn the_first_refusal_ends_it_and_a_failure_only_if_asked_to() {
        let failed = || Err(HookError::Failed("x".to_owned()));
        for (outcome, stop_on_error, names, status) in [
            (Err(HookError::abort(418, "no")), false, "first", Some(418)),
            (Err(HookError::abort(200, "no")), false, "first", Some(400)),
            (failed(), false, "first second", None),
            (failed(), true, "first", Some(500)),
            (Err(HookError::TimedOut), true, "first", Some(500)),
        ] {
            let hooks = Hooks::default();
            hooks.register(Registration { stop_on_error, ..handler("first", outcome) });
            hooks.register(handler("second", Ok(())));
            let (heard, outcome) = heard(&hooks, None);
            assert_eq!((heard.as_str(), outcome.err().map(|refusal| refusal.status)), (names, status));
        }
    }

    #[test]
    fn new_handlers_take_the_place_of_old_ones() {
        let hooks = Hooks::default();
        let old = [hooks.register(handler("a", Ok(()))), hooks.register(handler("b", Ok(())))];
        hooks.register(handler("c", Ok(())));
        let new = hooks.replace(&old, vec![handler("d", Ok(())), handler("e", Ok(()))]);
        assert_eq!(heard(&hooks, None).0, "c d e");
        hooks.unregister(new[0]);
        hooks.unregister(old[0]);
        assert_eq!(heard(&hooks, None).0, "c e");
    }

    #[test]
    fn calls_are_counted_by_how_they_end() {
        let hooks = Hooks::default();
        for outcome in [Ok(()), Err(HookError::TimedOut), Err(HookError::Failed("x".to_owned()))] {
            hooks.register(handler("x", outcome));
        }
        hooks.register(handler("x", Err(HookError::abort(400, "no"))));
        assert!(heard(&hooks, None).1.is_err());
        let Stats { calls, refusals, failures, timeouts, .. } = hooks.stats(Event::RealtimeConnect);
        assert_eq!((calls, refusals, failures, timeouts), (4, 1, 1, 1));
        assert_eq!(hooks.stats(Event::Start), Stats::default());
    }

    #[test]
    fn a_panic_is_a_failure() {
        let hooks = Hooks::default();
        let call = |_: &mut Occasion, _: &mut dyn Hands| -> Outcome { panic!("on purpose") };
        let panicking = Registration::new(Event::RealtimeConnect, "p", Arc::new(call));
        hooks.register(Registration { stop_on_error: true, ..panicking });
        assert_eq!(heard(&hooks, None).1, Err(Refusal::broken()));
    }
}
