use std::time::Duration;

/// What a client may reach, and how much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// whether private, loopback and link-local addresses may be reached
    pub private: bool,
    /// of an answer's body
    pub bytes: usize,
    /// from the call to the last byte, with all redirects
    pub timeout: Duration,
}

impl Default for Policy {
    /// Public addresses only, 1 MiB, 10 seconds.
    fn default() -> Self {
        Self { private: false, bytes: 1 << 20, timeout: Duration::from_secs(10) }
    }
}
