use std::time::Instant;

/// How many messages a socket may send: so many a second, saved up for at most a second.
pub struct Pace {
    /// 0: as many as it likes
    rate: u32,
    left: f64,
    at: Instant,
}

impl Pace {
    pub fn new(rate: u32, now: Instant) -> Self {
        Self { rate, left: f64::from(rate), at: now }
    }

    pub fn allows(&mut self, now: Instant) -> bool {
        if self.rate == 0 {
            return true;
        }
        let rate = f64::from(self.rate);
        self.left = (self.left + now.duration_since(self.at).as_secs_f64() * rate).min(rate);
        self.at = now;
        let allowed = self.left >= 1.0;
        if allowed {
            self.left -= 1.0;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_is_a_second_long() {
        for (rate, millis, expected) in [
            (0, vec![0, 0, 0], vec![true, true, true]),
            (2, vec![0, 0, 0, 500, 500], vec![true, true, false, true, false]),
            (1, vec![0, 60_000, 60_000], vec![true, true, false]),
        ] {
            let start = Instant::now();
            let mut pace = Pace::new(rate, start);
            let allowed: Vec<bool> =
                millis.iter().map(|at| pace.allows(start + Duration::from_millis(*at))).collect();
            assert_eq!(allowed, expected, "{rate} a second at {millis:?}");
        }
    }
}
