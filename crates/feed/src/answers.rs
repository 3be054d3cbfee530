use crate::class::{Decision, Side, guarded};
use crate::event::Told;
use crate::known::{Answer, Known, Name};
use crate::log::{Answered, Asked, Lookup};
use crate::stats::Counters;
use crate::touched::Touched;
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::sync::Arc;
use tidewire_model::{Action, Change, Seq};

/// What the store says of images, kept for as long as nothing that it looked at has changed.
///
/// An answer was given by a state that contains all changes up to its `head`. Whoever asks again asks about a change that
/// the hub has applied, and the hub notes a change before it asks about it. So if no collection that was looked at has
/// changed after `head`, the state at the change in question would say the same.
pub(crate) struct Answers {
    lookup: Arc<dyn Lookup>,
    counters: Arc<Counters>,
    touched: Touched,
    known: Mutex<Known>,
}

/// One decision about one change.
pub(crate) struct Case<'a> {
    pub decision: &'a Decision,
    pub change: &'a Arc<Change>,
}

/// What only the store can tell of a case: the image on this side.
struct Open {
    case: usize,
    side: Side,
}

/// What is known of the new and the old image of a case.
type Said = [Option<bool>; 2];

/// Questions of one call, each once.
#[derive(Default)]
struct Call<'a> {
    asked: Vec<Asked<'a>>,
    names: Vec<Option<Name>>,
    places: HashMap<Name, usize>,
    /// who waits for which of them
    waiting: Vec<(Open, usize)>,
}

impl Answers {
    /// Keeps at most `bound` answers.
    pub fn new(lookup: Arc<dyn Lookup>, counters: Arc<Counters>, bound: usize) -> Self {
        Self { lookup, counters, touched: Touched::new(), known: Mutex::new(Known::new(bound)) }
    }

    pub fn len(&self) -> usize {
        self.known.lock().len()
    }

    /// Called by the hub before it decides about the change.
    pub fn touch(&self, change: &Change) {
        self.touched.touch(change);
    }

    /// Nobody knows what the changes up to `seq` were.
    pub fn touch_all(&self, seq: Seq) {
        self.touched.touch_all(seq);
    }

    /// Whether the image on this side passes the gate, if that is still known.
    pub fn recall(&self, decision: &Decision, change: &Change, side: Side) -> Option<bool> {
        self.recall_named(decision, &name(decision, change, side)?)
    }

    fn recall_named(&self, decision: &Decision, name: &Name) -> Option<bool> {
        let basis = decision.basis.as_ref()?;
        let answer = self.known.lock().get(name)?;
        let holds = self.touched.is_calm_since(&basis.places, answer.head).then_some(answer.holds)?;
        self.counters.recalled.add(1);
        Some(holds)
    }

    /// Decides all cases, with as few calls of the store as can be. Blocks.
    pub fn decide(&self, cases: &[Case<'_>]) -> Vec<Option<Told>> {
        let mut told = vec![None; cases.len()];
        let mut said: Vec<Said> = vec![[None; 2]; cases.len()];
        let mut undecided: Vec<usize> = (0..cases.len()).collect();
        // twice, for those who want to know whether a record was there before
        while !undecided.is_empty() {
            let mut open = Vec::new();
            for case in undecided.drain(..) {
                let known = |side: Side| said[case][side as usize];
                match cases[case].decision.told(cases[case].change, known) {
                    Ok(answer) => told[case] = answer,
                    Err(side) => open.push(Open { case, side }),
                }
            }
            undecided.extend(open.iter().map(|open| open.case));
            self.settle(cases, open, &mut said);
        }
        told
    }

    /// Answers all that is open; what nobody can tell counts as no.
    fn settle(&self, cases: &[Case<'_>], open: Vec<Open>, said: &mut [Said]) {
        let mut call = Call::default();
        for open in open {
            let Case { decision, change } = &cases[open.case];
            let name = name(decision, change, open.side);
            match name.and_then(|name| self.recall_named(decision, &name)) {
                Some(holds) => said[open.case][open.side as usize] = Some(holds),
                None => call.add(&cases[open.case], open, name),
            }
        }
        if call.waiting.is_empty() {
            return;
        }
        let answered = self.ask(&call);
        for (Open { case, side }, index) in call.waiting {
            said[case][side as usize] = Some(answered.holds.get(index).copied().flatten().unwrap_or(false));
        }
    }

    fn ask(&self, call: &Call<'_>) -> Answered {
        let count = call.asked.len();
        self.counters.questions.add(count as u64);
        self.counters.question_calls.add(1);
        let answered = guarded("lookup", || self.lookup.ask(&call.asked));
        let answered = answered.unwrap_or_else(|| Answered::nothing(count));
        let mut known = self.known.lock();
        for (name, holds) in call.names.iter().zip(&answered.holds) {
            if let (Some(name), Some(holds)) = (name, holds) {
                known.insert(*name, Answer { holds: *holds, head: answered.head });
            }
        }
        answered
    }
}

impl<'a> Call<'a> {
    fn add(&mut self, case: &Case<'a>, open: Open, name: Option<Name>) {
        let Some(image) = open.side.of(case.change) else { return };
        let next = self.asked.len();
        let index = name.map_or(next, |name| *self.places.entry(name).or_insert(next));
        if index == next {
            self.asked.push(Asked { gate: case.decision.gate(), image, change: case.change });
            self.names.push(name);
        }
        self.waiting.push((open, index));
    }
}

/// `None` if the answer is not to be kept: when a record goes, those that went with it still count.
fn name(decision: &Decision, change: &Change, side: Side) -> Option<Name> {
    let basis = decision.basis.as_ref().filter(|_| change.action != Action::Delete)?;
    basis.name(side.of(change)?)
}
