use crate::Error;
use crate::realtime::Backoff;
use crate::rooms::frame::{Frame, Welcome};
use crate::rooms::join::Entry;
use crate::rooms::queue::{Item, Sink, Source, queue};
use crate::rooms::socket::{Received, Socket, refused};
use crate::rooms::speaker::{Saying, Speaker, WAITING};
use crate::rooms::state::RoomState;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};
use tokio::time::Instant;

/// Tidewire pings every 20 seconds; after so long a silence the server is asked, and after another one it is given up
const QUIET: Duration = Duration::from_secs(25);

/// Stays in a room until it is left.
pub(crate) struct Task {
    entry: Entry,
    backoff: Backoff,
    /// of the last message that was told
    cursor: Option<String>,
    /// so many tries in a row came to nothing, or did not last
    attempt: u32,
    sink: Sink,
    /// what the queue has no space for; while there is any, nothing is read
    stalled: VecDeque<Item>,
    sayings: mpsc::Receiver<Saying>,
    /// comes, or its other end goes
    leave: oneshot::Receiver<()>,
    state: watch::Sender<RoomState>,
}

/// The other ends of a task.
pub(crate) struct Seat {
    pub(crate) source: Source,
    pub(crate) speaker: Speaker,
    pub(crate) leave: oneshot::Sender<()>,
    pub(crate) state: watch::Receiver<RoomState>,
    pub(crate) title: String,
    pub(crate) user: String,
    pub(crate) entry: (crate::rooms::Project, crate::rooms::place::Place),
}

/// Why a socket is served no more.
enum End {
    Left,
    Lost(Error),
}

/// What woke the loop.
enum Woken {
    Saying(Saying),
    Space(Option<OwnedSemaphorePermit>),
    Received(Result<Received, Error>),
    Quiet,
}

impl Task {
    /// Joins, and goes on in the background.
    pub(crate) async fn begin(entry: Entry, since: Option<String>, backoff: Backoff) -> Result<Seat, Error> {
        let first = entry.first(since.as_deref()).await?;
        let (socket, mut welcome) = Socket::open(entry.project.client(), &entry.place, &first).await?;
        let (sink, source) = queue();
        let (said, sayings) = mpsc::channel(WAITING);
        let (leave, left) = oneshot::channel();
        let (state, told) = watch::channel(RoomState::Joined { participants: welcome.participants });
        let seat = Seat {
            source,
            speaker: Speaker::new(said, entry.place.payload()),
            leave,
            state: told,
            title: std::mem::take(&mut welcome.title),
            user: std::mem::take(&mut welcome.user),
            entry: (entry.project.clone(), entry.place.clone()),
        };
        let (cursor, stalled) = (since.clone(), VecDeque::new());
        let mut task =
            Self { entry, backoff, cursor, attempt: 0, sink, stalled, sayings, leave: left, state };
        if since.is_some() && welcome.recovered != Some(true) {
            task.tell(gap(&welcome));
        }
        task.advance(welcome);
        tokio::spawn(task.run(socket));
        Ok(seat)
    }

    async fn run(mut self, mut socket: Socket) {
        loop {
            let joined = Instant::now();
            let error = match self.serve(&mut socket).await {
                End::Left => {
                    socket.close().await;
                    break;
                }
                End::Lost(error) => error,
            };
            // a connection that does not last counts as none, so that a server that ends all of them at once is not hurried
            self.attempt = if joined.elapsed() < self.backoff.cap { self.attempt + 1 } else { 1 };
            match self.rejoin(error).await {
                Some(new) => socket = new,
                None => break,
            }
        }
        self.sayings.close();
        self.state.send_replace(RoomState::Left);
    }

    /// Tells what comes until the connection ends or the room is left.
    async fn serve(&mut self, socket: &mut Socket) -> End {
        let (mut heard, mut asked) = (Instant::now(), false);
        loop {
            let is_free = self.stalled.is_empty();
            let space = self.stalled.front().map(|item| self.sink.clone().space(item.cost()));
            let woken = tokio::select! {
                _ = &mut self.leave => return End::Left,
                Some(saying) = self.sayings.recv() => Woken::Saying(saying),
                space = maybe(space) => Woken::Space(space),
                received = socket.next(), if is_free => Woken::Received(received),
                () = tokio::time::sleep_until(heard + QUIET), if is_free => Woken::Quiet,
            };
            let done = match woken {
                Woken::Saying(saying) => say(socket, saying).await,
                Woken::Quiet if asked => Err(Error::Lost(format!("{} is silent", socket.url()))),
                Woken::Quiet => {
                    (heard, asked) = (Instant::now(), true);
                    socket.ping().await
                }
                Woken::Space(space) => {
                    (heard, asked) = (Instant::now(), false);
                    self.put_stalled(space);
                    Ok(())
                }
                Woken::Received(received) => {
                    (heard, asked) = (Instant::now(), false);
                    received.and_then(|received| self.take(received, socket))
                }
            };
            if let Err(error) = done {
                return End::Lost(error);
            }
        }
    }

    fn take(&mut self, received: Received, socket: &Socket) -> Result<(), Error> {
        let Received::Text(text) = received else { return Ok(()) };
        let decode = |reason| Error::Decode { url: socket.url().to_string(), reason };
        let frame = Frame::read(&text, &self.entry.place).map_err(decode)?;
        match frame {
            Frame::Pong | Frame::Welcome(_) => return Ok(()),
            Frame::Refused { error, detail } => {
                self.tell(Item::Failed(refused(&error, detail, socket.url())));
                return Ok(());
            }
            Frame::Message { ref cursor, .. } => {
                if cursor.is_some() {
                    self.cursor.clone_from(cursor);
                }
            }
            Frame::Joined { participants, .. } | Frame::Left { participants, .. } => {
                self.state.send_replace(RoomState::Joined { participants: Some(participants) });
            }
            Frame::Reply(_) => {}
        }
        self.tell(Item::Frame(Box::new(frame), text.len()));
        Ok(())
    }

    fn tell(&mut self, item: Item) {
        if !self.stalled.is_empty() {
            self.stalled.push_back(item);
        } else if let Err(item) = self.sink.try_put(item) {
            self.stalled.push_back(item);
        }
    }

    fn put_stalled(&mut self, space: Option<OwnedSemaphorePermit>) {
        if let Some(item) = self.stalled.pop_front() {
            self.sink.put(item, space);
        }
    }

    /// What was missed follows a recovery: until it is told, its end is not where to go on from.
    fn advance(&mut self, welcome: Welcome) {
        if welcome.recovered != Some(true) {
            self.cursor = welcome.cursor;
        }
    }

    /// Tries until it is in again; `None` once the room is left, or is closed to it for good.
    async fn rejoin(&mut self, mut error: Error) -> Option<Socket> {
        loop {
            let (attempt, reason) = (self.attempt, error.to_string());
            self.state.send_replace(RoomState::Rejoining { attempt, reason });
            // who does not read what there is needs no more of it
            while let Some(item) = self.stalled.front() {
                let space = self.sink.clone().space(item.cost());
                let space = self.meanwhile(space).await?;
                self.put_stalled(space);
            }
            let wait = self.backoff.wait(attempt.saturating_sub(1), None);
            self.meanwhile(tokio::time::sleep(wait)).await?;
            match self.enter().await? {
                Ok((socket, welcome)) => {
                    self.greet(welcome);
                    return Some(socket);
                }
                Err(failure) if may_pass(&failure) => error = failure,
                Err(failure) => {
                    self.sink.put(Item::Failed(failure), None);
                    return None;
                }
            }
            self.attempt = self.attempt.saturating_add(1);
        }
    }

    /// One try to be let in; `None` once the room is left.
    async fn enter(&mut self) -> Option<Result<(Socket, Welcome), Error>> {
        let Self { entry, cursor, sayings, leave, .. } = self;
        let enter = async {
            let first = entry.first(cursor.as_deref()).await?;
            Socket::open(entry.project.client(), &entry.place, &first).await
        };
        meanwhile(sayings, leave, enter).await
    }

    async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        meanwhile(&mut self.sayings, &mut self.leave, work).await
    }

    fn greet(&mut self, welcome: Welcome) {
        let participants = welcome.participants;
        self.state.send_replace(RoomState::Joined { participants });
        let is_whole = welcome.recovered == Some(true);
        self.tell(if is_whole { Item::Resumed { participants } } else { gap(&welcome) });
        self.advance(welcome);
    }
}

/// Nobody can speak while it works; `None` once the room is left.
async fn meanwhile<T>(
    sayings: &mut mpsc::Receiver<Saying>,
    leave: &mut oneshot::Receiver<()>,
    work: impl Future<Output = T>,
) -> Option<T> {
    tokio::pin!(work);
    loop {
        tokio::select! {
            biased;
            _ = &mut *leave => return None,
            Some(saying) = sayings.recv() => {
                // whoever spoke may have gone
                let _ = saying.done.send(Err(Error::Lost("the room is being joined again".to_owned())));
            }
            done = &mut work => return Some(done),
        }
    }
}

async fn maybe<T>(work: Option<impl Future<Output = T>>) -> T {
    match work {
        Some(work) => work.await,
        None => std::future::pending().await,
    }
}

/// Whoever speaks hears why it failed, and the connection ends by it.
async fn say(socket: &mut Socket, saying: Saying) -> Result<(), Error> {
    let Saying { frame, done } = saying;
    let written = socket.say(frame).await;
    let told = match &written {
        Ok(()) => Ok(()),
        Err(error) => Err(Error::Lost(error.to_string())),
    };
    // as above
    let _ = done.send(told);
    written
}

fn gap(welcome: &Welcome) -> Item {
    let reason = welcome.reason.clone().unwrap_or_else(|| "not_kept".to_owned());
    Item::Gap { reason, participants: welcome.participants }
}

/// Whether who was in the room already tries again.
fn may_pass(error: &Error) -> bool {
    match error {
        Error::Refused { refusal, .. } => refusal.may_pass(),
        error => error.is_temporary(),
    }
}
