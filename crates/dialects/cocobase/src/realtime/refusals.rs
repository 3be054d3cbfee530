//! How often each address was refused lately.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(60);
/// addresses that are remembered; when there are more, those of past minutes go, then all
const ADDRESSES: usize = 20_000;

/// A client that is refused tries again every second, for ever, and nothing tells its user. Beyond a number its refusals
/// come late, which slows it down without locking out others behind the same address.
pub struct Refusals {
    /// of one address within a minute; `None`: nothing is counted
    bound: Option<u32>,
    counts: Mutex<HashMap<IpAddr, (Instant, u32)>>,
}

impl Refusals {
    pub fn new(bound: Option<u32>) -> Self {
        Self { bound, counts: Mutex::default() }
    }

    /// Counts one; true if there were too many before it.
    pub fn add(&self, address: IpAddr, now: Instant) -> bool {
        let Some(bound) = self.bound else { return false };
        let mut counts = self.counts.lock();
        let address = network(address);
        if counts.len() >= ADDRESSES && !counts.contains_key(&address) {
            counts.retain(|_, (since, _)| now.duration_since(*since) < WINDOW);
            if counts.len() >= ADDRESSES {
                counts.clear();
            }
        }
        let (since, count) = counts.entry(address).or_insert((now, 0));
        if now.duration_since(*since) >= WINDOW {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count > bound
    }
}

/// One customer of IPv6 has at least a /64 of addresses.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each (address, second) is refused; whether late.
    fn check(bound: Option<u32>, steps: &[(&str, u64, bool)]) {
        let (refusals, start) = (Refusals::new(bound), Instant::now());
        for (index, (address, second, late)) in steps.iter().enumerate() {
            let now = start + Duration::from_secs(*second);
            assert_eq!(refusals.add(address.parse().unwrap(), now), *late, "step {index} of {steps:?}");
        }
    }

    #[test]
    fn an_address_is_slowed_down_within_its_minute() {
        let (a, b) = ("10.0.0.1", "10.0.0.2");
        check(Some(2), &[(a, 0, false), (a, 0, false), (a, 59, true), (b, 59, false), (a, 60, false)]);
        check(Some(1), &[("2001:db8::1", 0, false), ("2001:db8::2", 0, true), ("2001:db8:0:1::1", 0, false)]);
        check(None, &[(a, 0, false), (a, 0, false), (a, 0, false)]);
    }

    #[test]
    fn memory_is_bounded() {
        let (refusals, now) = (Refusals::new(Some(1)), Instant::now());
        for number in 0..50_000_u32 {
            refusals.add(IpAddr::from(number.to_be_bytes()), now);
        }
        assert!(refusals.counts.lock().len() <= ADDRESSES);
    }
}
