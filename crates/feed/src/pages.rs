use crate::log::Log;
use crate::ring::Ring;
use crate::segments::Segments;
use crate::stats::Counters;
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tidewire_model::{Change, Seq};

/// Changes of one page.
const PAGE: u64 = 256;
/// Pages kept at most.
const KEPT: usize = 64;
/// Whatever was not used for so long is given back.
pub(crate) const IDLE: Duration = Duration::from_secs(1);

/// The pages that replays are at: each is read from the log once, and judged and encoded once per class, however many
/// connections come by. Beyond the bound the page that was used longest ago goes.
pub(crate) struct Pages {
    ring: Arc<Ring>,
    log: Arc<dyn Log>,
    counters: Arc<Counters>,
    /// bytes of changes and frames together
    bound: usize,
    kept: Mutex<Kept>,
}

struct Kept {
    pages: HashMap<u64, Arc<Page>>,
    /// counts uses
    clock: u64,
    used: Instant,
    /// of the ring, when these were read
    life: u64,
}

/// Neighbouring changes, and what classes hear of them.
pub(crate) struct Page {
    number: u64,
    used: AtomicU64,
    /// grows at its end while the hub is within it; who finds it locked waits for what is being read
    changes: Mutex<Changes>,
    weight: AtomicUsize,
    pub told: Segments,
}

/// Changes of one page, dense and never empty.
pub(crate) type Changes = Arc<[Arc<Change>]>;

impl Pages {
    pub fn new(ring: Arc<Ring>, log: Arc<dyn Log>, counters: Arc<Counters>, bound: usize) -> Self {
        let kept = Kept { pages: HashMap::new(), clock: 0, used: Instant::now(), life: 0 };
        Self { ring, log, counters, bound, kept: Mutex::new(kept) }
    }

    /// Which page follows the change `done`.
    pub fn number(done: Seq) -> u64 {
        done / PAGE
    }

    /// The page that follows `done`, and changes of it from `done + 1` or before on; `None` if they are gone.
    pub fn after(&self, done: Seq) -> Option<(Arc<Page>, Changes)> {
        let page = self.page(Self::number(done));
        let changes = self.changes(&page, done)?;
        Some((page, changes))
    }

    fn changes(&self, page: &Page, done: Seq) -> Option<Changes> {
        let mut changes = page.changes.lock();
        if !serves(&changes, done) {
            let read = self.read(page.number, done, &changes)?;
            page.weight.store(read.iter().map(|change| change.weight()).sum(), Relaxed);
            *changes = read;
        }
        Some(changes.clone())
    }

    fn page(&self, number: u64) -> Arc<Page> {
        let mut kept = self.kept.lock();
        let life = self.ring.life();
        if kept.life != life {
            kept.pages = HashMap::new();
            kept.life = life;
        }
        kept.clock += 1;
        kept.used = Instant::now();
        let page =
            kept.pages.entry(number).or_insert_with(|| Arc::new(Page::new(number, self.bound))).clone();
        page.used.store(kept.clock, Relaxed);
        kept.shrink(self.bound);
        page
    }

    /// `known` with what has come since, or changes around `done` read anew.
    fn read(&self, number: u64, done: Seq, known: &Changes) -> Option<Changes> {
        let (start, end) = (number * PAGE, (number + 1) * PAGE);
        let found: Changes = match known.last() {
            Some(last) if known[0].position.seq <= done + 1 => {
                let last = last.position.seq;
                let more = self.between(last, last, end);
                known.iter().cloned().chain(dense(more, last + 1, end)).collect()
            }
            _ => {
                let read = self.between(start, done, end);
                let first = read.first()?.position.seq;
                dense(read, first, end).collect()
            }
        };
        serves(&found, done).then_some(found)
    }

    /// Changes after `start`, or at least those after `done` if memory has them.
    fn between(&self, start: Seq, done: Seq, end: Seq) -> Vec<Arc<Change>> {
        let held = self.ring.since(start, done, (end - start) as usize);
        held.unwrap_or_else(|| {
            self.counters.log_reads.add(1);
            self.log.read(start, (end - start) as usize)
        })
    }

    /// Gives the memory back if no replay needed it lately.
    pub fn forget_idle(&self) {
        let mut kept = self.kept.lock();
        if kept.used.elapsed() >= IDLE {
            kept.pages = HashMap::new();
        }
    }
}

impl Kept {
    /// The page used last stays, whatever its size.
    fn shrink(&mut self, bound: usize) {
        let mut bytes: usize = self.pages.values().map(|page| page.bytes()).sum();
        while self.pages.len() > 1 && (bytes > bound || self.pages.len() > KEPT) {
            let oldest = self.pages.values().min_by_key(|page| page.used.load(Relaxed));
            let Some(oldest) = oldest.map(|page| page.number) else { return };
            bytes -= self.pages.remove(&oldest).map_or(0, |page| page.bytes()).min(bytes);
        }
    }
}

impl Page {
    fn new(number: u64, bound: usize) -> Self {
        Self {
            number,
            used: AtomicU64::new(0),
            changes: Mutex::default(),
            weight: AtomicUsize::new(0),
            told: Segments::new(bound),
        }
    }

    fn bytes(&self) -> usize {
        self.weight.load(Relaxed) + self.told.bytes()
    }
}

/// True if nothing between `done` and some later change is missing.
fn serves(changes: &[Arc<Change>], done: Seq) -> bool {
    match changes {
        [] => false,
        [first, .., last] | [first @ last] => first.position.seq <= done + 1 && done < last.position.seq,
    }
}

/// From `first` up to `end`, or to where one is missing.
fn dense(changes: Vec<Arc<Change>>, first: Seq, end: Seq) -> impl Iterator<Item = Arc<Change>> {
    let numbered = changes.into_iter().zip(first..=end);
    numbered.take_while(|(change, seq)| change.position.seq == *seq).map(|(change, _)| change)
}
