use crate::answers::Answers;
use crate::basis::Basis;
use crate::event::{Encoder, Event, Told};
use crate::topic::Topic;
use bytes::Bytes;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tidewire_model::{Action, Change, Record};
use tidewire_rules::{Residual, Truth};

/// Everything that makes subscriptions equal: the same topic, decision and frame.
pub struct ClassSpec {
    pub topic: Topic,
    /// which images may be seen
    pub gate: Residual,
    pub leave: bool,
    /// equal texts (under the same collection and definitions) promise equal frames; begins with its dialect's name
    pub projection: String,
    pub encoder: Arc<dyn Encoder>,
}

impl ClassSpec {
    /// Appends a text that is equal exactly for equal decisions.
    pub(crate) fn write_decision(&self, out: &mut String) {
        out.push(if self.leave { 'l' } else { '-' });
        self.gate.write_key(out);
    }
}

/// What a class decides by, shared with the threads that decide later.
pub(crate) struct Decision {
    pub topic: Topic,
    gate: Residual,
    leave: bool,
    encoder: Arc<dyn Encoder>,
    pub needs_store: bool,
    /// none if only the image decides, or if no answer can be kept
    pub basis: Option<Basis>,
    /// where it waits in the slow lane: equal for equal topics
    pub line: u64,
    /// equal for decisions whose frames are equal
    pub projection: u64,
}

/// One of the images of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    New,
    Old,
}

impl Side {
    pub fn of(self, change: &Change) -> Option<&Arc<Record>> {
        match self {
            Self::New => change.new.as_ref(),
            Self::Old => change.old.as_ref(),
        }
    }
}

/// What the images alone say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Nothing,
    Tell(Told),
    /// only the store can tell, or the encoder needs it
    Ask,
}

impl Decision {
    /// `revision` is that of the definitions which the gate was made under; `projection` is a number of its own.
    pub fn new(spec: ClassSpec, revision: u64, projection: u64) -> Self {
        let basis = if spec.gate.is_local() { None } else { Basis::of(&spec.gate, revision) };
        let mut hasher = DefaultHasher::new();
        spec.topic.hash(&mut hasher);
        Self {
            needs_store: spec.encoder.needs_store(),
            line: hasher.finish(),
            projection,
            basis,
            topic: spec.topic,
            gate: spec.gate,
            leave: spec.leave,
            encoder: spec.encoder,
        }
    }

    pub fn gate(&self) -> &Residual {
        &self.gate
    }

    /// Decides in memory.
    pub fn judge(&self, change: &Change) -> Verdict {
        self.verdict(self.told(change, |_| None))
    }

    /// The same, also by what the store said before.
    pub fn judge_by(&self, change: &Change, answers: &Answers) -> Verdict {
        self.verdict(self.told(change, |side| answers.recall(self, change, side)))
    }

    fn verdict(&self, told: Result<Option<Told>, Side>) -> Verdict {
        match told {
            Ok(None) => Verdict::Nothing,
            Ok(Some(told)) if !self.needs_store => Verdict::Tell(told),
            Ok(Some(_)) | Err(_) => Verdict::Ask,
        }
    }

    /// What the class is told; `known` says what other records decide. An error names an image of which that is unknown.
    pub fn told(&self, change: &Change, known: impl Fn(Side) -> Option<bool>) -> Result<Option<Told>, Side> {
        let gate = |side: Side, image: &Record| match self.gate.eval(image, change.at) {
            Truth::Yes => Ok(true),
            Truth::No => Ok(false),
            Truth::Ask => known(side).ok_or(side),
        };
        Ok(match (change.action, &change.old, &change.new) {
            (Action::Create, _, Some(new)) => gate(Side::New, new)?.then_some(Told::Is(Action::Create)),
            (Action::Delete, Some(old), _) => gate(Side::Old, old)?.then_some(Told::Is(Action::Delete)),
            (Action::Update, old, Some(new)) => {
                if gate(Side::New, new)? {
                    Some(Told::Is(Action::Update))
                } else {
                    match old {
                        Some(old) if self.leave => gate(Side::Old, old)?.then_some(Told::Leave),
                        _ => None,
                    }
                }
            }
            _ => None,
        })
    }

    /// One frame of its own, or nothing if the encoder declines. A change that is a message is told as one.
    pub fn encode(&self, event: &Event<'_>, scratch: &mut Vec<u8>) -> Option<Bytes> {
        scratch.clear();
        let said = event.as_message();
        let event = said.as_ref().unwrap_or(event);
        let wanted = guarded("encoder", || self.encoder.encode(event, scratch)).unwrap_or(false);
        wanted.then(|| Bytes::copy_from_slice(scratch))
    }
}

/// Runs code of a dialect or of the store; its panic must not end the feed.
pub(crate) fn guarded<T>(what: &str, job: impl FnOnce() -> T) -> Option<T> {
    let outcome = catch_unwind(AssertUnwindSafe(job));
    if outcome.is_err() {
        tracing::error!(what, "panicked; its answer counts as nothing");
    }
    outcome.ok()
}
