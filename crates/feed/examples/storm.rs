//! What it costs when thousands come back at once, each of which missed the same changes.
//!
//! `cargo run --release -p tidewire-feed --example storm [clients] [missed] [classes]`

mod common;

use bytes::Bytes;
use common::{Listen, Table, cpu, posts, status};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tidewire_feed::*;
use tidewire_model::*;

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
