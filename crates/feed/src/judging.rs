use crate::answers::Answers;
use crate::class::{Decision, Verdict};
use crate::crew::Parts;
use crate::event::Event;
use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;
use tidewire_model::Change;

/// Classes that are decided in one part, at most.
const PART: usize = 256;

/// What many classes are told of one change, decided by several threads at once.
pub(crate) struct Judging {
    pub change: Arc<Change>,
    pub cursor: Arc<str>,
    pub answers: Arc<Answers>,
    cases: Vec<Case>,
    /// classes of one part
    size: usize,
    /// in the order of the cases, by part
    judged: Box<[Mutex<Vec<Judged>>]>,
}

pub(crate) struct Case {
    pub decision: Arc<Decision>,
    /// no other class shares its frame: it can be made at once
    pub alone: bool,
}

pub(crate) enum Judged {
    Verdict(Verdict),
    /// the frame, unless the encoder declined
    Told(Option<Bytes>),
}

impl Judging {
    /// `much`: so many cases are worth more than one part.
    pub fn new(
        change: &Arc<Change>,
        cursor: &Arc<str>,
        answers: &Arc<Answers>,
        cases: Vec<Case>,
        much: usize,
    ) -> Self {
        let size = PART.min(much.max(1));
        let parts = cases.len().div_ceil(size);
        Self {
            size,
            change: change.clone(),
            cursor: cursor.clone(),
            answers: answers.clone(),
            cases,
            judged: (0..parts).map(|_| Mutex::default()).collect(),
        }
    }

    /// Everything that was judged, in the order of the cases. Of a part that failed nothing is told.
    pub fn take(&self) -> Vec<Judged> {
        let mut all = Vec::with_capacity(self.cases.len());
        for (judged, cases) in self.judged.iter().zip(self.cases.chunks(self.size)) {
            let mut judged = std::mem::take(&mut *judged.lock());
            judged.resize_with(cases.len(), || Judged::Verdict(Verdict::Nothing));
            all.append(&mut judged);
        }
        all
    }

    fn judge(&self, case: &Case, scratch: &mut Vec<u8>) -> Judged {
        match case.decision.judge_by(&self.change, &self.answers) {
            Verdict::Tell(action) if case.alone => {
                let event = Event::Change { change: &self.change, action, cursor: &self.cursor };
                Judged::Told(case.decision.encode(&event, scratch))
            }
            verdict => Judged::Verdict(verdict),
        }
    }
}

impl Parts for Judging {
    fn count(&self) -> usize {
        self.judged.len()
    }

    fn part(&self, index: usize) {
        let cases = self.cases.chunks(self.size).nth(index).unwrap_or_default();
        let mut scratch = Vec::new();
        let judged = cases.iter().map(|case| self.judge(case, &mut scratch)).collect();
        *self.judged[index].lock() = judged;
    }
}
