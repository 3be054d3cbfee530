//! How many sockets may be open, in all and per address.

use crate::config::ConnectionLimits;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts open sockets.
#[derive(Debug)]
pub struct Gatekeeper {
    limits: ConnectionLimits,
    open: Mutex<Open>,
    refused: AtomicU64,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Why a socket is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    Full,
    TooManyFromAddress,
}

impl Refused {
    /// A whole HTTP answer.
    pub fn answer(self) -> &'static [u8] {
        match self {
            Self::Full => {
                b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 26\r\nRetry-After: 5\r\nConnection: close\r\n\r\nToo many connections open."
            }
            Self::TooManyFromAddress => {
                b"HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain\r\nContent-Length: 43\r\nRetry-After: 5\r\nConnection: close\r\n\r\nToo many connections open from one address."
            }
        }
    }
}

/// A place that is given back when dropped.
#[derive(Debug)]
pub struct Permit {
    gatekeeper: Arc<Gatekeeper>,
    address: IpAddr,
}

impl Gatekeeper {
    pub fn new(limits: ConnectionLimits) -> Arc<Self> {
        Arc::new(Self { limits, open: Mutex::default(), refused: AtomicU64::new(0) })
    }

    /// Sockets that are open now.
    pub fn open(&self) -> usize {
        self.open.lock().total
    }

    /// Sockets that were turned away.
    pub fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    pub fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Permit, Refused> {
        let mut open = self.open.lock();
        if open.total >= self.limits.total {
            return Err(self.refuse(Refused::Full));
        }
        let count = open.by_address.entry(address).or_default();
        if *count >= self.limits.per_address {
            return Err(self.refuse(Refused::TooManyFromAddress));
        }
        *count += 1;
        open.total += 1;
        Ok(Permit { gatekeeper: self.clone(), address })
    }

    fn refuse(&self, why: Refused) -> Refused {
        self.refused.fetch_add(1, Relaxed);
        why
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut open = self.gatekeeper.open.lock();
        open.total -= 1;
        if let Some(count) = open.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_and_given_back() {
        let limits = ConnectionLimits { total: 3, per_address: 2, ..ConnectionLimits::default() };
        let gatekeeper = Gatekeeper::new(limits);
        let [a, b] = [IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2])];
        let first = gatekeeper.admit(a).unwrap();
        let _second = gatekeeper.admit(a).unwrap();
        assert_eq!(gatekeeper.admit(a).unwrap_err(), Refused::TooManyFromAddress);
        let _third = gatekeeper.admit(b).unwrap();
        assert_eq!(gatekeeper.admit(b).unwrap_err(), Refused::Full);
        assert_eq!((gatekeeper.open(), gatekeeper.refused()), (3, 2));
        drop(first);
        assert!(gatekeeper.admit(a).is_ok());
    }

    #[test]
    fn answers_state_their_length() {
        for refused in [Refused::Full, Refused::TooManyFromAddress] {
            let text = std::str::from_utf8(refused.answer()).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{head}");
        }
    }
}
