use rand::RngExt;
use std::time::Duration;

/// How often an after-hook that fails is called again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retry {
    /// calls in all; at least one
    pub tries: u32,
    /// before the second call; three times as long before each further one
    pub pause: Duration,
    pub longest: Duration,
}

impl Default for Retry {
    /// Five tries within a minute.
    fn default() -> Self {
        Self { tries: 5, pause: Duration::from_secs(1), longest: Duration::from_secs(60) }
    }
}

impl Retry {
    /// How long to wait after this many failed tries; `None`: no more. By half longer or shorter, so that not all come
    /// back in the same moment to what has just recovered.
    pub(crate) fn pause_after(&self, failed: u32) -> Option<Duration> {
        if failed >= self.tries {
            return None;
        }
        let pause = self.pause.saturating_mul(3_u32.saturating_pow(failed.saturating_sub(1)));
        Some(pause.min(self.longest).mul_f64(rand::rng().random_range(0.5..1.5)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        let retry = Retry { tries: 4, pause: Duration::from_secs(2), longest: Duration::from_secs(10) };
        for (failed, least, most) in [(1, 1.0, 3.0), (2, 3.0, 9.0), (3, 5.0, 15.0)] {
            let pause = retry.pause_after(failed).unwrap().as_secs_f64();
            assert!((least..most).contains(&pause), "{failed}: {pause}");
        }
        assert_eq!(retry.pause_after(4), None);
        assert_eq!(Retry { tries: 0, ..retry }.pause_after(1), None);
    }
}
