//! What one subscriber has received, told by the marks in its bytes.

use memchr::memmem;

use crate::histogram::Histogram;
use crate::marker::{Mark, Search};

/// Writers of a run, at most.
pub const WRITERS: usize = 64;
/// The part of a run in which times do not count: warming up and draining.
pub const UNTIMED: usize = 0;
/// Parts of a run whose times are told apart.
const PARTS: usize = 3;

/// Counts of all subscribers together.
#[derive(Default)]
pub struct Tally {
    /// Records received for the first time by a subscriber they are for.
    pub delivered: u64,
    pub doubled: u64,
    /// Records that came after a later one of the same writer.
    pub misordered: u64,
    /// Records received by a subscriber they are not for.
    pub misdirected: u64,
    /// Streams that the server ended.
    pub closed: u64,
    /// Records that came without the kernel's stamp while times counted.
    pub unstamped: u64,
    /// From the time in the mark to the kernel's receipt, by part of the run.
    pub times: [Histogram; PARTS],
}

pub struct Counter {
    pub key: Option<u8>,
    /// how often the mark of a record stands in its frame
    copies: u8,
    /// of the last mark, how many copies are still to come
    left: u8,
    last: Option<Mark>,
    /// records so far
    pub count: u64,
    /// bytes that may be the beginning of a mark
    rest: Vec<u8>,
    seen: Vec<u64>,
    latest: Vec<u32>,
}

/// When bytes came, and which part of the run they fall into; no part if their times tell nothing.
#[derive(Clone, Copy)]
pub struct Moment {
    pub stamp: Option<u64>,
    pub part: Option<usize>,
}

impl Counter {
    pub fn new(key: Option<u8>, copies: u8) -> Self {
        Counter {
            key,
            copies,
            left: 0,
            last: None,
            count: 0,
            rest: Vec::new(),
            seen: Vec::new(),
            latest: Vec::new(),
        }
    }

    /// Puts the bytes that are to be looked at again at the front and returns their number.
    pub fn bring(&self, buffer: &mut [u8]) -> usize {
        buffer[..self.rest.len()].copy_from_slice(&self.rest);
        self.rest.len()
    }

    /// Looks through bytes that begin with what `bring` brought.
    pub fn take(&mut self, bytes: &[u8], moment: Moment, search: &Search, tally: &mut Tally) {
        let rest = search.scan(bytes, |mark| self.note(mark, moment, tally));
        self.rest.clear();
        self.rest.extend_from_slice(&bytes[bytes.len() - rest..]);
    }

    fn note(&mut self, mark: Mark, moment: Moment, tally: &mut Tally) {
        if self.left > 0 && self.last == Some(mark) {
            self.left -= 1;
            return;
        }
        (self.last, self.left) = (Some(mark), self.copies - 1);
        if self.key.is_some_and(|key| key != mark.key) {
            tally.misdirected += 1;
            return;
        }
        let (word, bit) = (mark.sequence as usize / 64, 1 << (mark.sequence % 64));
        if word >= self.seen.len() {
            self.seen.resize(word + 64, 0);
        }
        if self.seen[word] & bit != 0 {
            tally.doubled += 1;
            return;
        }
        self.seen[word] |= bit;
        self.count += 1;
        tally.delivered += 1;
        tally.misordered += u64::from(self.overtaken(mark));
        match moment {
            Moment { stamp: Some(stamp), part: Some(part) } => {
                tally.times[part].record(stamp.saturating_sub(mark.time));
            }
            Moment { part: None | Some(UNTIMED), .. } => {}
            _ => tally.unstamped += 1,
        }
    }

    fn overtaken(&mut self, mark: Mark) -> bool {
        if self.latest.is_empty() {
            self.latest.resize(WRITERS, 0);
        }
        let Some(latest) = self.latest.get_mut(mark.writer as usize) else { return true };
        let overtaken = mark.sequence < *latest;
        *latest = mark.sequence.max(*latest);
        overtaken
    }
}

/// The last `id:` of an event stream that arrives in pieces.
#[derive(Default)]
pub struct LastId {
    line: Vec<u8>,
    pub id: Option<String>,
}

impl LastId {
    const FIELD: &[u8] = b"\nid:";

    pub fn feed(&mut self, bytes: &[u8]) {
        self.line.extend_from_slice(bytes);
        while let Some(at) = memmem::find(&self.line, Self::FIELD) {
            let begin = at + Self::FIELD.len();
            let Some(length) = memchr::memchr(b'\n', &self.line[begin..]) else {
                self.line.drain(..at);
                return;
            };
            let id = String::from_utf8_lossy(&self.line[begin..begin + length]).trim().to_owned();
            self.id = Some(id);
            self.line.drain(..begin + length);
        }
        let kept = self.line.len().min(Self::FIELD.len() - 1);
        self.line.drain(..self.line.len() - kept);
    }
}

/// A text that is awaited in a stream that arrives in pieces.
pub struct Awaited {
    text: &'static [u8],
    rest: Vec<u8>,
}

impl Awaited {
    pub fn new(text: &'static [u8]) -> Self {
        Awaited { text, rest: Vec::new() }
    }

    /// Whether it has come.
    pub fn feed(&mut self, bytes: &[u8]) -> bool {
        self.rest.extend_from_slice(bytes);
        if memmem::find(&self.rest, self.text).is_some() {
            return true;
        }
        let kept = self.rest.len().min(self.text.len() - 1);
        self.rest.drain(..self.rest.len() - kept);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds one subscriber, for key 1, the marks of these (writer, key, sequence).
    fn check(marks: &[(u8, u8, u32)], expected: [u64; 4]) {
        let (search, mut tally, mut counter) = (Search::new(), Tally::default(), Counter::new(Some(1), 1));
        for &(writer, key, sequence) in marks {
            let text = Mark { writer, key, sequence, time: 5 }.text();
            let moment = Moment { stamp: Some(9), part: Some(1) };
            counter.take(text.as_bytes(), moment, &search, &mut tally);
        }
        let told = [tally.delivered, tally.misordered, tally.doubled, tally.misdirected];
        assert_eq!(told, expected, "{marks:?}");
    }

    #[test]
    fn every_fault_is_told() {
        check(&[(0, 1, 1), (1, 1, 2), (0, 1, 3)], [3, 0, 0, 0]);
        check(&[(0, 1, 2), (0, 1, 1)], [2, 1, 0, 0]);
        // another writer may be overtaken
        check(&[(0, 1, 2), (1, 1, 1)], [2, 0, 0, 0]);
        check(&[(0, 1, 1), (0, 1, 1)], [1, 0, 1, 0]);
        check(&[(0, 2, 1)], [0, 0, 0, 1]);
    }

    #[test]
    fn the_last_id_is_found_however_the_stream_is_cut() {
        let text = b"\r\n\r\nid:first\nevent:x\ndata:{}\n\n2f\r\nid:c2\nevent:y\n\n".as_slice();
        for cut in 0..text.len() {
            let (mut id, mut live) = (LastId::default(), Awaited::new(b"event:y"));
            id.feed(&text[..cut]);
            let early = live.feed(&text[..cut]);
            id.feed(&text[cut..]);
            assert_eq!(id.id.as_deref(), Some("c2"), "{cut}");
            assert!(early || live.feed(&text[cut..]), "{cut}");
        }
    }
}
