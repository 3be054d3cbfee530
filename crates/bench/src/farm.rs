//! The thread that sets up and reads all subscribers of a row.

use std::collections::VecDeque;
use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::client::{self, Goal, Post, Step, Subscription};
use crate::clock;
use crate::counter::{Awaited, Counter, LastId, Moment, Tally};
use crate::histogram::Histogram;
use crate::marker::Search;
use crate::stamp::Receiver;

/// Sockets are read in batches of this long, so that reading costs the machine little.
const BATCH: Duration = Duration::from_millis(1);
const BUFFER: usize = 256 * 1024;
/// Receive buffer of a slow reader that reads on.
const CATCH_UP_BUFFER: usize = 1024 * 1024;

/// When the clients begin.
#[derive(Clone, Copy)]
pub enum Start {
    /// this many at a time
    Window(usize),
    AtOnce,
    /// evenly over a time
    Over(Duration),
}

/// What the farm and the row tell each other.
#[derive(Default)]
pub struct Shared {
    pub delivered: AtomicU64,
    pub subscribed: AtomicU64,
    pub arrived: AtomicU64,
    pub failed: AtomicU64,
    /// part of the run whose times count now
    pub part: AtomicUsize,
    /// slow readers read on
    pub reading: AtomicBool,
    pub stop: AtomicBool,
    /// what went wrong first
    pub error: OnceLock<String>,
}

/// What the farm knows at the end.
#[derive(Default)]
pub struct Harvest {
    pub tally: Tally,
    /// from a client's first step to its goal
    pub arrivals: Histogram,
    /// from the first step of all to the last goal
    pub span: Duration,
    /// last event id of each subscriber, where that was asked for
    pub ids: Vec<Option<String>>,
}

pub struct Seat {
    wanted: Option<Subscription>,
    stream: Option<TcpStream>,
    step: Step,
    counter: Counter,
    awaited: Option<Awaited>,
    last_id: Option<LastId>,
    begun: u64,
    arrived: bool,
}

impl Seat {
    /// Somebody who has to be set up first.
    pub fn client(wanted: Subscription, notes_ids: bool) -> Self {
        let awaited = match wanted.goal {
            Goal::Text(text) => Some(Awaited::new(text)),
            _ => None,
        };
        let (counter, last_id) = (Counter::new(wanted.key, 1), notes_ids.then(LastId::default));
        Seat { wanted: Some(wanted), awaited, last_id, ..Seat::new(None, Step::Connecting, counter) }
    }

    /// Somebody who is subscribed already.
    pub fn live(stream: TcpStream, key: Option<u8>, copies: u8) -> Self {
        Seat::new(Some(stream), Step::Live, Counter::new(key, copies))
    }

    fn new(stream: Option<TcpStream>, step: Step, counter: Counter) -> Self {
        Seat { wanted: None, stream, step, counter, awaited: None, last_id: None, begun: 0, arrived: false }
    }

    fn is_slow(&self) -> bool {
        self.wanted.as_ref().is_some_and(|wanted| wanted.slow)
    }

    /// Bytes of the stream; tells whether the goal is reached by them.
    fn take(&mut self, bytes: &[u8], new: usize, moment: Moment, search: &Search, tally: &mut Tally) -> bool {
        let fresh = &bytes[bytes.len() - new..];
        self.counter.take(bytes, moment, search, tally);
        if let Some(ids) = &mut self.last_id {
            ids.feed(fresh);
        }
        match self.wanted.as_ref().map(|wanted| wanted.goal) {
            Some(Goal::Records(count)) => self.counter.count >= count,
            Some(Goal::Text(_)) if !self.arrived => {
                self.awaited.as_mut().is_some_and(|awaited| awaited.feed(fresh))
            }
            _ => false,
        }
    }
}

pub struct Farm {
    address: SocketAddr,
    poll: Poll,
    seats: Vec<Seat>,
    shared: Arc<Shared>,
    start: Start,
    /// seats that have not begun
    waiting: VecDeque<usize>,
    /// set-ups under way
    underway: usize,
    begun: Instant,
    search: Search,
    receiver: Receiver,
    buffer: Vec<u8>,
    harvest: Harvest,
}

impl Farm {
    pub fn new(address: SocketAddr, seats: Vec<Seat>, start: Start, shared: Arc<Shared>) -> Result<Self> {
        let mut farm = Farm {
            address,
            poll: Poll::new()?,
            waiting: (0..seats.len()).filter(|at| matches!(seats[*at].step, Step::Connecting)).collect(),
            seats,
            shared,
            start,
            underway: 0,
            begun: Instant::now(),
            search: Search::new(),
            receiver: Receiver::new(),
            buffer: vec![0; BUFFER],
            harvest: Harvest::default(),
        };
        for (at, seat) in farm.seats.iter_mut().enumerate() {
            if let Some(stream) = &mut seat.stream {
                farm.poll.registry().register(stream, Token(2 * at), Interest::READABLE)?;
            }
        }
        Ok(farm)
    }

    pub fn run(mut self) -> Result<Harvest> {
        clock::wake_exactly()?;
        self.begun = Instant::now();
        let mut events = Events::with_capacity(4096);
        let mut was_reading = false;
        while !self.shared.stop.load(Ordering::Relaxed) {
            self.begin_some();
            let patience = if self.waiting.is_empty() { 20 } else { 1 };
            match self.poll.poll(&mut events, Some(Duration::from_millis(patience))) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                outcome => outcome?,
            }
            for event in &events {
                let (at, is_post) = (event.token().0 / 2, event.token().0 % 2 == 1);
                let outcome = if is_post { self.post(at) } else { self.stream(at) };
                outcome.unwrap_or_else(|error| self.fail(at, &error));
            }
            if self.shared.reading.load(Ordering::Relaxed) && !was_reading {
                was_reading = true;
                self.wake_slow();
            }
            self.shared.delivered.store(self.harvest.tally.delivered, Ordering::Relaxed);
            std::thread::sleep(BATCH);
        }
        self.harvest.ids = self.seats.iter_mut().map(|seat| seat.last_id.take()?.id).collect();
        Ok(self.harvest)
    }

    /// Lets those begin whose turn it is.
    fn begin_some(&mut self) {
        let all = self.seats.len();
        while let Some(at) = self.waiting.front().copied() {
            let may_begin = match self.start {
                Start::AtOnce => true,
                Start::Window(size) => self.underway < size,
                Start::Over(time) => self.begun.elapsed() >= time.mul_f64(at as f64 / all as f64),
            };
            if !may_begin {
                return;
            }
            self.waiting.pop_front();
            self.underway += 1;
            self.begin(at).unwrap_or_else(|error| self.fail(at, &error));
        }
    }

    fn begin(&mut self, at: usize) -> Result<()> {
        let seat = &mut self.seats[at];
        let Some(wanted) = &seat.wanted else { return Ok(()) };
        seat.begun = clock::now();
        let mut stream = client::connect(self.address, wanted)?;
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(2 * at), both)?;
        seat.stream = Some(stream);
        Ok(())
    }

    /// A stream can be written or read.
    fn stream(&mut self, at: usize) -> Result<()> {
        let seat = &mut self.seats[at];
        let stalls = seat.is_slow() && !self.shared.reading.load(Ordering::Relaxed);
        match (&mut seat.step, &mut seat.stream, &seat.wanted) {
            (Step::Connecting, Some(stream), Some(wanted)) => {
                client::connected(stream)?;
                if stream.peer_addr().is_err() {
                    return Ok(());
                }
                client::ask(stream, wanted)?;
                seat.step = Step::Greeting(Vec::new());
                Ok(())
            }
            (Step::Ended, ..) => Ok(()),
            (Step::Live, ..) if stalls => Ok(()),
            _ => self.read(at),
        }
    }

    /// Reads one stream until it is empty.
    fn read(&mut self, at: usize) -> Result<()> {
        loop {
            let seat = &mut self.seats[at];
            let Some(stream) = &seat.stream else { return Ok(()) };
            let kept = seat.counter.bring(&mut self.buffer);
            let (count, stamp) = match self.receiver.read(stream, &mut self.buffer[kept..]) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                outcome => outcome?,
            };
            if count == 0 {
                return Err(Error::from(ErrorKind::UnexpectedEof));
            }
            let part = (!seat.is_slow()).then(|| self.shared.part.load(Ordering::Relaxed));
            let (bytes, moment) = (&self.buffer[..kept + count], Moment { stamp, part });
            let reached = seat.take(bytes, count, moment, &self.search, &mut self.harvest.tally);
            if let Step::Greeting(answer) | Step::Confirming(answer) = &mut seat.step {
                answer.extend_from_slice(&bytes[kept..]);
                self.enter(at)?;
            }
            if reached {
                self.arrive(at);
            }
            // A short read has emptied the socket; the next bytes are told by a new event.
            if kept + count < self.buffer.len() {
                return Ok(());
            }
        }
    }

    /// The next step of a client that was answered.
    fn enter(&mut self, at: usize) -> Result<()> {
        let Seat { step, stream: Some(stream), wanted: Some(wanted), .. } = &mut self.seats[at] else {
            return Ok(());
        };
        let Some(socket) = &wanted.socket else {
            let Step::Greeting(greeting) = step else { return Ok(()) };
            return client::greeted(greeting)?.map_or(Ok(()), |id| self.set(at, &id));
        };
        let is_in = match step {
            Step::Greeting(answer) if client::opened(stream, socket, answer)? => {
                *step = Step::Confirming(Vec::new());
                false
            }
            Step::Confirming(answer) => memchr::memmem::find(answer, socket.confirmed.as_bytes()).is_some(),
            _ => false,
        };
        if is_in {
            self.subscribed(at);
        }
        Ok(())
    }

    /// Begins to set the subscriptions of a client that was greeted.
    fn set(&mut self, at: usize, id: &str) -> Result<()> {
        let Some(wanted) = &self.seats[at].wanted else { return Ok(()) };
        let mut post = Post::begin(self.address, wanted, id)?;
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut post.stream, Token(2 * at + 1), both)?;
        self.seats[at].step = Step::Setting(post);
        Ok(())
    }

    /// The connection that sets subscriptions can be written or read.
    fn post(&mut self, at: usize) -> Result<()> {
        let Step::Setting(post) = &mut self.seats[at].step else { return Ok(()) };
        if post.stream.peer_addr().is_err() {
            return client::connected(&post.stream);
        }
        post.send()?;
        let mut piece = [0; 4096];
        match std::io::Read::read(&mut post.stream, &mut piece) {
            Ok(0) => return Err(Error::from(ErrorKind::UnexpectedEof)),
            Ok(count) if post.answered(&piece[..count])? => {}
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
        self.subscribed(at);
        Ok(())
    }

    fn subscribed(&mut self, at: usize) {
        let seat = &mut self.seats[at];
        seat.step = Step::Live;
        self.underway -= 1;
        self.shared.subscribed.fetch_add(1, Ordering::Relaxed);
        if matches!(seat.wanted.as_ref().map(|wanted| wanted.goal), Some(Goal::Subscribed)) {
            self.arrive(at);
        }
    }

    fn arrive(&mut self, at: usize) {
        let seat = &mut self.seats[at];
        if !std::mem::replace(&mut seat.arrived, true) {
            self.harvest.arrivals.record(clock::now().saturating_sub(seat.begun));
            self.harvest.span = self.begun.elapsed();
            self.shared.arrived.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Gives a subscriber up; one that was live is a stream that the server ended.
    fn fail(&mut self, at: usize, error: &Error) {
        let seat = &mut self.seats[at];
        match std::mem::replace(&mut seat.step, Step::Ended) {
            Step::Ended => return,
            Step::Live => self.harvest.tally.closed += 1,
            _ => self.underway -= 1,
        }
        seat.stream = None;
        self.shared.error.get_or_init(|| error.to_string());
        self.shared.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Slow readers go on; what they left unread tells no new event.
    fn wake_slow(&mut self) {
        for at in 0..self.seats.len() {
            let seat = &self.seats[at];
            if let (true, Step::Live, Some(stream)) = (seat.is_slow(), &seat.step, &seat.stream) {
                let widened = socket2::SockRef::from(stream).set_recv_buffer_size(CATCH_UP_BUFFER);
                widened.and_then(|()| self.read(at)).unwrap_or_else(|error| self.fail(at, &error));
            }
        }
    }
}
