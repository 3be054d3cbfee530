//! How long something took, how often: a histogram that is written without a lock.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Bounds double from one microsecond to some eight seconds; the last count has no bound.
pub const BOUNDS: usize = 24;

/// Counts of durations.
#[derive(Debug, Default)]
pub struct Timings {
    counts: [AtomicU64; BOUNDS + 1],
    micros: AtomicU64,
}

/// What was counted up to a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// seconds and how many took at most that long, but longer than the bound before; infinity last
    pub counts: Vec<(f64, u64)>,
    /// seconds
    pub sum: f64,
}

impl Timings {
    pub fn add(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        // the first bound is 2^0: everything up to one microsecond
        let place = (u64::BITS - micros.saturating_sub(1).leading_zeros()) as usize;
        self.counts[place.min(BOUNDS)].fetch_add(1, Relaxed);
        self.micros.fetch_add(micros, Relaxed);
    }

    pub fn read(&self) -> Reading {
        let bound = |place: usize| if place < BOUNDS { (1u64 << place) as f64 / 1e6 } else { f64::INFINITY };
        let counts = self.counts.iter().enumerate();
        Reading {
            counts: counts.map(|(place, count)| (bound(place), count.load(Relaxed))).collect(),
            sum: self.micros.load(Relaxed) as f64 / 1e6,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_under_the_first_bound_that_it_does_not_pass() {
        for (micros, place) in [
            (0, 0),
            (1, 0),
            (2, 1),
            (3, 2),
            (4, 2),
            (5, 3),
            (1024, 10),
            (1025, 11),
            (8_388_608, 23),
            (8_388_609, 24),
        ] {
            let timings = Timings::default();
            timings.add(Duration::from_micros(micros));
            let Reading { counts, sum } = timings.read();
            let counted: Vec<_> = counts.iter().enumerate().filter(|(_, (_, count))| *count > 0).collect();
            assert_eq!(counted.len(), 1);
            assert_eq!(counted[0].0, place, "{micros}");
            assert!(micros as f64 / 1e6 <= counted[0].1.0 && sum == micros as f64 / 1e6);
        }
    }
}
