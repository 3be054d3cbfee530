use crate::answers::Answers;
use crate::class::Decision;
use crate::cursor::Cursors;
use crate::frames::Frames;
use crate::inbox::{Inbox, Input};
use crate::log::Log;
use crate::outbox::{Bounds, Entry, Outbox, Replayed};
use crate::queue::Queue;
use crate::ring::Ring;
use std::sync::Arc;
use tidewire_model::{Change, Seq};

/// Changes that one connection gets before the next has its turn.
const CHUNK: usize = 256;

/// What one connection still has to hear, up to where the hub stood.
pub(crate) struct Replay {
    pub outbox: Arc<Outbox>,
    pub generation: u64,
    pub done: Seq,
    pub until: Seq,
    pub listeners: Box<[Listener]>,
}

/// One seat of a connection, as a replay sees it.
pub(crate) struct Listener {
    pub decision: Arc<Decision>,
    pub after: Seq,
}

impl Listener {
    /// True if the change is one of its topic that it has not heard.
    pub fn wants(&self, change: &Change) -> bool {
        change.position.seq > self.after && self.decision.topic.covers(change)
    }
}

/// What the replay threads work with.
pub(crate) struct Replayer {
    pub jobs: Arc<Queue<Replay>>,
    pub ring: Arc<Ring>,
    pub log: Arc<dyn Log>,
    pub answers: Arc<Answers>,
    pub cursors: Cursors,
    pub inbox: Arc<Inbox>,
    pub bounds: Bounds,
}

/// How a chunk ended.
enum Chunk {
    More,
    End {
        lost: bool,
    },
    /// parked, or taken over
    Left,
}

impl Replayer {
    pub fn run(&self) {
        let (mut frames, mut scratch) = (Frames::new(), Vec::new());
        while let Some(mut job) = self.jobs.pop() {
            frames.age(self.jobs.len() == 0);
            match self.chunk(&mut job, &mut frames, &mut scratch) {
                Chunk::More => self.jobs.push(job),
                Chunk::End { lost } => {
                    let (id, generation) = (job.outbox.id, job.generation);
                    self.inbox.notify(Input::Replayed { id, generation, lost });
                }
                Chunk::Left => {}
            }
        }
    }

    fn chunk(&self, job: &mut Replay, frames: &mut Frames, scratch: &mut Vec<u8>) -> Chunk {
        let wanted = CHUNK.min(job.until.saturating_sub(job.done) as usize);
        if wanted == 0 {
            return Chunk::End { lost: false };
        }
        let changes = self.ring.read(job.done, wanted, &*self.log);
        let mut entries = Vec::new();
        for change in &changes {
            if change.position.seq != job.done + 1 {
                return Chunk::End { lost: true };
            }
            self.tell(job, change, &mut entries, frames, scratch);
            job.done += 1;
            // quiet changes only count at the end of the chunk
            let last = job.done == job.until || std::ptr::eq(change, &changes[changes.len() - 1]);
            if entries.is_empty() && !last {
                continue;
            }
            match job.outbox.replay(job.generation, job.done, &mut entries, self.bounds) {
                Replayed::More => {}
                Replayed::Full | Replayed::Stale => return Chunk::Left,
            }
        }
        if changes.is_empty() { Chunk::End { lost: true } } else { Chunk::More }
    }

    fn tell(
        &self,
        job: &Replay,
        change: &Arc<Change>,
        entries: &mut Vec<Entry>,
        frames: &mut Frames,
        scratch: &mut Vec<u8>,
    ) {
        for Listener { decision, .. } in job.listeners.iter().filter(|listener| listener.wants(change)) {
            let make = || {
                let cursor = self.cursors.write(&change.position);
                decision.frame(change, &cursor, &self.answers, scratch)
            };
            entries.extend(frames.of(decision, change.position.seq, make).map(Entry::Frame));
        }
    }
}
