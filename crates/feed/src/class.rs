use crate::event::{Encoder, Event, Told};
use crate::log::Lookup;
use crate::topic::Topic;
use bytes::Bytes;
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
    /// equal texts (under the same collection and definitions) promise equal frames
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
    needs_store: bool,
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
    pub fn new(spec: ClassSpec) -> Self {
        let needs_store = spec.encoder.needs_store();
        Self { topic: spec.topic, gate: spec.gate, leave: spec.leave, encoder: spec.encoder, needs_store }
    }

    /// Decides in memory.
    pub fn judge(&self, change: &Change) -> Verdict {
        let told = told(change, self.leave, |image| match self.gate.eval(image, change.at) {
            Truth::Yes => Some(true),
            Truth::No => Some(false),
            Truth::Ask => None,
        });
        match told {
            Some(None) => Verdict::Nothing,
            Some(Some(_)) | None if self.needs_store => Verdict::Ask,
            Some(Some(told)) => Verdict::Tell(told),
            None => Verdict::Ask,
        }
    }

    /// Decides and encodes on a thread that may block.
    pub fn frame(
        &self,
        change: &Change,
        cursor: &str,
        lookup: &dyn Lookup,
        scratch: &mut Vec<u8>,
    ) -> Option<Bytes> {
        let told = match self.judge(change) {
            Verdict::Nothing => return None,
            Verdict::Tell(told) => told,
            Verdict::Ask => self.ask(change, lookup)?,
        };
        self.encode(&Event::Change { change, action: told, cursor }, scratch)
    }

    fn ask(&self, change: &Change, lookup: &dyn Lookup) -> Option<Told> {
        let holds = |image: &Record| {
            let answer = match self.gate.eval(image, change.at) {
                Truth::Yes => true,
                Truth::No => false,
                Truth::Ask => guarded("rule", || lookup.holds(&self.gate, image, change)).unwrap_or(false),
            };
            Some(answer)
        };
        told(change, self.leave, holds).flatten()
    }

    /// One frame of its own, or nothing if the encoder declines.
    pub fn encode(&self, event: &Event<'_>, scratch: &mut Vec<u8>) -> Option<Bytes> {
        scratch.clear();
        let wanted = guarded("encoder", || self.encoder.encode(event, scratch)).unwrap_or(false);
        wanted.then(|| Bytes::copy_from_slice(scratch))
    }
}

/// `None` as soon as an image has no answer.
fn told(change: &Change, leave: bool, gate: impl Fn(&Record) -> Option<bool>) -> Option<Option<Told>> {
    let told = match (change.action, &change.old, &change.new) {
        (Action::Create, _, Some(new)) => gate(new)?.then_some(Told::Is(Action::Create)),
        (Action::Delete, Some(old), _) => gate(old)?.then_some(Told::Is(Action::Delete)),
        (Action::Update, old, Some(new)) => {
            if gate(new)? {
                Some(Told::Is(Action::Update))
            } else {
                match old {
                    Some(old) if leave => gate(old)?.then_some(Told::Leave),
                    _ => None,
                }
            }
        }
        _ => None,
    };
    Some(told)
}

/// Runs code of a dialect or of the store; its panic must not end the feed.
pub(crate) fn guarded<T>(what: &str, job: impl FnOnce() -> T) -> Option<T> {
    let outcome = catch_unwind(AssertUnwindSafe(job));
    if outcome.is_err() {
        tracing::error!(what, "panicked; its answer counts as nothing");
    }
    outcome.ok()
}
