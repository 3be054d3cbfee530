use crate::{Asking, Elsewhere, Event, Handler, Hands, HookError, Occasion, Registration};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What the handlers of one event have done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stats {
    pub calls: u64,
    /// calls that refused, on purpose
    pub refusals: u64,
    /// calls that broke
    pub failures: u64,
    pub timeouts: u64,
    /// time that callers waited
    pub took: Duration,
}

/// The counters behind it, one set per event.
#[derive(Default)]
pub(crate) struct Counters([Counts; Event::ALL.len()]);

#[derive(Default)]
struct Counts {
    calls: AtomicU64,
    refusals: AtomicU64,
    failures: AtomicU64,
    timeouts: AtomicU64,
    nanos: AtomicU64,
}

/// A handler whose calls are counted; a panic is a failure as any other.
pub(crate) struct Counted {
    handler: Arc<dyn Handler>,
    counters: Arc<Counters>,
}

impl Counted {
    pub(crate) fn wrap(mut registration: Registration, counters: &Arc<Counters>) -> Registration {
        if let Some(elsewhere) = registration.elsewhere.take() {
            let counters = counters.clone();
            registration.elsewhere = Some(Arc::new(CountedElsewhere { elsewhere, counters }));
        }
        registration.handler = Arc::new(Self { handler: registration.handler, counters: counters.clone() });
        registration
    }
}

struct CountedElsewhere {
    elsewhere: Arc<dyn Elsewhere>,
    counters: Arc<Counters>,
}

impl Elsewhere for CountedElsewhere {
    fn ask(&self, occasion: Occasion) -> Asking {
        let (event, started, counters) = (occasion.event, Instant::now(), self.counters.clone());
        let asking = self.elsewhere.ask(occasion);
        Box::pin(async move {
            let (left, outcome) = asking.await;
            counters.count(event, &outcome, started.elapsed());
            (left, outcome)
        })
    }
}

impl Handler for Counted {
    fn call(&self, occasion: &mut Occasion, hands: &mut dyn Hands) -> Result<(), HookError> {
        let (event, started) = (occasion.event, Instant::now());
        let called = catch_unwind(AssertUnwindSafe(|| self.handler.call(occasion, hands)));
        let outcome = called.unwrap_or_else(|_| Err(HookError::Failed("it panicked".to_owned())));
        if !hands.broken_off() {
            self.counters.count(event, &outcome, started.elapsed());
        }
        outcome
    }

    fn time(&self) -> Option<Duration> {
        self.handler.time()
    }
}

impl Counters {
    fn count(&self, event: Event, outcome: &Result<(), HookError>, took: Duration) {
        let counts = &self.0[event as usize];
        let add = |counter: &AtomicU64, by| counter.fetch_add(by, Ordering::Relaxed);
        add(&counts.calls, 1);
        add(&counts.nanos, u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        match outcome {
            Ok(()) => 0,
            Err(HookError::Abort(_)) => add(&counts.refusals, 1),
            Err(HookError::Failed(_)) => add(&counts.failures, 1),
            Err(HookError::TimedOut) => add(&counts.timeouts, 1),
        };
    }

    pub(crate) fn of(&self, event: Event) -> Stats {
        let counts = &self.0[event as usize];
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            calls: read(&counts.calls),
            refusals: read(&counts.refusals),
            failures: read(&counts.failures),
            timeouts: read(&counts.timeouts),
            took: Duration::from_nanos(read(&counts.nanos)),
        }
    }
}
