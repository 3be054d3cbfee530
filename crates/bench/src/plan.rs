//! How long and how large the rows are.

use std::time::Duration;

/// Deliveries in a second at a steady pace.
pub const STEADY: f64 = 10_000.0;

#[derive(Debug)]
pub struct Plan {
    pub rounds: usize,
    /// What a full-speed or steady row measures.
    pub seconds: Duration,
    pub warm_up: Duration,
    /// Subscribers of the fan-outs.
    pub crowds: Vec<usize>,
    /// Subscribers of rows of one size.
    pub crowd: usize,
    /// Clients of the storms.
    pub storm: usize,
    /// Clients that come back.
    pub returning: usize,
    /// Changes that push others out of the ring of recent ones.
    pub pushing: u64,
    /// Idle connections.
    pub idle: usize,
    pub idle_most: usize,
    /// Writes to slow readers.
    pub slow_writes: u32,
    /// Creates with a timed sync, to tell the disk's own speed.
    pub syncs: usize,
}

impl Plan {
    pub fn new(quick: bool, rounds: usize) -> Self {
        let (seconds, warm_up) = if quick { (1000, 300) } else { (2500, 600) };
        let pick = |full, small| if quick { small } else { full };
        Plan {
            rounds: if quick { 1 } else { rounds },
            seconds: Duration::from_millis(seconds),
            warm_up: Duration::from_millis(warm_up),
            crowds: if quick { vec![100, 1000] } else { vec![100, 1000, 5000] },
            crowd: 1000,
            storm: pick(5000, 1000),
            returning: pick(10_000, 2000),
            pushing: 8400,
            idle: pick(10_000, 2000),
            idle_most: pick(50_000, 10_000),
            slow_writes: pick(2400, 400) as u32,
            syncs: pick(400, 200),
        }
    }

    /// The largest fan-out.
    pub fn largest(&self) -> usize {
        self.crowds.iter().copied().max().unwrap_or(self.crowd)
    }
}
