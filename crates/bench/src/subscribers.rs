//! Many subscribers on a thread of their own, as a row sees them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use mio::net::TcpStream;

use crate::client::Subscription;
use crate::farm::{Farm, Harvest, Seat, Shared, Start};
use crate::stamp;

/// Set-ups under way at once, where their speed is not the question.
const WINDOW: usize = 128;
/// All must be set up within this.
const SET_UP: Duration = Duration::from_secs(60);

/// A subscriber that is subscribed already.
pub struct Feed {
    pub stream: std::net::TcpStream,
    pub key: Option<u8>,
    /// how often the mark of a record stands in its frame
    pub copies: u8,
}

pub struct Subscribers {
    shared: Arc<Shared>,
    count: u64,
    thread: Option<JoinHandle<std::io::Result<Harvest>>>,
}

impl Subscribers {
    /// Connects and subscribes all before it returns.
    pub fn open(address: SocketAddr, wanted: Vec<Subscription>) -> Result<Self> {
        let seats = wanted.into_iter().map(|wanted| Seat::client(wanted, false)).collect();
        let subscribers = Self::start(address, seats, Start::Window(WINDOW))?;
        subscribers.await_subscribed()?;
        Ok(subscribers)
    }

    /// Lets all begin as `start` says and returns at once.
    pub fn begin(
        address: SocketAddr,
        wanted: Vec<Subscription>,
        start: Start,
        notes_ids: bool,
    ) -> Result<Self> {
        let seats = wanted.into_iter().map(|wanted| Seat::client(wanted, notes_ids)).collect();
        Self::start(address, seats, start)
    }

    /// Reads streams that others have set up.
    pub fn over(address: SocketAddr, feeds: Vec<Feed>) -> Result<Self> {
        let seats = feeds.into_iter().map(|feed| {
            feed.stream.set_nonblocking(true)?;
            stamp::ask(&feed.stream)?;
            Ok(Seat::live(TcpStream::from_std(feed.stream), feed.key, feed.copies))
        });
        Self::start(address, seats.collect::<Result<_>>()?, Start::AtOnce)
    }

    fn start(address: SocketAddr, seats: Vec<Seat>, start: Start) -> Result<Self> {
        let (shared, count) = (Arc::<Shared>::default(), seats.len() as u64);
        let farm = Farm::new(address, seats, start, shared.clone())?;
        Ok(Subscribers { shared, count, thread: Some(std::thread::spawn(move || farm.run())) })
    }

    /// Deliveries so far.
    pub fn delivered(&self) -> u64 {
        self.shared.delivered.load(Ordering::Relaxed)
    }

    /// From now on times count for this part of the run.
    pub fn part(&self, part: usize) {
        self.shared.part.store(part, Ordering::Relaxed);
    }

    /// Slow readers read on.
    pub fn read_on(&self) {
        self.shared.reading.store(true, Ordering::Relaxed);
    }

    pub fn await_subscribed(&self) -> Result<()> {
        self.wait(SET_UP, "subscribed", || self.shared.subscribed.load(Ordering::Relaxed))
    }

    /// Waits until all have reached their goal.
    pub fn await_arrivals(&self, limit: Duration) -> Result<()> {
        self.wait(limit, "arrived", || self.shared.arrived.load(Ordering::Relaxed))
    }

    fn wait(&self, limit: Duration, what: &str, done: impl Fn() -> u64) -> Result<()> {
        let begun = Instant::now();
        while done() < self.count {
            let failed = self.shared.failed.load(Ordering::Relaxed);
            let ended = self.thread.as_ref().is_none_or(JoinHandle::is_finished);
            if failed > 0 || ended || begun.elapsed() > limit {
                let (done, count, after) = (done(), self.count, begun.elapsed().as_secs_f64());
                let why = self.shared.error.get().map_or("", String::as_str);
                bail!("{done} of {count} {what} after {after:.1} s, {failed} failed {why}");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Ends all streams.
    pub fn close(mut self) -> Result<Harvest> {
        self.shared.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().context("the reading thread has ended")?;
        Ok(thread.join().map_err(|_| anyhow!("the reading thread panicked"))??)
    }
}

impl Drop for Subscribers {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }
}
