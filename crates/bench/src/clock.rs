//! The clock that the kernel stamps received bytes with.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Sleeping threads wake this exactly instead of the usual 50 µs.
const SLACK_NANOS: u64 = 1;

/// Nanoseconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, nanos)
}

pub fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// Sleeps until then; not at all if it is past.
pub fn sleep_until(time: u64) {
    if let Some(left) = time.checked_sub(now()) {
        std::thread::sleep(Duration::from_nanos(left));
    }
}

/// Makes sleeps of this thread end when they are due.
pub fn wake_exactly() -> nix::Result<()> {
    nix::sys::prctl::set_timerslack(SLACK_NANOS)
}
