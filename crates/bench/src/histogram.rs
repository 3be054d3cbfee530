//! Times in buckets that are at most a hundredth wide, so that millions of them need little room.

/// Each power of two is cut into `1 << BITS` buckets.
const BITS: u32 = 7;
const PARTS: usize = 1 << BITS;

#[derive(Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    longest: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { counts: vec![0; (64 - BITS as usize + 1) * PARTS], total: 0, longest: 0 }
    }
}

impl Histogram {
    pub fn record(&mut self, nanos: u64) {
        self.counts[bucket(nanos)] += 1;
        self.total += 1;
        self.longest = self.longest.max(nanos);
    }

    /// The time, in milliseconds, that this share of all times does not exceed; NaN if there are none.
    pub fn quantile(&self, share: f64) -> f64 {
        let wanted = (self.total as f64 * share).ceil().max(1.0) as u64;
        let mut sum = 0;
        for (at, count) in self.counts.iter().enumerate() {
            sum += count;
            if sum >= wanted {
                return upper(at).min(self.longest) as f64 / 1e6;
            }
        }
        f64::NAN
    }

    pub fn add(&mut self, other: &Histogram) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(sum, count)| *sum += count);
        self.total += other.total;
        self.longest = self.longest.max(other.longest);
    }

    pub fn longest(&self) -> f64 {
        if self.total == 0 { f64::NAN } else { self.longest as f64 / 1e6 }
    }
}

fn bucket(nanos: u64) -> usize {
    if nanos < PARTS as u64 {
        return nanos as usize;
    }
    let shift = 63 - nanos.leading_zeros() - BITS;
    (shift as usize) * PARTS + (nanos >> shift) as usize
}

/// The longest time that falls into a bucket.
fn upper(bucket: usize) -> u64 {
    if bucket < PARTS {
        return bucket as u64;
    }
    let (shift, part) = (bucket / PARTS - 1, bucket % PARTS + PARTS);
    let next = (part as u128 + 1) << shift;
    u64::try_from(next - 1).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_its_times_and_is_narrow() {
        let edges = (0..64).flat_map(|power| [(1u64 << power) - 1, 1 << power, (1 << power) + 1]);
        for time in edges.chain([100_000, 999_999_999, u64::MAX]) {
            let (top, below) = (upper(bucket(time)), bucket(time).checked_sub(1).map(upper));
            assert!(time <= top && below.is_none_or(|below| time > below), "{time} in {below:?}..={top}");
            assert!((top - time) as f64 <= time as f64 / 100.0, "{time} is told as {top}");
        }
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_times() {
        let mut times = Histogram::default();
        assert!(times.quantile(0.5).is_nan());
        (1..=1000).for_each(|millis| times.record(millis * 1_000_000));
        for (share, millis) in [(0.0, 1.0), (0.5, 500.0), (0.99, 990.0), (0.999, 999.0), (1.0, 1000.0)] {
            let told = times.quantile(share);
            assert!((millis..=millis * 1.01).contains(&told), "{share}: {told}");
        }
        assert_eq!(times.longest(), 1000.0);
    }
}
