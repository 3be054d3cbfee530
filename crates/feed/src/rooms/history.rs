use crate::interest::ResetReason;
use crate::rooms::Limits;
use bytes::Bytes;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use tidewire_model::{Epoch, Position, Seq};

/// What was said in a room lately, bounded by number, bytes and age.
pub(crate) struct History {
    /// names this life of the room: another one's positions mean nothing here
    epoch: Epoch,
    /// messages so far
    last: Seq,
    /// oldest first, dense up to `last`
    kept: VecDeque<(Instant, Bytes)>,
    size: usize,
    count: usize,
    bytes: usize,
    age: Duration,
}

impl History {
    pub fn new(epoch: Epoch, limits: &Limits) -> Self {
        let Limits { history: count, history_bytes: bytes, history_age: age, .. } = *limits;
        Self { epoch, last: 0, kept: VecDeque::new(), size: 0, count, bytes, age }
    }

    pub fn bytes(&self) -> usize {
        self.size
    }

    /// True if messages are kept at all.
    pub fn keeps(&self) -> bool {
        self.count > 0
    }

    pub fn next(&self) -> Position {
        Position { epoch: self.epoch, seq: self.last + 1, offset: 0 }
    }

    pub fn last(&self) -> Position {
        Position { epoch: self.epoch, seq: self.last, offset: 0 }
    }

    /// Takes the next message, with its position in it if any are kept.
    pub fn push(&mut self, frame: Option<Bytes>, now: Instant) {
        self.last += 1;
        match frame.filter(|_| self.keeps()) {
            Some(frame) => {
                self.size += frame.len();
                self.kept.push_back((now, frame));
            }
            None => self.clear(),
        }
        self.trim(now);
    }

    /// Every message after the position, or why not.
    pub fn after(&mut self, position: &Position, now: Instant) -> Result<Vec<Bytes>, ResetReason> {
        self.trim(now);
        if position.epoch != self.epoch {
            return Err(ResetReason::EpochChanged);
        }
        let Some(missed) = self.last.checked_sub(position.seq) else { return Err(ResetReason::AheadOfHead) };
        match self.kept.len().checked_sub(missed as usize) {
            Some(first) => Ok(self.kept.range(first..).map(|(_, frame)| frame.clone()).collect()),
            None => Err(ResetReason::Retention),
        }
    }

    fn trim(&mut self, now: Instant) {
        while self.kept.front().is_some_and(|(at, _)| {
            self.kept.len() > self.count || self.size > self.bytes || now.duration_since(*at) > self.age
        }) {
            if let Some((_, frame)) = self.kept.pop_front() {
                self.size -= frame.len();
            }
        }
    }

    fn clear(&mut self) {
        self.kept.clear();
        self.size = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages of one byte at these seconds; then somebody asks at `now` for what came after `seq`.
    fn check(limits: Limits, said: &[u64], now: u64, seq: Seq, expected: Result<&[u8], ResetReason>) {
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let mut history = History::new(7, &limits);
        for (index, second) in said.iter().enumerate() {
            history.push(Some(Bytes::from(vec![index as u8 + 1])), at(*second));
        }
        let got = history.after(&Position { epoch: 7, seq, offset: 0 }, at(now));
        let expected: Result<Vec<Bytes>, _> =
            expected.map(|frames| frames.iter().map(|byte| Bytes::from(vec![*byte])).collect());
        assert_eq!(got, expected, "{said:?} after {seq} at {now}");
    }

    #[test]
    fn history_is_bounded_and_never_has_holes() {
        let none = Limits::default();
        let three = Limits { history: 3, ..none };
        let two_bytes = Limits { history: 10, history_bytes: 2, ..none };
        check(three, &[0, 0], 0, 0, Ok(&[1, 2]));
        check(three, &[0, 0], 0, 1, Ok(&[2]));
        check(three, &[0, 0], 0, 2, Ok(&[]));
        check(three, &[0, 0], 0, 3, Err(ResetReason::AheadOfHead));
        check(three, &[0, 0, 0, 0], 0, 1, Ok(&[2, 3, 4]));
        check(three, &[0, 0, 0, 0], 0, 0, Err(ResetReason::Retention));
        check(two_bytes, &[0, 0, 0], 0, 1, Ok(&[2, 3]));
        check(two_bytes, &[0, 0, 0], 0, 0, Err(ResetReason::Retention));
        check(three, &[0, 50], 61, 1, Ok(&[2]));
        check(three, &[0, 50], 61, 0, Err(ResetReason::Retention));
        check(none, &[0], 0, 1, Ok(&[]));
        check(none, &[0], 0, 0, Err(ResetReason::Retention));
        check(none, &[], 0, 0, Ok(&[]));
    }

    #[test]
    fn another_life_of_the_room_is_told() {
        let mut history = History::new(7, &Limits::default());
        let position = Position { epoch: 8, seq: 0, offset: 0 };
        assert_eq!(history.after(&position, Instant::now()), Err(ResetReason::EpochChanged));
    }
}
