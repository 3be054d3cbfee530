use crate::answers::Answers;
use crate::class::Decision;
use crate::cursor::Cursors;
use crate::inbox::{Inbox, Input};
use crate::outbox::{Bounds, Entry, Outbox, Replayed};
use crate::pages::Pages;
use crate::segments::Maker;
use crate::turns::{Turn, Turns};
use std::sync::Arc;
use std::time::Instant;
use tidewire_model::{Change, Seq};

/// Changes times seats that one connection is told of before the next has its turn; never more than a page of changes.
const LOOKS: usize = 8192;

/// What one connection still has to hear, up to where the hub stood.
pub(crate) struct Replay {
    pub outbox: Arc<Outbox>,
    pub generation: u64,
    pub done: Seq,
    pub until: Seq,
    pub listeners: Box<[Listener]>,
}

impl Replay {
    /// Changes of its next turn, at most.
    fn looks(&self) -> u64 {
        (LOOKS / self.listeners.len().max(1)).max(1) as u64
    }
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
    pub turns: Arc<Turns>,
    pub pages: Arc<Pages>,
    pub answers: Arc<Answers>,
    pub cursors: Cursors,
    pub inbox: Arc<Inbox>,
    pub bounds: Bounds,
}

/// How a connection's turn ended.
enum Outcome {
    More,
    End {
        lost: bool,
    },
    /// parked, or taken over
    Left,
}

impl Replayer {
    pub fn run(&self) {
        let (cursors, answers, room) = (&self.cursors, &*self.answers, self.bounds.bytes);
        let mut maker = Maker { cursors, answers, room, now: Instant::now(), scratch: Vec::new() };
        let (mut words, mut patient) = (Vec::new(), true);
        loop {
            match self.turns.pop(patient) {
                Turn::Replay(replay) => {
                    patient = false;
                    maker.now = Instant::now();
                    self.serve(replay, &mut maker, &mut words);
                }
                Turn::Idle => {
                    patient = true;
                    self.pages.forget_idle();
                    (words, maker.scratch) = (Vec::new(), Vec::new());
                }
                Turn::Closed => return,
            }
        }
    }

    fn serve(&self, mut replay: Replay, maker: &mut Maker<'_>, words: &mut Vec<(Seq, Entry)>) {
        match self.turn(&mut replay, maker, words) {
            Outcome::More => self.turns.push(replay),
            Outcome::End { lost } => {
                let (id, generation) = (replay.outbox.id, replay.generation);
                self.inbox.notify(Input::Replayed { id, generation, lost });
            }
            Outcome::Left => {}
        }
    }

    fn turn(&self, replay: &mut Replay, maker: &mut Maker<'_>, words: &mut Vec<(Seq, Entry)>) -> Outcome {
        if replay.done >= replay.until {
            return Outcome::End { lost: false };
        }
        let Some((page, changes)) = self.pages.after(replay.done) else {
            return Outcome::End { lost: true };
        };
        let last = changes.last().map_or(replay.done, |change| change.position.seq);
        let mut until = last.min(replay.until).min(replay.done + replay.looks());
        words.clear();
        for listener in &replay.listeners {
            let missed = (&*changes, listener.after.max(replay.done), until);
            until = until.min(page.told.tell(&listener.decision, missed, maker, words));
        }
        if replay.listeners.len() > 1 {
            words.retain(|(seq, _)| *seq <= until);
            // stable: what is told of one change stays in the order of the seats
            words.sort_by_key(|(seq, _)| *seq);
        }
        replay.done = until;
        match replay.outbox.replay(replay.generation, replay.done, words, self.bounds) {
            Replayed::More if replay.done < replay.until => Outcome::More,
            Replayed::More => Outcome::End { lost: false },
            Replayed::Full | Replayed::Stale => Outcome::Left,
        }
    }
}
