use crate::input::Input;
use crate::options::{DEPTH, SLACK, STEP};
use crate::pool::{Kind, Pool};
use crate::talk::{Caller, Ended, Job, ToCaller, ToRuntime};
use serde_json::Value as Json;
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender};
use std::time::{Duration, Instant};
use tidewire_hooks::{Act, ActError, Handler, Hands, HookError, Occasion};

/// One function that a file has registered.
pub struct Script {
    pub pool: Arc<Pool>,
    /// which of the functions
    pub index: usize,
    pub time: Duration,
    pub instructions: u64,
}

thread_local! {
    /// Acts of scripts that this thread carries out just now, the innermost last.
    static OPEN: RefCell<Vec<Open>> = const { RefCell::new(Vec::new()) };
}

/// A runtime that waits for this thread, and can run another call meanwhile.
struct Open {
    pool: u64,
    runtime: Sender<ToRuntime>,
    deadline: Instant,
}

impl Handler for Script {
    fn call(&self, occasion: &mut Occasion, hands: &mut dyn Hands) -> Result<(), HookError> {
        let failed = |text: String| HookError::Failed(text);
        let input = Input::new(self.index, occasion).map_err(|error| failed(error.to_string()))?;
        let (outer, deadline) = self.outer()?;
        let (job, caller) = Job::new(input, deadline, self.instructions.div_ceil(STEP));
        let kind = Kind::of(occasion.event);
        let call = Call { pool: &self.pool, kind, nested: outer.is_some(), caller, deadline };
        match outer {
            Some(runtime) => {
                let gone = |_| failed("its runtime has ended".to_owned());
                runtime.send(ToRuntime::Nested(job)).map_err(gone)?;
            }
            None => self.pool.push(kind, job).map_err(|refused| failed(refused.to_string()))?,
        }
        if let Some(changes) = call.wait(hands)? {
            changes.apply(occasion);
        }
        Ok(())
    }

    fn time(&self) -> Option<Duration> {
        Some(self.time)
    }
}

impl Script {
    /// The runtime that waits for this thread, if one of this pool does; and until when this call may take.
    fn outer(&self) -> Result<(Option<Sender<ToRuntime>>, Instant), HookError> {
        let deadline = Instant::now() + self.time;
        OPEN.with_borrow(|open| {
            if open.len() >= DEPTH {
                return Err(HookError::Failed("hooks call each other too deep".to_owned()));
            }
            let deadline = open.iter().fold(deadline, |deadline, open| deadline.min(open.deadline));
            let outer = open.iter().rev().find(|open| open.pool == self.pool.id);
            Ok((outer.map(|open| open.runtime.clone()), deadline))
        })
    }
}

/// A call under way, as its caller sees it.
struct Call<'a> {
    pool: &'a Pool,
    kind: Kind,
    nested: bool,
    caller: Caller,
    deadline: Instant,
}

impl Call<'_> {
    /// Does what the script asks for, until it has ended or its time is over.
    fn wait(&self, hands: &mut dyn Hands) -> Ended {
        let mut until = self.deadline;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.caller.line.inward.recv_timeout(left) {
                Ok(ToCaller::Done(ended)) => return ended,
                Ok(ToCaller::Act(act)) => {
                    let outcome = self.act(hands, act);
                    // a runtime that has ended is noticed by the next look
                    let _ = self.caller.line.out.send(ToRuntime::Answer(outcome));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(HookError::Failed("its runtime has ended".to_owned()));
                }
                Err(RecvTimeoutError::Timeout) if self.caller.claim.withdraw() => {
                    self.pool.withdraw(self.kind, &self.caller.claim);
                    return Err(HookError::TimedOut);
                }
                // it should be interrupted by now, unless it is in something that cannot be
                Err(RecvTimeoutError::Timeout) if until == self.deadline => until += SLACK,
                Err(RecvTimeoutError::Timeout) => {
                    if self.caller.claim.leave() && !self.nested {
                        self.pool.replace(self.kind);
                    }
                    return Err(HookError::TimedOut);
                }
            }
        }
    }

    fn act(&self, hands: &mut dyn Hands, act: Act) -> Result<Json, ActError> {
        let (pool, runtime) = (self.pool.id, self.caller.line.out.clone());
        OPEN.with_borrow_mut(|open| open.push(Open { pool, runtime, deadline: self.deadline }));
        let _close = Close;
        hands.act(act)
    }
}

/// Ends the innermost act, also if it panics.
struct Close;

impl Drop for Close {
    fn drop(&mut self) {
        OPEN.with_borrow_mut(Vec::pop);
    }
}
