//! Requests in a closed loop: some connections, each with one request in flight.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::http::Connection;

/// One request; `fans_out` is how many subscribers must get what it writes.
pub struct Request {
    pub method: &'static str,
    pub path: String,
    pub body: String,
    pub fans_out: u64,
}

/// What the connections have done so far.
#[derive(Default)]
pub struct Progress {
    next: AtomicU32,
    stop: AtomicBool,
    pub answered: AtomicU64,
    /// Deliveries that the answered requests must lead to.
    pub owed: AtomicU64,
    pub failed: AtomicU64,
}

/// How the load runs.
pub struct Load<'a> {
    pub address: SocketAddr,
    /// whose requests they are; "" for nobody's
    pub token: &'a str,
    pub connections: usize,
    /// Pause of a connection after each answer.
    pub pause: Duration,
    /// The request for a writer and a sequence number.
    pub request: &'a (dyn Fn(u8, u32) -> Request + Sync),
    /// Whether the next request may go out now.
    pub may_go: &'a (dyn Fn(&Progress) -> bool + Sync),
}

impl Load<'_> {
    /// Runs the load for as long as `meanwhile` takes; returns its result and all answer times in milliseconds.
    pub fn run<T>(&self, meanwhile: impl FnOnce(&Progress) -> Result<T>) -> Result<(T, Vec<f64>, Progress)> {
        let (progress, times) = (Progress::default(), Mutex::new(Vec::new()));
        let outcome = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..self.connections)
                .map(|writer| {
                    let (progress, times) = (&progress, &times);
                    scope.spawn(move || self.connection(writer as u8, progress, times))
                })
                .collect();
            let outcome = meanwhile(&progress);
            progress.stop.store(true, Ordering::Relaxed);
            for thread in threads {
                if let Ok(Err(error)) = thread.join() {
                    eprintln!("a connection failed: {error:#}");
                    progress.failed.fetch_add(1, Ordering::Relaxed);
                }
            }
            outcome
        })?;
        let times = times.into_inner().unwrap_or_default();
        Ok((outcome, times, progress))
    }

    fn connection(&self, writer: u8, progress: &Progress, times: &Mutex<Vec<f64>>) -> Result<()> {
        let mut connection = Connection::open(self.address, self.token)?;
        let mut mine = Vec::new();
        while !progress.stop.load(Ordering::Relaxed) {
            if !(self.may_go)(progress) {
                std::thread::sleep(Duration::from_micros(200));
                continue;
            }
            let sequence = progress.next.fetch_add(1, Ordering::Relaxed);
            let request = (self.request)(writer, sequence);
            let begun = Instant::now();
            let answer = connection.send(request.method, &request.path, &request.body)?;
            if matches!(answer.status, 200 | 201) {
                mine.push(begun.elapsed().as_secs_f64() * 1e3);
                progress.owed.fetch_add(request.fans_out, Ordering::Relaxed);
                progress.answered.fetch_add(1, Ordering::Relaxed);
            } else if progress.failed.fetch_add(1, Ordering::Relaxed) == 0 {
                let text = String::from_utf8_lossy(&answer.body).into_owned();
                eprintln!("{} {}: {} {text}", request.method, request.path, answer.status);
            }
            if !self.pause.is_zero() {
                std::thread::sleep(self.pause);
            }
        }
        if let Ok(mut all) = times.lock() {
            all.append(&mut mine);
        }
        Ok(())
    }
}

/// The value below which this share of the sorted values lies.
pub fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len().saturating_sub(1) as f64 * share).round() as usize;
    values.get(at).copied().unwrap_or(f64::NAN)
}
