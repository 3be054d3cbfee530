//! Threads for closures that are called inside of writes. The thread that owns the transaction does what a closure asks for,
//! and waits no longer than its time.

use parking_lot::Mutex;
use serde_json::Value as Json;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};
use tidewire_hooks::{Act, ActError, Handler, Hands, HookError, Occasion};

/// Calls that did not return in time and have not returned since; beyond them further calls fail at once.
const HANGING: usize = 16;

/// Cheap to clone. Threads are started when they are needed and used again; one that came late is not.
#[derive(Clone, Default)]
pub(crate) struct Pool {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// as many as calls were within each other
    idle: Mutex<Vec<Sender<Task>>>,
    hanging: AtomicUsize,
}

/// A handler with a limit: it may hold a write no longer.
pub(crate) struct Timed {
    pub handler: Arc<dyn Handler>,
    pub pool: Pool,
    pub time: Duration,
}

struct Task {
    handler: Arc<dyn Handler>,
    occasion: Occasion,
    hands: FarHands,
    /// set by whoever comes first: the thread that is done, or the caller that leaves
    ended: Arc<AtomicBool>,
}

enum ToCaller {
    Act(Act),
    Done(Box<Occasion>, Result<(), HookError>),
}

/// The hands of a closure on its own thread.
struct FarHands {
    out: Sender<ToCaller>,
    answers: Receiver<Result<Json, ActError>>,
}

impl Hands for FarHands {
    fn act(&mut self, act: Act) -> Result<Json, ActError> {
        let late = || ActError::new(503, "the time of this hook is over");
        self.out.send(ToCaller::Act(act)).map_err(|_| late())?;
        self.answers.recv().unwrap_or_else(|_| Err(late()))
    }
}

thread_local! {
    /// of the innermost call that this thread does an act for
    static UNTIL: Cell<Option<Instant>> = const { Cell::new(None) };
}

impl Handler for Timed {
    /// What a closure that breaks has set of the record does not count.
    fn call(&self, occasion: &mut Occasion, hands: &mut dyn Hands) -> Result<(), HookError> {
        let until = Instant::now() + self.time;
        let until = UNTIL.get().map_or(until, |outer| outer.min(until));
        let (call, worker) = self.begin(occasion.clone())?;
        let (left, outcome) = call.wait(hands, until, &self.pool)?;
        self.pool.shared.idle.lock().push(worker);
        outcome?;
        *occasion = left;
        Ok(())
    }
}

impl Timed {
    fn begin(&self, occasion: Occasion) -> Result<(Call, Sender<Task>), HookError> {
        let hanging = self.pool.shared.hanging.load(Ordering::Acquire);
        if hanging >= HANGING {
            return Err(HookError::Failed(format!("{hanging} calls of hooks hang, and no more are begun")));
        }
        let ((out, inward), (answers, answered)) = (channel(), channel());
        let ended = Arc::new(AtomicBool::new(false));
        let hands = FarHands { out, answers: answered };
        let task = Task { handler: self.handler.clone(), occasion, hands, ended: ended.clone() };
        let worker = self.pool.worker()?;
        worker.send(task).map_err(|_| gone())?;
        Ok((Call { inward, answers, ended }, worker))
    }
}

/// A call under way, as its caller sees it.
struct Call {
    inward: Receiver<ToCaller>,
    answers: Sender<Result<Json, ActError>>,
    ended: Arc<AtomicBool>,
}

type Left = (Occasion, Result<(), HookError>);

impl Call {
    /// Does what the closure asks for, until it has ended or its time is over.
    fn wait(self, hands: &mut dyn Hands, until: Instant, pool: &Pool) -> Result<Left, HookError> {
        loop {
            match self.inward.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(ToCaller::Done(left, outcome)) => return Ok((*left, outcome)),
                Ok(ToCaller::Act(act)) => {
                    let back = Until(UNTIL.replace(Some(until)));
                    let answer = hands.act(act);
                    drop(back);
                    if Instant::now() >= until {
                        // unanswered, the closure cannot have ended
                        return self.leave(pool);
                    }
                    // a thread that has ended is noticed by the next look
                    let _ = self.answers.send(answer);
                }
                Err(RecvTimeoutError::Disconnected) => return Err(gone()),
                Err(RecvTimeoutError::Timeout) => return self.leave(pool),
            }
        }
    }

    /// The time is over: its thread is left to itself, unless it is done in the same moment.
    fn leave(&self, pool: &Pool) -> Result<Left, HookError> {
        // counted first: its thread takes it off again as soon as it finds nobody waiting
        let hanging = pool.shared.hanging.fetch_add(1, Ordering::AcqRel) + 1;
        if self.ended.swap(true, Ordering::AcqRel) {
            pool.shared.hanging.fetch_sub(1, Ordering::AcqRel);
            // its message is here, or about to come
            return match self.inward.recv() {
                Ok(ToCaller::Done(left, outcome)) => Ok((*left, outcome)),
                _ => Err(HookError::TimedOut),
            };
        }
        tracing::error!(hanging, "a hook does not return; its thread is left to itself");
        Err(HookError::TimedOut)
    }
}

/// Puts the time of the outer call in its place again, also if an act panics.
struct Until(Option<Instant>);

impl Drop for Until {
    fn drop(&mut self) {
        UNTIL.set(self.0);
    }
}

impl Pool {
    fn worker(&self) -> Result<Sender<Task>, HookError> {
        if let Some(worker) = self.shared.idle.lock().pop() {
            return Ok(worker);
        }
        let (worker, tasks) = channel();
        // it must not keep alive what it waits for
        let shared = Arc::downgrade(&self.shared);
        let serve = move || {
            while let Ok(task) = tasks.recv() {
                if !perform(task) {
                    // the caller has left; the thread is not used again
                    if let Some(shared) = shared.upgrade() {
                        shared.hanging.fetch_sub(1, Ordering::AcqRel);
                    }
                    return;
                }
            }
        };
        let started = thread::Builder::new().name("hooks-rust".to_owned()).spawn(serve);
        started.map_err(|error| HookError::Failed(format!("no thread for a hook: {error}")))?;
        Ok(worker)
    }

    #[cfg(test)]
    fn hanging(&self) -> usize {
        self.shared.hanging.load(Ordering::Acquire)
    }
}

/// False if nobody waited for the end.
fn perform(task: Task) -> bool {
    let Task { handler, mut occasion, mut hands, ended } = task;
    let called = catch_unwind(AssertUnwindSafe(|| handler.call(&mut occasion, &mut hands)));
    let outcome = called.unwrap_or_else(|_| Err(HookError::Failed("it panicked".to_owned())));
    if ended.swap(true, Ordering::AcqRel) {
        return false;
    }
    // a caller that panicked has gone
    let _ = hands.out.send(ToCaller::Done(Box::new(occasion), outcome));
    true
}

fn gone() -> HookError {
    HookError::Failed("its thread has ended".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tidewire_hooks::Event;
    use tidewire_model::TenantId;

    /// Notes what it is asked for.
    #[derive(Default)]
    struct Notes(Vec<Act>);

    impl Hands for Notes {
        fn act(&mut self, act: Act) -> Result<Json, ActError> {
            self.0.push(act);
            Ok(json!(self.0.len()))
        }
    }

    fn timed(
        pool: &Pool,
        time: Duration,
        call: impl Fn(&mut Occasion, &mut dyn Hands) -> Result<(), HookError> + Send + Sync + 'static,
    ) -> Timed {
        Timed { handler: Arc::new(call), pool: pool.clone(), time }
    }

    fn occasion() -> Occasion {
        Occasion::new(Event::RecordBeforeCreate, TenantId::default()).with("n", 1)
    }

    fn setting() -> Act {
        Act::Setting { path: "x".to_owned() }
    }

    const AGES: Duration = Duration::from_secs(3600);

    #[test]
    fn a_closure_acts_through_its_caller_and_changes_what_it_is_called_for() {
        let pool = Pool::default();
        let call = |occasion: &mut Occasion, hands: &mut dyn Hands| {
            for _ in 0..3 {
                occasion.fields["n"] = hands.act(setting()).unwrap();
            }
            Ok(())
        };
        let (timed, mut hands) = (timed(&pool, AGES, call), Notes::default());
        for calls in 1..=5 {
            let mut occasion = occasion();
            timed.call(&mut occasion, &mut hands).unwrap();
            assert_eq!((&occasion.fields["n"], hands.0.len()), (&json!(3 * calls), 3 * calls));
        }
        assert_eq!((pool.shared.idle.lock().len(), pool.hanging()), (1, 0));
    }

    #[test]
    fn what_breaks_leaves_the_occasion_as_it_was() {
        let pool = Pool::default();
        let failed = || HookError::Failed("it panicked".to_owned());
        for (text, expected) in [("panic", failed()), ("abort", HookError::abort(418, "no"))] {
            let call = move |occasion: &mut Occasion, _: &mut dyn Hands| {
                occasion.fields["n"] = json!(2);
                assert!(text != "panic", "on purpose");
                Err(HookError::abort(418, "no"))
            };
            let mut occasion = occasion();
            let outcome = timed(&pool, AGES, call).call(&mut occasion, &mut Notes::default());
            assert_eq!((outcome, &occasion.fields["n"]), (Err(expected), &json!(1)));
        }
        assert_eq!((pool.shared.idle.lock().len(), pool.hanging()), (1, 0));
    }

    #[test]
    fn closures_that_do_not_return_are_left_and_bounded() {
        let pool = Pool::default();
        let (release, held) = channel::<()>();
        let (tell, told) = channel();
        let (held, tell) = (Mutex::new(held), Mutex::new(tell));
        let hang = move |_: &mut Occasion, hands: &mut dyn Hands| {
            let _ = held.lock().recv();
            let late = hands.act(setting());
            let _ = tell.lock().send(late);
            Ok(())
        };
        let (hanging, mut hands) = (timed(&pool, Duration::from_millis(1), hang), Notes::default());
        for count in 1..=HANGING {
            assert_eq!(hanging.call(&mut occasion(), &mut hands), Err(HookError::TimedOut));
            assert_eq!(pool.hanging(), count);
        }
        let refused = hanging.call(&mut occasion(), &mut hands).unwrap_err();
        assert!(refused.to_string().contains("no more are begun"), "{refused}");
        drop(release);
        // what they ask for afterwards is refused, and was not done
        for _ in 0..HANGING {
            assert_eq!(told.recv().unwrap().unwrap_err().status, 503);
        }
        while pool.hanging() > 0 {
            thread::yield_now();
        }
        assert!(hands.0.is_empty());
        timed(&pool, AGES, |_, _| Ok(())).call(&mut occasion(), &mut hands).unwrap();
    }

    #[test]
    fn a_call_inside_of_an_act_has_no_more_time_than_the_outer_one() {
        /// Calls another closure for each act.
        struct Calls(Timed);
        impl Hands for Calls {
            fn act(&mut self, _: Act) -> Result<Json, ActError> {
                let outcome = self.0.call(&mut occasion(), &mut Notes::default());
                Ok(json!(outcome.err().map(|error| error.to_string())))
            }
        }
        let pool = Pool::default();
        let (release, held) = channel::<()>();
        let held = Mutex::new(held);
        let inner = timed(&pool, AGES, move |_, _| {
            let _ = held.lock().recv();
            Ok(())
        });
        let outer =
            timed(&pool, Duration::from_millis(1), |_, hands| hands.act(setting()).map(drop).or(Ok(())));
        assert_eq!(outer.call(&mut occasion(), &mut Calls(inner)), Err(HookError::TimedOut));
        drop(release);
        while pool.hanging() > 0 {
            thread::yield_now();
        }
    }
}
