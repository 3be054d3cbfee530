use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use tidewire_model::Timestamp;

/// How many failed sign-ins are too many.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// of one identity from one address
    pub per_identity: u32,
    /// from one address
    pub per_address: u32,
    /// seconds after which failures are forgotten
    pub window: i64,
    /// entries kept at most; the oldest go first
    pub entries: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { per_identity: 10, per_address: 100, window: 60, entries: 20_000 }
    }
}

/// Counts failed sign-ins by address and identity, so that passwords cannot be tried out.
pub struct Attempts {
    /// `None`: nothing is counted
    bounds: Option<Bounds>,
    entries: Mutex<HashMap<Key, Count>>,
}

/// Address, and a hash of the identity or none: its length is up to the client.
type Key = (IpAddr, Option<u64>);

struct Count {
    failures: u32,
    since: i64,
}

impl Attempts {
    pub fn new(bounds: Option<Bounds>) -> Self {
        Self { bounds, entries: Mutex::default() }
    }

    /// False if there were too many. Otherwise the attempt counts as failed until [`Self::succeeded`], so that many at
    /// once do not slip through.
    pub fn begin(&self, address: IpAddr, identity: &str, now: Timestamp) -> bool {
        let Some(bounds) = self.bounds else { return true };
        let now = now.seconds();
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let keys =
            [(key(address, Some(identity)), bounds.per_identity), (key(address, None), bounds.per_address)];
        let is_full = |entries: &HashMap<Key, Count>, key: &Key, max: u32| {
            entries.get(key).is_some_and(|count| count.failures >= max && now - count.since < bounds.window)
        };
        if keys.iter().any(|(key, max)| is_full(&entries, key, *max)) {
            return false;
        }
        for (key, _) in keys {
            make_room(&mut entries, &key, &bounds, now);
            let count = entries.entry(key).or_insert(Count { failures: 0, since: now });
            if now - count.since >= bounds.window {
                *count = Count { failures: 0, since: now };
            }
            count.failures += 1;
        }
        true
    }

    /// The attempt was none of the failed ones: those of this identity are forgotten, too.
    pub fn succeeded(&self, address: IpAddr, identity: &str) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.remove(&key(address, Some(identity)));
        if let Some(count) = entries.get_mut(&key(address, None)) {
            count.failures = count.failures.saturating_sub(1);
        }
    }
}

fn key(address: IpAddr, identity: Option<&str>) -> Key {
    let hash = identity.map(|identity| {
        let mut hasher = DefaultHasher::new();
        identity.trim().to_lowercase().hash(&mut hasher);
        hasher.finish()
    });
    (network(address), hash)
}

/// One customer of IPv6 has at least a /64 of addresses.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

fn make_room(entries: &mut HashMap<Key, Count>, key: &Key, bounds: &Bounds, now: i64) {
    if entries.contains_key(key) || entries.len() < bounds.entries {
        return;
    }
    entries.retain(|_, count| now - count.since < bounds.window);
    if entries.len() >= bounds.entries {
        // Half at once, so that this does not happen for each attempt.
        let mut times: Vec<i64> = entries.values().map(|count| count.since).collect();
        let middle = times.len() / 2;
        let (_, median, _) = times.select_nth_unstable(middle);
        let (median, mut left) = (*median, bounds.entries / 2);
        entries.retain(|_, count| {
            let keep = count.since > median || (count.since == median && left > 0);
            left = left.saturating_sub(usize::from(keep));
            keep
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { per_identity: 2, per_address: 4, window: 10, entries: 8 };

    enum Step {
        /// address, identity, second, whether it is let through
        Try(&'static str, &'static str, i64, bool),
        Good(&'static str, &'static str),
    }

    fn check(bounds: Option<Bounds>, steps: &[Step]) {
        let attempts = Attempts::new(bounds);
        for (number, step) in steps.iter().enumerate() {
            match step {
                Step::Try(address, identity, second, allowed) => {
                    let now = Timestamp(second * 1000);
                    let begun = attempts.begin(address.parse().unwrap(), identity, now);
                    assert_eq!(begun, *allowed, "step {number}");
                }
                Step::Good(address, identity) => attempts.succeeded(address.parse().unwrap(), identity),
            }
        }
    }

    #[test]
    fn failures_are_counted() {
        use Step::{Good, Try};
        let (a, b) = ("10.0.0.1", "10.0.0.2");
        check(
            Some(BOUNDS),
            &[
                Try(a, "x@y.z", 0, true),
                Try(a, "X@y.z ", 0, true),
                Try(a, "x@y.z", 1, false),
                Try(b, "x@y.z", 1, true),
                Try(a, "other", 1, true),
                Try(a, "third", 1, true),
                Try(a, "fourth", 1, false),
                Try(a, "x@y.z", 10, true),
            ],
        );
        check(
            Some(BOUNDS),
            &[Try(a, "x", 0, true), Good(a, "x"), Try(a, "x", 0, true), Try(a, "x", 0, true)],
        );
        check(
            Some(BOUNDS),
            &[
                Try("2001:db8::1", "x", 0, true),
                Try("2001:db8::2", "x", 0, true),
                Try("2001:db8::3", "x", 0, false),
                Try("2001:db8:0:1::3", "x", 0, true),
            ],
        );
        check(None, &[Try(a, "x", 0, true), Try(a, "x", 0, true), Try(a, "x", 0, true)]);
    }

    #[test]
    fn memory_is_bounded() {
        let attempts = Attempts::new(Some(BOUNDS));
        for number in 0..1000_u32 {
            let address = IpAddr::from(number.to_be_bytes());
            attempts.begin(address, "x", Timestamp(i64::from(number % 3) * 1000));
            assert!(attempts.entries.lock().unwrap().len() <= BOUNDS.entries);
        }
    }
}
