use rand::RngExt as _;
use std::time::Duration;

/// How long to wait before a connection is tried again: full jitter, a random part of a bound that doubles with each failure,
/// so that clients that lost a server in the same moment do not come back in the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// bound of the first wait
    pub base: Duration,
    /// bound of all waits
    pub cap: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { base: Duration::from_millis(250), cap: Duration::from_secs(15) }
    }
}

impl Backoff {
    pub(crate) fn bound(&self, attempt: u32) -> Duration {
        self.base.saturating_mul(2_u32.saturating_pow(attempt.min(30))).min(self.cap)
    }

    /// The wait before the try after this one; at least what the server asked for.
    pub(crate) fn wait(&self, attempt: u32, asked: Option<Duration>) -> Duration {
        let bound = self.bound(attempt).as_secs_f64();
        let wait = Duration::from_secs_f64(bound * rand::rng().random::<f64>());
        asked.map_or(wait, |asked| asked.min(Duration::from_secs(300)) + wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_double_up_to_the_cap_and_waits_stay_below() {
        let backoff = Backoff { base: Duration::from_millis(100), cap: Duration::from_secs(1) };
        let bounds: Vec<u128> = (0..6).map(|attempt| backoff.bound(attempt).as_millis()).collect();
        assert_eq!(bounds, [100, 200, 400, 800, 1000, 1000]);
        assert_eq!(backoff.bound(u32::MAX), Duration::from_secs(1));
        assert!((0..100).all(|attempt| backoff.wait(attempt, None) <= backoff.bound(attempt)));
        assert!(backoff.wait(0, Some(Duration::from_secs(7))) >= Duration::from_secs(7));
        assert!(backoff.wait(0, Some(Duration::MAX)) <= Duration::from_secs(301));
    }
}
