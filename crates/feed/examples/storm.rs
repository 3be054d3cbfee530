//! What it costs when thousands come back at once, each of which missed the same changes.
//!
//! `cargo run --release -p tidewire-feed --example storm [clients] [missed] [classes]`

use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tidewire_feed::*;
use tidewire_model::*;
use tidewire_rules::{Audience, Expr, Facts, Limits, Residual, Rule};

const FRAME: [u8; 400] = [b'x'; 400];

/// A table: changes are made anew by each read.
struct Table {
    posts: Arc<Collection>,
    head: Seq,
    reads: AtomicU64,
    encoded: Arc<AtomicU64>,
}

impl Log for Table {
    fn epoch(&self) -> Epoch {
        1
    }
    fn head(&self) -> Seq {
        self.head
    }
    fn floor(&self) -> Seq {
        0
    }
    fn read(&self, after: Seq, limit: usize) -> Vec<Arc<Change>> {
        self.reads.fetch_add(1, Relaxed);
        (after + 1..=self.head).take(limit).map(|seq| Arc::new(self.change(seq))).collect()
    }
}

impl Lookup for Table {
    fn ask(&self, asked: &[Asked<'_>]) -> Answered {
        Answered::nothing(asked.len())
    }
}

impl Table {
    fn change(&self, seq: Seq) -> Change {
        let tenant = TenantId::default();
        let mut record = Record::empty(self.posts.clone(), tenant.clone());
        record.set("id", Value::text("r12345678901234"));
        record.set("title", Value::text("a title of a usual length, that is some words"));
        Change {
            position: Position { epoch: 1, seq, offset: seq },
            action: Action::Create,
            collection: self.posts.clone(),
            tenant,
            old: None,
            new: Some(Arc::new(record)),
            actor: "".into(),
            at: Timestamp(0),
            transaction: seq,
        }
    }
}

/// A class of its own for each rule; all hear everything.
struct Listen {
    rule: String,
    encoded: Arc<AtomicU64>,
}

impl Interest for Listen {
    fn classes(&self, catalog: &Arc<Catalog>, _: &Principal) -> Vec<ClassSpec> {
        let tenant = TenantId::default();
        let gate = gate(&self.rule, catalog, &tenant).unwrap_or_else(Residual::never);
        let topic = Topic::Collection { tenant, collection: "posts".into() };
        let encoder = Arc::new(Frames(self.encoded.clone()));
        vec![ClassSpec { topic, gate, leave: false, projection: String::new(), encoder }]
    }
}

fn gate(rule: &str, catalog: &Arc<Catalog>, tenant: &TenantId) -> Option<Residual> {
    let expr = Expr::parse(rule, Limits::default()).ok()?;
    let rule = Rule::resolve(&expr, catalog, tenant, catalog.by_id("posts")?, Audience::Rule).ok()?;
    Some(rule.bind(&Facts::default()))
}

struct Frames(Arc<AtomicU64>);

impl Encoder for Frames {
    fn encode(&self, event: &Event<'_>, frame: &mut Vec<u8>) -> bool {
        if let Event::Change { cursor, .. } = event {
            self.0.fetch_add(1, Relaxed);
            frame.extend_from_slice(b"id:");
            frame.extend_from_slice(cursor.as_bytes());
            frame.extend_from_slice(&FRAME);
        }
        true
    }
}

fn posts() -> Arc<Collection> {
    let mut posts = Collection::default();
    posts.id = "posts".into();
    posts.name = "posts".into();
    let field = |name: &str| Field { id: name.into(), name: name.into(), ..Field::default() };
    posts.fields = ["id", "owner", "title"].map(field).into();
    posts.index_fields();
    Arc::new(posts)
}

struct Storm {
    feed: Feed,
    table: Arc<Table>,
    /// what each client missed
    missed: u64,
    classes: u64,
}

impl Storm {
    fn brew(missed: u64, classes: u64) -> Self {
        let posts = posts();
        let (head, encoded) = (20_000, Arc::<AtomicU64>::default());
        let table = Arc::new(Table { posts: posts.clone(), head, reads: AtomicU64::new(0), encoded });
        let catalog = Arc::new(Catalog::new(1, vec![posts]));
        let feed = Feed::start(table.clone(), table.clone(), catalog, Options::new([0; 32]));
        Self { feed, table, missed, classes }
    }

    async fn connect(&self, number: u64) -> Connection {
        let connection = self.feed.connect(OnRevoked::Close);
        let rule = format!("title != '{}'", number % self.classes);
        let interest = Arc::new(Listen { rule, encoded: self.table.encoded.clone() });
        let start = Start::After { seq: self.table.head - self.missed, preface: Vec::new() };
        let subscription = Subscription { name: "s".into(), interest, start };
        connection.set(Principal::Guest, vec![subscription]).await;
        connection
    }
}

/// How many frames a reader has; `None` while it would wait.
fn read(connection: &Connection, out: &mut Vec<Bytes>) -> Option<u64> {
    let mut context = Context::from_waker(Waker::noop());
    out.clear();
    match connection.poll_frames(&mut context, 64 * 1024, out) {
        Poll::Ready(Some(())) => Some(out.len() as u64),
        _ => None,
    }
}

fn read_all(connections: &[Connection], missed: u64) {
    let (mut out, mut left) = (Vec::new(), connections.len() as u64 * missed);
    while left > 0 {
        let before = left;
        for connection in connections {
            while let Some(count) = read(connection, &mut out) {
                left -= count;
            }
        }
        if left == before {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// A line of /proc/self/status in KiB, on Linux.
fn status(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// CPU time of all threads of this name, on Linux.
fn cpu(name: &str) -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let ticks = tasks.filter_map(|task| {
        let comm = std::fs::read_to_string(task.path().join("comm")).ok()?;
        let times = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        (comm.trim() == name).then(|| times.split(' ').next()?.parse::<u64>().ok()).flatten()
    });
    Duration::from_nanos(ticks.sum())
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>().unwrap_or(1));
    let mut next = |default| arguments.next().unwrap_or(default);
    let (clients, missed, classes) = (next(10_000), next(100), next(1));
    let storm = Storm::brew(missed, classes);
    let (before, start) = (status("VmRSS"), Instant::now());
    let mut connections = Vec::new();
    for number in 0..clients {
        connections.push(storm.connect(number).await);
    }
    println!("{clients} clients, {missed} missed, {classes} classes: connected in {:?}", start.elapsed());
    while storm.feed.stats().replay > 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    println!(
        "  replayed in {:?}: replay threads {:?}, hub {:?}; {} reads of the log, {} frames made; {} KiB a client",
        start.elapsed(),
        cpu("feed-replay"),
        cpu("feed-hub"),
        storm.table.reads.load(Relaxed),
        storm.table.encoded.load(Relaxed),
        status("VmRSS").saturating_sub(before) / clients,
    );
    let start = Instant::now();
    read_all(&connections, missed);
    println!("  read in {:?}; {} KiB at most", start.elapsed(), status("VmHWM"));
}
