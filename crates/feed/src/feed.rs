use crate::answers::Answers;
use crate::classes::Classes;
use crate::connection::{Connection, ConnectionId};
use crate::crew::Crew;
use crate::cursor::Cursors;
use crate::fan_out::Workspace;
use crate::frames::Frames;
use crate::hub::Hub;
use crate::identities::Identities;
use crate::inbox::{Inbox, Input};
use crate::interest::{Ending, OnRevoked, ResetReason};
use crate::log::{Log, Lookup};
use crate::outbox::{Bounds, Outbox};
use crate::pages::Pages;
use crate::replay::Replayer;
use crate::ring::Ring;
use crate::rooms::{Channel, Limits, RoomInfo, Rooms, Speech};
use crate::shards::Shards;
use crate::slow::SlowLane;
use crate::stats::{Counters, Stats};
use crate::turns::Turns;
use crate::waste::Waste;
use crate::weigh::Weight;

use hashbrown::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use tidewire_model::{Catalog, Change, Message, Position, Seq, TenantId, Timings};
use tokio::sync::oneshot;

#[derive(Clone, Debug)]
pub struct Options {
    /// bytes that may wait for one connection before it falls back to the log; default 256 KiB
    pub outbox_bytes: usize,
    /// frames that may wait for one connection, likewise; default 8192
    pub outbox_frames: usize,
    /// changes kept in memory; default 8192
    pub ring: usize,
    /// bytes of changes and frames that replays share while they need them; default 32 MiB. Beyond, the page of changes
    /// that was used longest ago goes
    pub replay_bytes: usize,
    /// commands and changes that may wait for the hub, each; default 65 536. Changes beyond are read from the log
    pub input: usize,
    /// threads that answer questions needing the store, and as many that replay; default 2
    pub slow_threads: usize,
    /// questions that may wait for the store; default 16 384. Connections beyond are served from the log
    pub slow_questions: usize,
    /// answers of the store that are kept; default 65 536, of 96 bytes at most. The older half goes
    pub answers: usize,
    /// shards that the connections are dealt out to, and threads that share the hub's work when there is much of it;
    /// default 1: the hub does it alone
    pub shards: usize,
    /// decisions or pushes of one change from which on it is much; default 1024
    pub much: usize,
    pub rooms: Limits,
    /// signs cursors; from the store's settings, so that cursors survive a restart
    pub cursor_key: [u8; 32],
}

impl Options {
    pub fn new(cursor_key: [u8; 32]) -> Self {
        Self {
            outbox_bytes: 256 * 1024,
            outbox_frames: 8192,
            ring: 8192,
            replay_bytes: 32 << 20,
            input: 65_536,
            slow_threads: 2,
            slow_questions: 16_384,
            answers: 65_536,
            shards: 1,
            much: 1024,
            rooms: Limits::default(),
            cursor_key,
        }
    }
}

/// Handle on the feed; cheap to clone. It stops with its last handle.
#[derive(Clone)]
pub struct Feed {
    inner: Arc<Inner>,
}

struct Inner {
    inbox: Arc<Inbox>,
    log: Arc<dyn Log>,
    cursors: Cursors,
    counters: Arc<Counters>,
    bounds: Bounds,
    next_id: AtomicU64,
    slow: Arc<SlowLane>,
    answers: Arc<Answers>,
    replays: Arc<Turns>,
}

impl Feed {
    /// Starts the hub's thread, which begins after `log.head()`.
    pub fn start(
        log: Arc<dyn Log>,
        lookup: Arc<dyn Lookup>,
        catalog: Arc<Catalog>,
        options: Options,
    ) -> Self {
        let head = log.head();
        let counters = Arc::<Counters>::default();
        let inner = Inner {
            inbox: Arc::new(Inbox::new(options.input, head)),
            cursors: Cursors::new(options.cursor_key),
            answers: Arc::new(Answers::new(lookup, counters.clone(), options.answers)),
            counters,
            bounds: Bounds { bytes: options.outbox_bytes.max(1), frames: options.outbox_frames.max(1) },
            next_id: AtomicU64::new(1),
            slow: Arc::new(SlowLane::new(options.slow_questions)),
            replays: Arc::new(Turns::new()),
            log,
        };
        let ring = Arc::new(Ring::new(options.ring));
        let pages = inner.pages(&ring, options.replay_bytes);
        for _ in 0..options.slow_threads.max(1) {
            inner.spawn_slow();
            inner.spawn_replayer(pages.clone());
        }
        inner.spawn_hub(ring, catalog, head, &options);
        Self { inner: Arc::new(inner) }
    }

    /// Takes a commit from the store. Never blocks: changes that find the queue full the hub reads from the log; messages are
    /// always queued, and held until they were delivered, so that whoever publishes can bound them.
    pub fn announce(
        &self,
        changes: Arc<[Arc<Change>]>,
        messages: Arc<[Arc<Message>]>,
        catalog: Option<Arc<Catalog>>,
    ) {
        self.inner.inbox.announce(changes, messages, catalog);
    }

    pub fn connect(&self, on_revoked: OnRevoked) -> Connection {
        let id = ConnectionId(self.inner.next_id.fetch_add(1, Relaxed));
        let outbox = Outbox::new(id);
        // nothing can be told to it before it asks for something, and that wakes the hub
        if self.inner.inbox.leave(Input::Connect { outbox: outbox.clone(), on_revoked }) {
            self.inner.counters.connections.add(1);
        } else {
            outbox.close(Ending::Stopped);
        }
        Connection { outbox, inbox: self.inner.inbox.clone(), bounds: self.inner.bounds }
    }

    /// The rooms of a tenant that somebody is in, oldest first.
    pub async fn rooms(&self, tenant: &TenantId) -> Vec<RoomInfo> {
        let (done, answer) = oneshot::channel();
        let input = Input::Rooms { tenant: tenant.clone(), done };
        if self.inner.inbox.send(input).await { answer.await.unwrap_or_default() } else { Vec::new() }
    }

    /// Whose a room is, if it exists.
    pub async fn owner(&self, channel: Channel) -> Option<TenantId> {
        let (done, answer) = oneshot::channel();
        if self.inner.inbox.send(Input::Owner { channel, done }).await { answer.await.ok()? } else { None }
    }

    /// Says something in a room as nobody who is in it; nothing happens if the room does not exist or is another tenant's.
    /// Never waits: false if too much waits for the hub already, or it has stopped.
    pub fn speak(&self, speech: Speech) -> bool {
        self.inner.inbox.try_send(Input::Speak(Box::new(speech)))
    }

    /// Returns when the hub has taken everything that was announced and asked before.
    pub async fn settled(&self) {
        let (done, answer) = oneshot::channel();
        if self.inner.inbox.send(Input::Settle { done }).await {
            let _ = answer.await;
        }
    }

    /// What waits for connections now; all zero once the feed has stopped.
    pub async fn weigh(&self) -> Weight {
        let (done, answer) = oneshot::channel();
        let asked = self.inner.inbox.send(Input::Weigh { done }).await;
        if asked { answer.await.unwrap_or_default() } else { Weight::default() }
    }

    pub fn cursors(&self) -> &Cursors {
        &self.inner.cursors
    }

    /// Whether changes after this position can be replayed, else why not.
    pub fn check(&self, position: &Position) -> Result<Seq, ResetReason> {
        let log = &self.inner.log;
        if position.epoch != log.epoch() {
            Err(ResetReason::EpochChanged)
        } else if position.seq > log.head() {
            Err(ResetReason::AheadOfHead)
        } else if position.seq < log.floor() {
            Err(ResetReason::Retention)
        } else {
            Ok(position.seq)
        }
    }

    /// The same for a cursor as a client brings it back.
    pub fn resume(&self, cursor: &str) -> Result<Seq, ResetReason> {
        let position = self.inner.cursors.read(cursor).map_err(|_| ResetReason::InvalidCursor)?;
        self.check(&position)
    }

    pub fn stats(&self) -> Stats {
        Stats {
            input: self.inner.inbox.len() as u64,
            slow: self.inner.slow.len() as u64,
            answers: self.inner.answers.len() as u64,
            replay: self.inner.replays.len() as u64,
            ..self.inner.counters.read()
        }
    }

    /// From the announcement of a commit to the last wake of a reader, while anybody is connected.
    pub fn fan_outs(&self) -> &Timings {
        &self.inner.counters.fan_outs
    }

    /// Closes every connection after its queue is written (bounded by the caller) and stops the threads. What was
    /// announced before is still delivered.
    pub fn stop(&self) {
        self.inner.inbox.close();
    }
}

impl Inner {
    fn spawn_slow(&self) {
        let (lane, answers) = (self.slow.clone(), self.answers.clone());
        self.spawn("feed-slow", move || lane.run(&answers));
    }

    fn pages(&self, ring: &Arc<Ring>, bytes: usize) -> Arc<Pages> {
        Arc::new(Pages::new(ring.clone(), self.log.clone(), self.counters.clone(), bytes))
    }

    fn spawn_replayer(&self, pages: Arc<Pages>) {
        let replayer = Replayer {
            turns: self.replays.clone(),
            pages,
            answers: self.answers.clone(),
            cursors: self.cursors.clone(),
            inbox: self.inbox.clone(),
            bounds: self.bounds,
        };
        self.spawn("feed-replay", move || replayer.run());
    }

    fn spawn_hub(&self, ring: Arc<Ring>, catalog: Arc<Catalog>, head: Seq, options: &Options) {
        let crew = self.spawn_crew(options);
        let shards = Shards::new(options.shards, self.bounds, crew.clone());
        let hub = Hub {
            inbox: self.inbox.clone(),
            log: self.log.clone(),
            epoch: self.log.epoch(),
            cursors: self.cursors.clone(),
            counters: self.counters.clone(),
            catalog,
            position: head,
            clients: HashMap::new(),
            subscribed: 0,
            classes: Classes::new(shards),
            identities: Identities::new(options.ring),
            rooms: Rooms::new(options.rooms),
            abandoned: Vec::new(),
            ring,
            slow: self.slow.clone(),
            answers: self.answers.clone(),
            replays: self.replays.clone(),
            bounds: self.bounds,
            frames: Frames::new(),
            workspace: Workspace::default(),
            applied: None,
            crew,
            waste: self.spawn_waste(),
        };
        self.spawn("feed-hub", move || hub.run());
    }

    fn spawn_waste(&self) -> Arc<Waste> {
        let waste = Arc::new(Waste::new());
        let run = waste.clone();
        self.spawn("feed-waste", move || run.run());
        waste
    }

    /// The hub is one of those who work.
    fn spawn_crew(&self, options: &Options) -> Arc<Crew> {
        let helpers = options.shards.max(1) - 1;
        let crew = Arc::new(Crew::new(helpers, options.much));
        for _ in 0..helpers {
            let crew = crew.clone();
            self.spawn("feed-shard", move || crew.run());
        }
        crew
    }

    /// A feed that cannot have its threads takes no connections.
    fn spawn(&self, name: &str, job: impl FnOnce() + Send + 'static) {
        if let Err(error) = thread::Builder::new().name(name.into()).spawn(job) {
            tracing::error!(name, %error, "cannot start a thread of the feed");
            self.inbox.close();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.inbox.close();
    }
}
