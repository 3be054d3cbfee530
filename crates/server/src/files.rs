//! How many files the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Kept for the database, the log and the like.
const RESERVED: u64 = 256;

/// Raises the soft limit to the hard one; answers how many sockets fit.
pub fn raise_limit() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: maximum, maximum };
    let allowed = if setrlimit(Resource::Nofile, wanted).is_ok() { maximum } else { current };
    allowed.map_or(usize::MAX, |files| usize::try_from(files.saturating_sub(RESERVED)).unwrap_or(usize::MAX))
}
