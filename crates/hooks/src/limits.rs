use std::time::Duration;

/// The longest time that a handler may ask for.
pub const LONGEST: Duration = Duration::from_secs(60);

/// Bounds of handlers that are asked by those who may not block.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// how long one handler may take that asks for no other time; default 2 s. Then it is passed over, or refuses if it was
    /// registered to
    pub time: Duration,
    /// handlers that run at once; default 64. One that hangs counts until it returns. Whoever finds no place waits: for an
    /// event that can be refused no longer than the time limit, which then is over
    pub at_once: usize,
    /// events that may wait to be told when nobody waits for them, as farewells and sign-ins; default 65 536. Beyond, they
    /// are lost, logged and counted
    pub waiting: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { time: Duration::from_secs(2), at_once: 64, waiting: 65_536 }
    }
}
