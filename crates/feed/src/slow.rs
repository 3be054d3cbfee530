use crate::class::Decision;
use crate::log::Lookup;
use crate::queue::Queue;
use crate::slot::Promise;
use crate::stats::Counters;
use std::sync::Arc;
use tidewire_model::Change;

/// Decisions and frames that need the store, made in threads of their own. Its bound is kept by the hub: classes that
/// find no room are left to replays.
pub(crate) type SlowLane = Queue<Question>;

pub(crate) struct Question {
    pub decision: Arc<Decision>,
    pub change: Arc<Change>,
    pub cursor: Arc<str>,
    pub promise: Promise,
}

pub(crate) fn run(lane: &SlowLane, lookup: &dyn Lookup, counters: &Counters) {
    let mut scratch = Vec::new();
    while let Some(question) = lane.pop() {
        let Question { decision, change, cursor, promise } = question;
        if promise.is_abandoned() {
            continue;
        }
        counters.questions.add(1);
        promise.keep(decision.frame(&change, &cursor, lookup, &mut scratch));
    }
}
