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

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::*;
    use crate::client::Goal;
    use crate::marker::Mark;
    use crate::socket::Opening;

    /// A server of one client: greets it, takes its subscriptions, then sends the marks of these numbers.
    fn serve(listener: &TcpListener, sequences: &[u32]) -> std::io::Result<TcpStream> {
        let mut piece = [0; 4096];
        let (mut stream, _) = listener.accept()?;
        let _ = stream.read(&mut piece)?;
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nid:c\ndata:{\"clientId\":\"c\"}\n\n")?;
        let (mut post, _) = listener.accept()?;
        let count = post.read(&mut piece)?;
        assert!(
            String::from_utf8_lossy(&piece[..count]).ends_with(r#"{"clientId":"c","subscriptions":["x/*"]}"#)
        );
        post.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")?;
        for sequence in sequences {
            let mark = Mark { writer: 0, key: 0, sequence: *sequence, time: crate::clock::now() };
            stream.write_all(format!("\nid:e{sequence}\ndata:{}\n\n", mark.text()).as_bytes())?;
        }
        Ok(stream)
    }

    /// Expects these counts: delivered, misordered, doubled; and the id of the last event.
    fn check(sequences: &[u32], expected: [u64; 3], id: &str) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let goal = Goal::Records(expected[0]);
        let wanted = Subscription { topic: "x/*".to_owned(), goal, ..Subscription::default() };
        let subscribers = Subscribers::begin(address, vec![wanted], Start::AtOnce, true).unwrap();
        let stream = serve(&listener, sequences).unwrap();
        subscribers.await_arrivals(SET_UP).unwrap();
        drop(stream);
        // The end of the stream comes after all its bytes.
        assert!(subscribers.wait(SET_UP, "", || 0).is_err());
        let harvest = subscribers.close().unwrap();
        let tally = harvest.tally;
        assert_eq!([tally.delivered, tally.misordered, tally.doubled], expected, "{sequences:?}");
        assert_eq!(harvest.ids, [Some(id.to_owned())]);
    }

    #[test]
    fn a_subscriber_is_set_up_and_its_faults_are_counted() {
        check(&[0, 1, 2], [3, 0, 0], "e2");
        check(&[0, 2, 1], [3, 1, 0], "e1");
        check(&[0, 0, 1], [2, 0, 1], "e1");
    }

    #[test]
    fn a_socket_is_set_up_by_its_first_frame() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let first = serde_json::json!({ "action": "subscribe" });
        let opening = Opening { path: "/ws".to_owned(), first, confirmed: "subscribed" };
        let goal = Goal::Records(1);
        let wanted = Subscription { socket: Some(opening), goal, ..Subscription::default() };
        let address = listener.local_addr().unwrap();
        let subscribers = Subscribers::begin(address, vec![wanted], Start::AtOnce, false).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece).unwrap();
        assert!(piece[..count].starts_with(b"GET /ws HTTP/1.1\r\n"));
        stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").unwrap();
        let count = stream.read(&mut piece).unwrap();
        assert_eq!(&piece[..count], [b"\x81\x96\0\0\0\0", &br#"{"action":"subscribe"}"#[..]].concat());
        let mark = Mark { writer: 0, key: 0, sequence: 1, time: crate::clock::now() };
        stream.write_all(b"\x81\x0asubscribed").unwrap();
        subscribers.await_subscribed().unwrap();
        stream.write_all(mark.text().as_bytes()).unwrap();
        subscribers.await_arrivals(SET_UP).unwrap();
        assert_eq!(subscribers.close().unwrap().tally.delivered, 1);
    }

    #[test]
    fn a_refused_subscriber_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let wanted = vec![Subscription::default()];
        let address = listener.local_addr().unwrap();
        let subscribers = Subscribers::begin(address, wanted, Start::AtOnce, false).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]).unwrap();
        stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").unwrap();
        let told = subscribers.await_subscribed().unwrap_err().to_string();
        assert!(told.contains("1 failed") && told.contains("503"), "{told}");
    }
}
