use crate::ConnectionId;
use crate::crew::Parts;
use crate::outbox::{Bounds, Pushed};
use crate::rooms::room::{Ear, Ears};
use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;
use std::task::Waker;
use tidewire_model::Seq;

/// Members that are told in one part, at most.
const PART: usize = 512;

/// One message on its way to the members of a room. Each hears it once and the next is told when this one is: so it does
/// not matter who tells whom.
pub(super) struct Spreading {
    pub ears: Arc<Ears>,
    pub said: Said,
    pub but: Option<ConnectionId>,
    pub position: Seq,
    pub bounds: Bounds,
    /// members of one part
    size: usize,
    outcomes: Box<[Mutex<Outcome>]>,
}

/// One message in its two shapes, as far as somebody wants them.
#[derive(Clone)]
pub(super) struct Said {
    pub plain: Option<Bytes>,
    pub positioned: Option<Bytes>,
}

#[derive(Default)]
pub(super) struct Outcome {
    pub taken: u64,
    pub bytes: u64,
    /// they let too many messages wait
    pub abandoned: Vec<ConnectionId>,
}

impl Spreading {
    /// `much`: so many members are worth more than one part.
    pub fn new(
        ears: Arc<Ears>,
        said: Said,
        but: Option<ConnectionId>,
        (position, bounds): (Seq, Bounds),
        much: usize,
    ) -> Self {
        let size = PART.min(much.max(1));
        let parts = ears.read().len().div_ceil(size);
        let outcomes = (0..parts).map(|_| Mutex::default()).collect();
        Self { ears, said, but, position, bounds, size, outcomes }
    }

    /// By part, in the order of the members.
    pub fn outcomes(&self) -> impl Iterator<Item = Outcome> {
        self.outcomes.iter().map(|outcome| std::mem::take(&mut *outcome.lock()))
    }

    fn tell(&self, ear: &Ear, outcome: &mut Outcome, wakers: &mut Vec<Waker>) {
        let frame = if ear.positions { &self.said.positioned } else { &self.said.plain };
        let Some(frame) = frame.as_ref().filter(|_| Some(ear.outbox.id) != self.but) else { return };
        match ear.outbox.push_message(self.position, frame, self.bounds) {
            Pushed::Taken(waker) => {
                outcome.taken += 1;
                outcome.bytes += frame.len() as u64;
                wakers.extend(waker);
            }
            Pushed::Overflow(waker) => {
                wakers.extend(waker);
                outcome.abandoned.push(ear.outbox.id);
            }
            Pushed::Refused => {}
        }
    }
}

impl Parts for Spreading {
    fn count(&self) -> usize {
        self.outcomes.len()
    }

    /// The loop over members, then those who are to read.
    fn part(&self, index: usize) {
        let (mut outcome, mut wakers) = (Outcome::default(), Vec::new());
        for ear in self.ears.read().chunks(self.size).nth(index).unwrap_or_default() {
            self.tell(ear, &mut outcome, &mut wakers);
        }
        *self.outcomes[index].lock() = outcome;
        wakers.into_iter().for_each(Waker::wake);
    }
}
