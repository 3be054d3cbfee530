use crate::stats::{Counted, Counters};
use crate::{Event, Hands, HookError, Limits, Occasion, Refusal, Registration, Stats, Voice};
use arc_swap::{ArcSwap, ArcSwapOption};
use parking_lot::{Mutex, RwLock};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

/// Who is called for what; cheap to clone.
#[derive(Clone, Default)]
pub struct Hooks {
    inner: Arc<Inner>,
}

struct Inner {
    lists: [ArcSwap<List>; Event::ALL.len()],
    /// one change of the lists at a time
    changing: Mutex<()>,
    next_id: AtomicU64,
    /// the longest time of a handler, in milliseconds
    longest: AtomicU64,
    counters: Arc<Counters>,
    voice: ArcSwapOption<Arc<dyn Voice>>,
    listener: RwLock<Option<Listener>>,
    limits: Limits,
    /// whether any handler lives elsewhere
    elsewhere: AtomicBool,
    /// for handlers that are asked
    places: Arc<Semaphore>,
}

impl Default for Inner {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Inner {
    fn new(limits: Limits) -> Self {
        Self {
            lists: std::array::from_fn(|_| ArcSwap::default()),
            changing: Mutex::default(),
            next_id: AtomicU64::new(0),
            longest: AtomicU64::new(millis(limits.time)),
            counters: Arc::default(),
            voice: ArcSwapOption::empty(),
            listener: RwLock::default(),
            limits,
            elsewhere: AtomicBool::new(false),
            places: Arc::new(Semaphore::new(limits.at_once.clamp(1, Semaphore::MAX_PERMITS))),
        }
    }
}

/// Is told that the lists changed.
type Listener = Box<dyn Fn() + Send + Sync>;

/// In the order in which they are called.
type List = Vec<(HookId, Registration)>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HookId(u64);

impl Hooks {
    pub fn with_limits(limits: Limits) -> Self {
        Self { inner: Arc::new(Inner::new(limits)) }
    }

    pub fn limits(&self) -> Limits {
        self.inner.limits
    }

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
        let counted = new.into_iter().map(|registration| Counted::wrap(registration, &self.inner.counters));
        let added: List = (first..).map(HookId).zip(counted).collect();
        let _changing = self.inner.changing.lock();
        for (event, slot) in Event::ALL.into_iter().zip(&self.inner.lists) {
            exchange(slot, old, added.iter().filter(|(_, registration)| registration.event == event));
        }
        self.measure();
        self.tell();
        added.into_iter().map(|(id, _)| id).collect()
    }

    /// The longest that any handler may take now.
    pub fn longest(&self) -> Duration {
        Duration::from_millis(self.inner.longest.load(Ordering::Relaxed))
    }

    /// Sums up the lists for those who look often.
    fn measure(&self) {
        let lists = || self.inner.lists.iter().map(|list| list.load_full());
        let far = lists().any(|list| list.iter().any(|(_, one)| one.elsewhere.is_some()));
        self.inner.elsewhere.store(far, Ordering::Release);
        let longest = lists().filter_map(|list| list.iter().filter_map(|(_, one)| one.time()).max()).max();
        let longest = longest.unwrap_or_default().max(self.inner.limits.time);
        self.inner.longest.store(millis(longest), Ordering::Relaxed);
    }

    /// What the handlers of this event have done so far.
    pub fn stats(&self, event: Event) -> Stats {
        self.inner.counters.of(event)
    }

    /// Told of every change of the lists, one after the other. It must neither register nor unregister.
    pub fn set_listener(&self, listener: impl Fn() + Send + Sync + 'static) {
        *self.inner.listener.write() = Some(Box::new(listener));
    }

    /// From now on nobody is told.
    pub fn drop_listener(&self) {
        *self.inner.listener.write() = None;
    }

    fn tell(&self) {
        if let Some(listener) = &*self.inner.listener.read() {
            listener();
        }
    }

    /// Lends handlers a voice.
    pub fn set_voice(&self, voice: Arc<dyn Voice>) {
        self.inner.voice.store(Some(Arc::new(voice)));
    }

    /// Takes it away again: whoever lent it goes.
    pub fn drop_voice(&self) {
        self.inner.voice.store(None);
    }

    pub fn voice(&self) -> Option<Arc<dyn Voice>> {
        self.inner.voice.load_full().map(|voice| Arc::clone(&*voice))
    }

    /// Whether anybody would be called; costs one load.
    pub fn has(&self, event: Event) -> bool {
        !self.slot(event).load().is_empty()
    }

    /// Whether anybody would be called about this collection.
    pub fn has_for(&self, event: Event, collection: &str) -> bool {
        self.slot(event).load().iter().any(|(_, registration)| registration.concerns(Some(collection)))
    }

    /// Whether anybody in this process would be called about this collection, on the thread of the caller.
    pub fn has_here(&self, event: Event, collection: &str) -> bool {
        let list = self.slot(event).load();
        let mut concerned = list.iter().filter(|(_, registration)| registration.concerns(Some(collection)));
        concerned.any(|(_, registration)| registration.elsewhere.is_none())
    }

    /// Whether anybody who is asked about anything lives elsewhere; costs one load.
    pub fn has_elsewhere(&self) -> bool {
        self.inner.elsewhere.load(Ordering::Acquire)
    }

    /// Who is called for it now, in order.
    pub fn registered(&self, event: Event) -> Vec<Registration> {
        self.slot(event).load().iter().map(|(_, registration)| registration.clone()).collect()
    }

    /// Calls the handlers, one after the other, on the calling thread, which may be blocked for as long as their time limits
    /// allow. The first that refuses ends it; that counts only for events that can be refused.
    pub fn call(&self, occasion: &mut Occasion, hands: &mut dyn Hands) -> Result<(), Refusal> {
        self.walk(occasion, |_, registration, occasion| {
            let outcome = registration.call(occasion, hands);
            registration.judge(occasion.event, outcome)
        })
    }

    /// Goes to each of them in order, until one refuses.
    pub fn walk(
        &self,
        occasion: &mut Occasion,
        mut each: impl FnMut(HookId, &Registration, &mut Occasion) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        for (id, registration) in self.slot(occasion.event).load_full().iter() {
            if registration.concerns(occasion.collection.as_deref()) {
                each(*id, registration, occasion)?;
            }
        }
        Ok(())
    }

    /// The same on threads that may be blocked, for callers that may not. Each handler has its time; one that takes longer
    /// goes on unheard. Gives the occasion back as the handlers left it.
    pub async fn ask(
        &self,
        mut occasion: Occasion,
        hands: impl Hands + Clone + Send + 'static,
    ) -> (Occasion, Result<(), Refusal>) {
        let outcome = self.ask_each(&mut occasion, &hands, None, |_| Ok(())).await;
        (occasion, outcome)
    }

    /// The same with a time at which all handlers must be done, and a look at what each of them left, which may refuse.
    pub async fn ask_each(
        &self,
        occasion: &mut Occasion,
        hands: &(impl Hands + Clone + Send + 'static),
        until: Option<Instant>,
        mut look: impl FnMut(&mut Occasion) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        for (_, registration) in self.slot(occasion.event).load_full().iter() {
            if registration.concerns(occasion.collection.as_deref()) {
                let left = until.map(|until| until.saturating_duration_since(Instant::now()));
                let time = registration.time().unwrap_or(self.inner.limits.time);
                let time = left.unwrap_or(Duration::MAX).min(time);
                let outcome = self.run(registration, occasion, hands.clone(), time).await;
                registration.judge(occasion.event, outcome)?;
                look(occasion)?;
            }
        }
        Ok(())
    }

    /// One handler on a thread of its own, with a copy that is dropped if it comes too late.
    async fn run(
        &self,
        registration: &Registration,
        occasion: &mut Occasion,
        mut hands: impl Hands + Send + 'static,
        time: Duration,
    ) -> Result<(), HookError> {
        if time.is_zero() {
            return Err(HookError::TimedOut);
        }
        let mut limit = Instant::now() + time;
        let place = self.inner.places.clone().acquire_owned();
        let place = if occasion.event.may_refuse() {
            timeout_at(limit, place).await.map_err(|_| HookError::TimedOut)?
        } else {
            // nobody waits for it: it is late rather than lost
            let place = place.await;
            limit = Instant::now() + time;
            place
        };
        let (registration, mut copy) = (registration.clone(), occasion.clone());
        let running = tokio::task::spawn_blocking(move || {
            let _place = place;
            let outcome = registration.call(&mut copy, &mut hands);
            (copy, outcome)
        });
        match timeout_at(limit, running).await {
            Ok(Ok((left, outcome))) => {
                *occasion = left;
                outcome
            }
            Ok(Err(_)) => Err(HookError::Failed("the server stops".to_owned())),
            Err(_) => Err(HookError::TimedOut),
        }
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

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Leaves the list alone if nothing of it changes.
fn exchange<'a>(slot: &ArcSwap<List>, old: &[HookId], new: impl Iterator<Item = &'a (HookId, Registration)>) {
    let (known, mut new) = (slot.load(), new.peekable());
    if new.peek().is_none() && !known.iter().any(|(id, _)| old.contains(id)) {
        return;
    }
    let kept = known.iter().filter(|(id, _)| !old.contains(id));
    let mut list: List = kept.cloned().chain(new.cloned()).collect();
    // stable: equal priorities stay in the order of registration
    list.sort_by_key(|(_, registration)| std::cmp::Reverse(registration.priority));
    slot.store(Arc::new(list));
}

impl Registration {
    /// What the outcome of the handler means for the event.
    pub fn judge(&self, event: Event, outcome: Result<(), HookError>) -> Result<(), Refusal> {
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
    pub fn broken() -> Self {
        Self { status: 500, message: "A hook failed.".to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Handler, NoHands};
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
        let panics = |_: &mut Occasion, _: &mut dyn Hands| panic!("on purpose");
        let last = Registration::new(Event::RealtimeConnect, "last", Arc::new(panics));
        hooks.register(Registration { priority: 1, ..last });
        assert!(heard(&hooks, None).1.is_err());
        let Stats { calls, refusals, failures, timeouts, .. } = hooks.stats(Event::RealtimeConnect);
        assert_eq!((calls, refusals, failures, timeouts), (5, 1, 2, 1));
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

    #[test]
    fn it_is_known_whether_anybody_lives_elsewhere() {
        struct Far;
        impl crate::Elsewhere for Far {
            fn ask(&self, occasion: Occasion) -> crate::Asking {
                Box::pin(async { (occasion, Ok(())) })
            }
        }
        let (hooks, event) = (Hooks::default(), Event::RealtimeConnect);
        assert!(!hooks.has_elsewhere());
        let far = hooks.register(Registration { elsewhere: Some(Arc::new(Far)), ..handler("far", Ok(())) });
        assert!(hooks.has_elsewhere() && hooks.has_for(event, "a") && !hooks.has_here(event, "a"));
        hooks.register(Registration { collection: Some("a".into()), ..handler("near", Ok(())) });
        assert!(hooks.has_elsewhere() && hooks.has_here(event, "a") && !hooks.has_here(event, "b"));
        hooks.unregister(far);
        assert!(!hooks.has_elsewhere() && hooks.has_here(event, "a"));
    }

    #[test]
    fn a_listener_hears_of_every_change_until_it_is_dropped() {
        let hooks = Hooks::default();
        let told = Arc::new(AtomicU64::new(0));
        let counted = told.clone();
        hooks.set_listener(move || {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        let id = hooks.register(handler("a", Ok(())));
        hooks.unregister(id);
        hooks.drop_listener();
        hooks.register(handler("b", Ok(())));
        assert_eq!(told.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn who_asks_waits_no_longer_than_the_limit() {
        for (stop_on_error, status) in [(false, None), (true, Some(500))] {
            let hooks = Hooks::with_limits(Limits {
                time: Duration::from_millis(20),
                at_once: 1,
                ..Limits::default()
            });
            let (release, held) = std::sync::mpsc::channel::<()>();
            let held = Mutex::new(held);
            let hang = move |occasion: &mut Occasion, _: &mut dyn Hands| -> Outcome {
                occasion.fields.insert("heard".to_owned(), json!(["too late"]));
                let _ = held.lock().recv();
                Ok(())
            };
            let ask = async || {
                let occasion = Occasion::new(Event::RealtimeConnect, TenantId::default());
                let (occasion, outcome) = hooks.ask(occasion, NoHands).await;
                (occasion.fields.get("heard").cloned(), outcome.err().map(|no| no.status))
            };
            let first = hooks.register(handler("first", Ok(())));
            let hanging = Registration::new(Event::RealtimeConnect, "h", Arc::new(hang));
            let hanging = hooks.register(Registration { stop_on_error, ..hanging });
            assert_eq!(ask().await, (Some(json!(["first"])), status));
            // it holds the only place until it returns
            hooks.unregister(hanging);
            assert_eq!(ask().await, (None, None));
            drop(release);
            while ask().await.0.is_none() {}
            hooks.unregister(first);
        }
    }

    /// Asks for a time of its own, and waits for it to be over or for a word.
    struct Slow(Duration, Mutex<std::sync::mpsc::Receiver<()>>);

    impl Handler for Slow {
        fn call(&self, occasion: &mut Occasion, _: &mut dyn Hands) -> Outcome {
            let heard = self.1.lock().recv();
            occasion.fields.insert("heard".to_owned(), json!(heard.is_ok()));
            Ok(())
        }

        fn time(&self) -> Option<Duration> {
            Some(self.0)
        }
    }

    #[tokio::test]
    async fn a_handler_may_ask_for_more_time_than_others_have() {
        let least = Duration::from_millis(1);
        let hooks = Hooks::with_limits(Limits { time: least, ..Limits::default() });
        assert_eq!(hooks.longest(), least);
        for (asked, longest) in [(Duration::from_secs(50), 50), (Duration::from_secs(5000), 60)] {
            let (word, wait) = std::sync::mpsc::channel();
            let slow = Arc::new(Slow(asked, Mutex::new(wait)));
            let id = hooks.register(Registration::new(Event::RealtimeConnect, "slow", slow));
            assert_eq!(hooks.longest(), Duration::from_secs(longest));
            let begun = Instant::now();
            let speaking = std::thread::spawn(move || {
                // the time of all others is over by then
                while begun.elapsed() <= least {
                    std::thread::yield_now();
                }
                word.send(()).unwrap();
            });
            let occasion = Occasion::new(Event::RealtimeConnect, TenantId::default());
            let (occasion, outcome) = hooks.ask(occasion, NoHands).await;
            assert_eq!((outcome, &occasion.fields["heard"]), (Ok(()), &json!(true)));
            speaking.join().unwrap();
            hooks.unregister(id);
            assert_eq!(hooks.longest(), least);
        }
    }

    #[tokio::test]
    async fn what_each_handler_left_is_looked_at() {
        let hooks = Hooks::default();
        for name in ["a", "b", "c"] {
            hooks.register(handler(name, Ok(())));
        }
        let mut occasion = Occasion::new(Event::RealtimeConnect, TenantId::default());
        let mut seen = Vec::new();
        let look = |occasion: &mut Occasion| {
            seen.push(occasion.fields["heard"].to_string());
            if seen.len() < 2 { Ok(()) } else { Err(Refusal::broken()) }
        };
        let outcome = hooks.ask_each(&mut occasion, &NoHands, None, look).await;
        assert_eq!(
            (outcome, seen),
            (Err(Refusal::broken()), vec![r#"["a"]"#.to_owned(), r#"["a","b"]"#.to_owned()])
        );
        let late = Some(Instant::now());
        let mut occasion = Occasion::new(Event::RealtimeConnect, TenantId::default());
        assert_eq!(hooks.ask_each(&mut occasion, &NoHands, late, |_| Ok(())).await, Ok(()));
        assert!(occasion.fields.is_empty());
    }
}
