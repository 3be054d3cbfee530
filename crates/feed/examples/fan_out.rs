//! What a delivery, a change, a subscription and an idle connection cost inside the feed.
//!
//! `cargo run --release -p tidewire-feed --example fan_out`

use bytes::Bytes;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tidewire_feed::*;
use tidewire_model::*;
use tidewire_rules::{Audience, Expr, Facts, Limits, Residual, Rule};

const CHANGES: u64 = 2000;
const FRAME: [u8; 400] = [b'x'; 400];

struct NoLog;

impl Log for NoLog {
    fn epoch(&self) -> Epoch {
        1
    }
    fn head(&self) -> Seq {
        0
    }
    fn floor(&self) -> Seq {
        0
    }
    fn read(&self, _: Seq, _: usize) -> Vec<Arc<Change>> {
        Vec::new()
    }
}

impl Lookup for NoLog {
    fn ask(&self, asked: &[Asked<'_>]) -> Answered {
        Answered::nothing(asked.len())
    }
}

struct Listen {
    rule: String,
}

impl Interest for Listen {
    fn classes(&self, catalog: &Arc<Catalog>, _: &Principal) -> Vec<ClassSpec> {
        let tenant = TenantId::default();
        let gate = gate(&self.rule, catalog, &tenant).unwrap_or_else(Residual::never);
        let topic = Topic::Collection { tenant, collection: "posts".into() };
        vec![ClassSpec { topic, gate, leave: false, projection: String::new(), encoder: Arc::new(Frames) }]
    }
}

fn gate(rule: &str, catalog: &Arc<Catalog>, tenant: &TenantId) -> Option<Residual> {
    if rule.is_empty() {
        return Some(Residual::always());
    }
    let expr = Expr::parse(rule, Limits::default()).ok()?;
    let rule = Rule::resolve(&expr, catalog, tenant, catalog.by_id("posts")?, Audience::Rule).ok()?;
    Some(rule.bind(&Facts::default()))
}

struct Frames;

impl Encoder for Frames {
    fn encode(&self, event: &Event<'_>, frame: &mut Vec<u8>) -> bool {
        if let Event::Change { cursor, .. } = event {
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

struct Bench {
    feed: Feed,
    posts: Arc<Collection>,
    seq: Seq,
}

impl Bench {
    fn start() -> Self {
        let posts = posts();
        let catalog = Arc::new(Catalog::new(1, vec![posts.clone()]));
        let room = 1 << 40;
        let options =
            Options { outbox_bytes: room, outbox_frames: room, input: 1 << 20, ..Options::new([0; 32]) };
        let log = Arc::new(NoLog);
        Self { feed: Feed::start(log.clone(), log, catalog, options), posts, seq: 0 }
    }

    async fn connect(&self, rules: impl Iterator<Item = String>) -> Connection {
        let connection = self.feed.connect(OnRevoked::Close);
        let subscription = |(index, rule): (usize, String)| Subscription {
            name: index.to_string().into(),
            interest: Arc::new(Listen { rule }),
            start: Start::Now,
        };
        let subscriptions = rules.enumerate().map(subscription).collect();
        connection.set(Principal::Guest, subscriptions).await;
        connection
    }

    fn change(&mut self, owner: u64) -> Arc<Change> {
        self.seq += 1;
        let tenant = TenantId::default();
        let mut record = Record::empty(self.posts.clone(), tenant.clone());
        record.set("id", Value::text("r12345678901234"));
        record.set("owner", Value::text(&format!("o{owner}")));
        Arc::new(Change {
            position: Position { epoch: 1, seq: self.seq, offset: self.seq },
            action: Action::Create,
            collection: self.posts.clone(),
            tenant,
            old: None,
            new: Some(Arc::new(record)),
            actor: "".into(),
            at: Timestamp(0),
            transaction: self.seq,
        })
    }

    /// Announces changes one by one, or in batches, and waits until the hub has taken them all.
    async fn run(&mut self, owners: u64, batch: usize) -> Duration {
        let changes: Vec<Arc<Change>> = (0..CHANGES).map(|i| self.change(i * 7919 % owners)).collect();
        let start = Instant::now();
        for batch in changes.chunks(batch) {
            self.feed.announce(batch.into(), None);
        }
        self.feed.publish(&TenantId::default(), "end", Bytes::new()).await;
        start.elapsed()
    }
}

fn drain(connection: &Connection, out: &mut Vec<Bytes>) -> usize {
    let mut context = Context::from_waker(Waker::noop());
    let mut count = 0;
    while let Poll::Ready(Some(())) = connection.poll_frames(&mut context, 1 << 20, out) {
        count += out.len();
        out.clear();
    }
    count
}

/// Resident bytes, on Linux.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

async fn subscribers_of_one_class(count: u64) {
    let mut bench = Bench::start();
    let mut connections = Vec::new();
    for _ in 0..count {
        connections.push(bench.connect(std::iter::once(String::new())).await);
    }
    let mut out = Vec::new();
    for batch in [1, 64] {
        // the first round pays for memory that the outboxes keep
        for round in ["first", "again"] {
            let took = bench.run(1, batch).await;
            let read = Instant::now();
            let count: usize = connections.iter().map(|connection| drain(connection, &mut out)).sum();
            println!(
                "{} subscribers, commits of {batch:2}, {round}: push {:5.1} ns, read {:5.1} ns a delivery ({count})",
                connections.len(),
                took.as_nanos() as f64 / count as f64,
                read.elapsed().as_nanos() as f64 / count as f64,
            );
        }
    }
}

async fn owners(connections: u64, each: u64) {
    let mut bench = Bench::start();
    let (before, start) = (resident(), Instant::now());
    let mut held = Vec::new();
    for c in 0..connections {
        held.push(bench.connect((0..each).map(|i| format!("owner = 'o{}'", c * each + i))).await);
    }
    let total = connections * each;
    println!(
        "{total} subscriptions to `owner = X`: {:.1} us, {} bytes each; {} classes",
        start.elapsed().as_micros() as f64 / total as f64,
        resident().saturating_sub(before) / total,
        bench.feed.stats().classes,
    );
    let took = bench.run(total, 64).await;
    println!(
        "  {:.0} ns a change, {} deliveries of {CHANGES} changes",
        took.as_nanos() as f64 / CHANGES as f64,
        bench.feed.stats().deliveries
    );
    let start = Instant::now();
    drop(held);
    bench.feed.publish(&TenantId::default(), "end", Bytes::new()).await;
    println!(
        "  gone in {:.1} us each; {} classes",
        start.elapsed().as_micros() as f64 / total as f64,
        bench.feed.stats().classes
    );
}

async fn idle_connections(count: u64) {
    let bench = Bench::start();
    bench.connect(std::iter::once(String::new())).await;
    let before = resident();
    let mut connections = Vec::new();
    for _ in 0..count {
        connections.push(bench.connect(std::iter::once(String::new())).await);
    }
    println!("{count} idle connections: {} bytes each", resident().saturating_sub(before) / count);
}

#[tokio::main]
async fn main() {
    idle_connections(10_000).await;
    subscribers_of_one_class(1000).await;
    owners(10, 100).await;
    owners(10_000, 100).await;
}
