//! Many event streams read by one thread, with what each received counted by its mark.

use std::io::{ErrorKind, Read};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use serde_json::json;

use crate::http::Connection;
use crate::marker::{Mark, Search};

/// Sockets are read in batches of this long, so that reading costs the machine little.
const BATCH: Duration = Duration::from_millis(1);
const BUFFER: usize = 256 * 1024;
const WRITERS: usize = 256;

/// What one subscriber asks for; `key` is the key of the records it must get, none for all.
pub struct Subscription {
    pub topic: String,
    pub token: String,
    pub key: Option<u8>,
}

/// A subscriber that is subscribed already.
pub struct Feed {
    pub stream: std::net::TcpStream,
    pub key: Option<u8>,
    /// how often the mark of a record stands in its frame
    pub copies: u8,
}

/// Counts of all subscribers together.
#[derive(Default)]
pub struct Tally {
    /// Records received for the first time by a subscriber they are for.
    pub delivered: u64,
    pub doubled: u64,
    /// Records that came after a later one of the same writer.
    pub misordered: u64,
    /// Records received by a subscriber they are not for.
    pub misdirected: u64,
    /// Streams that the server ended.
    pub closed: u64,
}

/// Subscribers on a thread of their own.
pub struct Subscribers {
    delivered: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Tally>>,
}

impl Subscribers {
    /// Connects and subscribes all before it returns.
    pub fn open(address: SocketAddr, wanted: Vec<Subscription>) -> Result<Self> {
        let feeds = wanted.iter().map(|subscription| subscribe(address, subscription));
        Self::over(feeds.collect::<Result<_>>()?)
    }

    pub fn over(feeds: Vec<Feed>) -> Result<Self> {
        let poll = Poll::new()?;
        let mut readers = Vec::with_capacity(feeds.len());
        for feed in feeds {
            let mut reader = Reader::new(feed)?;
            poll.registry().register(&mut reader.stream, Token(readers.len()), Interest::READABLE)?;
            readers.push(reader);
        }
        let (delivered, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let farm = Farm { poll, readers, tally: Tally::default(), search: Search::new() };
        let thread = std::thread::spawn({
            let (delivered, stop) = (delivered.clone(), stop.clone());
            move || farm.run(&delivered, &stop)
        });
        Ok(Subscribers { delivered, stop, thread })
    }

    /// Deliveries so far.
    pub fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    /// Ends all streams.
    pub fn close(self) -> Result<Tally> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow!("the reading thread panicked"))?
    }
}

struct Reader {
    stream: TcpStream,
    key: Option<u8>,
    copies: u8,
    /// of the last mark, how many copies are still to come
    left: u8,
    last: Option<Mark>,
    /// Bytes that may be the beginning of a mark.
    rest: Vec<u8>,
    seen: Vec<u64>,
    latest: Box<[u32; WRITERS]>,
}

impl Reader {
    fn new(feed: Feed) -> Result<Self> {
        feed.stream.set_nonblocking(true)?;
        Ok(Reader {
            stream: TcpStream::from_std(feed.stream),
            key: feed.key,
            copies: feed.copies,
            left: 0,
            last: None,
            rest: Vec::new(),
            seen: Vec::new(),
            latest: Box::new([0; WRITERS]),
        })
    }

    fn note(&mut self, mark: Mark, tally: &mut Tally) {
        if self.left > 0 && self.last == Some(mark) {
            self.left -= 1;
            return;
        }
        (self.last, self.left) = (Some(mark), self.copies - 1);
        if self.key.is_some_and(|key| key != mark.key) {
            tally.misdirected += 1;
            return;
        }
        let (word, bit) = (mark.sequence as usize / 64, 1 << (mark.sequence % 64));
        if word >= self.seen.len() {
            self.seen.resize(word + 64, 0);
        }
        if self.seen[word] & bit != 0 {
            tally.doubled += 1;
            return;
        }
        self.seen[word] |= bit;
        tally.delivered += 1;
        let latest = &mut self.latest[mark.writer as usize];
        if mark.sequence < *latest {
            tally.misordered += 1;
        }
        *latest = mark.sequence.max(*latest);
    }
}

fn subscribe(address: SocketAddr, wanted: &Subscription) -> Result<Feed> {
    let (client, stream) = Connection::open(address, "")?.event_stream()?;
    let body = json!({"clientId": client, "subscriptions": [wanted.topic]});
    Connection::open(address, &wanted.token)?
        .json("POST", "/api/realtime", &body)
        .context("set subscriptions")?;
    Ok(Feed { stream, key: wanted.key, copies: 1 })
}

struct Farm {
    poll: Poll,
    readers: Vec<Reader>,
    tally: Tally,
    search: Search,
}

impl Farm {
    fn run(mut self, delivered: &AtomicU64, stop: &AtomicBool) -> Result<Tally> {
        let mut events = Events::with_capacity(4096);
        let mut buffer = vec![0; BUFFER];
        while !stop.load(Ordering::Relaxed) {
            match self.poll.poll(&mut events, Some(Duration::from_millis(20))) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                outcome => outcome?,
            }
            for event in &events {
                self.read(event.token().0, &mut buffer)?;
            }
            delivered.store(self.tally.delivered, Ordering::Relaxed);
            std::thread::sleep(BATCH);
        }
        Ok(self.tally)
    }

    /// Reads one socket until it is empty.
    fn read(&mut self, at: usize, buffer: &mut [u8]) -> Result<()> {
        let reader = &mut self.readers[at];
        loop {
            let kept = reader.rest.len();
            buffer[..kept].copy_from_slice(&reader.rest);
            let count = match reader.stream.read(&mut buffer[kept..]) {
                Ok(0) => {
                    self.tally.closed += 1;
                    self.poll.registry().deregister(&mut reader.stream)?;
                    return Ok(());
                }
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => {
                    self.tally.closed += 1;
                    return Ok(());
                }
            };
            let bytes = &buffer[..kept + count];
            let tally = &mut self.tally;
            let rest = self.search.scan(bytes, |mark| reader.note(mark, tally));
            reader.rest.clear();
            reader.rest.extend_from_slice(&bytes[bytes.len() - rest..]);
            // A short read has emptied the socket; the next bytes are told by a new event.
            if kept + count < buffer.len() {
                return Ok(());
            }
        }
    }
}
