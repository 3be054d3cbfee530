use std::time::{Duration, Instant};

/// When a new stream or socket becomes one of many: once it has been open for some time and has been found with nothing to
/// write and nothing to catch up with, it moves after what comes next. What it missed is so written before, however late that
/// comes.
pub struct Settling {
    earliest: Instant,
    is_behind: Box<dyn Fn() -> bool + Send + Sync>,
    found: bool,
}

impl Settling {
    /// Of one that begins now and is new for this long at least.
    pub fn new(new: Duration, is_behind: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { earliest: Instant::now() + new, is_behind: Box::new(is_behind), found: false }
    }

    /// There is nothing to write now.
    pub fn rests(&mut self) {
        self.found = Instant::now() >= self.earliest && !(self.is_behind)();
    }

    /// It moves after what comes now.
    pub fn is_due(&self) -> bool {
        self.found
    }
}
