//! Requests of some connections, each with one in flight: as fast as they may, or by the clock.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::clock;
use crate::histogram::Histogram;
use crate::http::Connection;

/// How often a connection looks whether it may go on.
const LOOK: Duration = Duration::from_micros(200);

/// One request; `fans_out` is how many subscribers must get what it writes.
pub struct Request {
    pub method: &'static str,
    pub path: String,
    pub body: String,
    pub fans_out: u64,
}

/// Whose turn it is, the number of the request, and when it is due.
#[derive(Clone, Copy)]
pub struct Ticket {
    pub writer: u8,
    pub sequence: u32,
    /// nanoseconds since 1970
    pub time: u64,
}

/// What the connections have done so far.
#[derive(Default)]
pub struct Progress {
    next: AtomicU32,
    stop: AtomicBool,
    /// answer times count now
    pub timed: AtomicBool,
    pub answered: AtomicU64,
    /// deliveries that the answered requests must lead to
    pub owed: AtomicU64,
    failed: AtomicU64,
    times: Mutex<Histogram>,
}

impl Progress {
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    pub fn owed(&self) -> u64 {
        self.owed.load(Ordering::Relaxed)
    }

    /// Waits until so many are answered.
    pub fn await_answers(&self, count: u64, limit: Duration) -> Result<()> {
        let begun = Instant::now();
        while self.answered() < count {
            if begun.elapsed() > limit || self.failed.load(Ordering::Relaxed) > 0 {
                bail!("{} of {count} writes answered after {:?}", self.answered(), begun.elapsed());
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Times of answers that came while they counted.
    pub fn times(&self) -> Histogram {
        self.times.lock().map(|times| times.clone()).unwrap_or_default()
    }

    /// A row with failed requests measures nothing.
    fn refuse_failures(&self) -> Result<()> {
        match self.failed.load(Ordering::Relaxed) {
            0 => Ok(()),
            failed => bail!("{failed} requests failed"),
        }
    }
}

pub enum Pace<'a> {
    /// The next request goes when the last is answered and this allows it.
    Closed(&'a (dyn Fn(&Progress) -> bool + Sync)),
    /// So many are due in a second, whatever the answers do.
    Open(f64),
}

/// How the load runs.
pub struct Load<'a> {
    pub address: SocketAddr,
    /// whose requests they are; "" for nobody's
    pub token: &'a str,
    pub connections: usize,
    pub pace: Pace<'a>,
    /// requests, at most
    pub limit: u32,
    pub request: &'a (dyn Fn(Ticket) -> Request + Sync),
}

impl Load<'_> {
    /// Runs the load for as long as `meanwhile` takes.
    pub fn run<T>(&self, meanwhile: impl FnOnce(&Progress) -> Result<T>) -> Result<(T, Progress)> {
        let (progress, begun) = (Progress::default(), clock::now());
        let outcome = std::thread::scope(|scope| {
            let connections: Vec<_> = (0..self.connections)
                .map(|writer| {
                    let progress = &progress;
                    scope.spawn(move || self.connection(writer as u8, begun, progress))
                })
                .collect();
            let outcome = meanwhile(&progress);
            progress.stop.store(true, Ordering::Relaxed);
            for connection in connections {
                if let Ok(Err(error)) = connection.join() {
                    eprintln!("    a connection failed: {error:#}");
                    progress.failed.fetch_add(1, Ordering::Relaxed);
                }
            }
            outcome
        });
        progress.refuse_failures()?;
        Ok((outcome?, progress))
    }

    fn connection(&self, writer: u8, begun: u64, progress: &Progress) -> Result<()> {
        clock::wake_exactly()?;
        let mut connection = Connection::open(self.address, self.token)?;
        let mut mine = Histogram::default();
        while let Some(ticket) = self.next(writer, begun, progress) {
            let request = (self.request)(ticket);
            let sent = clock::now();
            let answer = connection.send(request.method, &request.path, &request.body)?;
            if matches!(answer.status, 200 | 201) {
                if progress.timed.load(Ordering::Relaxed) {
                    mine.record(answer.received.saturating_sub(sent));
                }
                progress.owed.fetch_add(request.fans_out, Ordering::Relaxed);
                progress.answered.fetch_add(1, Ordering::Relaxed);
            } else if progress.failed.fetch_add(1, Ordering::Relaxed) == 0 {
                let text = String::from_utf8_lossy(&answer.body).into_owned();
                eprintln!("    {} {}: {} {text}", request.method, request.path, answer.status);
            }
        }
        if let Ok(mut all) = progress.times.lock() {
            all.add(&mine);
        }
        Ok(())
    }

    /// Waits for the next turn; none after the end.
    fn next(&self, writer: u8, begun: u64, progress: &Progress) -> Option<Ticket> {
        let stopped = || progress.stop.load(Ordering::Relaxed);
        if let Pace::Closed(may_go) = self.pace {
            while !stopped() && !may_go(progress) {
                std::thread::sleep(LOOK);
            }
        }
        if stopped() {
            return None;
        }
        let sequence = progress.next.fetch_add(1, Ordering::Relaxed);
        if sequence >= self.limit {
            return None;
        }
        let time = match self.pace {
            Pace::Closed(_) => clock::now(),
            Pace::Open(rate) => {
                let due = begun + (f64::from(sequence) * 1e9 / rate) as u64;
                clock::sleep_until(due);
                due
            }
        };
        (!stopped()).then_some(Ticket { writer, sequence, time })
    }
}
