//! A job that is done again: hooks that live elsewhere are asked between two tries.

use crate::Tx;
use tidewire_hooks::Memory;
use tidewire_model::{Timestamp, chance};

/// What a job keeps from one try to the next. What comes from chance or the clock is the same in each, so that each asks the
/// same questions.
#[derive(Debug)]
pub(crate) struct Tries {
    pub memory: Memory,
    seed: chance::Seed,
    at: Timestamp,
}

impl Tries {
    pub(crate) fn new() -> Box<Self> {
        Box::new(Self { memory: Memory::default(), seed: chance::seed(), at: Timestamp::now() })
    }
}

impl Tx<'_> {
    /// The time of this job, which is the same in each of its tries.
    pub fn now(&self) -> Timestamp {
        self.progress.tries.as_ref().map_or(self.at, |tries| tries.at)
    }

    /// What hooks have said about this job; none if it cannot be done again.
    pub fn memory(&mut self) -> Option<&mut Memory> {
        self.progress.tries.as_mut().map(|tries| &mut tries.memory)
    }

    /// A question waits for its answer: this try is undone, whatever the job makes of it.
    pub fn waits(&self) -> bool {
        self.progress.tries.as_ref().is_some_and(|tries| tries.memory.waits())
    }

    /// One try of a job. What it keeps is given back if a question waits: then it is of no account what the job says.
    pub(crate) fn one_try<T>(
        &mut self,
        mut tries: Box<Tries>,
        job: impl FnOnce(&mut Self) -> T,
    ) -> Result<T, Box<Tries>> {
        tries.memory.begin();
        let seed = tries.seed;
        self.progress.tries = Some(tries);
        let done = chance::within(seed, || job(self));
        let tries = self.progress.tries.take();
        tries.filter(|tries| tries.memory.waits()).map_or(Ok(done), Err)
    }
}
