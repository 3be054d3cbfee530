//! What a calling thread and a runtime say to each other during one call.

use crate::input::{Changes, Input};
use serde_json::Value as Json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;
use tidewire_hooks::{Act, ActError, HookError};

/// To the calling thread.
pub enum ToCaller {
    Act(Act),
    Done(Ended),
}

/// To the runtime, while it waits for the answer to an act.
pub enum ToRuntime {
    Answer(Result<Json, ActError>),
    /// the act called another hook, which this runtime runs meanwhile
    Nested(Job),
}

/// None if nothing changed.
pub type Ended = Result<Option<Changes>, HookError>;

/// One call, as a runtime gets it.
pub struct Job {
    pub input: Input,
    pub deadline: Instant,
    /// of instructions
    pub steps: u64,
    pub line: Line<ToCaller, ToRuntime>,
    pub claim: Arc<Claim>,
}

/// One end of a talk.
pub struct Line<Out, In> {
    pub out: Sender<Out>,
    pub inward: Receiver<In>,
}

/// The caller's end.
pub struct Caller {
    pub line: Line<ToRuntime, ToCaller>,
    pub claim: Arc<Claim>,
}

impl Job {
    pub fn new(input: Input, deadline: Instant, steps: u64) -> (Self, Caller) {
        let ((to_caller, from_runtime), (to_runtime, from_caller)) = (channel(), channel());
        let claim = Arc::new(Claim::default());
        let line = Line { out: to_caller, inward: from_caller };
        let caller = Caller { line: Line { out: to_runtime, inward: from_runtime }, claim: claim.clone() };
        (Self { input, deadline, steps, line, claim }, caller)
    }
}

/// Who has a job: it waits, a runtime has it, or the caller has left.
#[derive(Default)]
pub struct Claim(AtomicU8);

const WAITS: u8 = 0;
const TAKEN: u8 = 1;
const DONE: u8 = 2;
const LEFT: u8 = 3;

impl Claim {
    /// False if the caller has left.
    pub fn take(&self) -> bool {
        self.step(WAITS, TAKEN)
    }

    /// False if the caller has left meanwhile; it has replaced the runtime.
    pub fn finish(&self) -> bool {
        self.step(TAKEN, DONE)
    }

    /// The caller leaves a job that nobody took; false if somebody did.
    pub fn withdraw(&self) -> bool {
        self.step(WAITS, LEFT)
    }

    /// The caller leaves a job that is being done; false if it is done.
    pub fn leave(&self) -> bool {
        self.step(TAKEN, LEFT)
    }

    fn step(&self, from: u8, to: u8) -> bool {
        self.0.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}
