//! What a crowd costs the hub: when it comes, when it is told, when it goes.
//!
//! `cargo run --release -p tidewire-feed --example crowd [clients] [classes] [changes] [shards]`

mod common;

use bytes::Bytes;
use common::{Listen, Table, cpu, posts, status};
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tidewire_feed::*;
use tidewire_model::*;
use tokio::sync::watch;

struct Crowd {
    feed: Feed,
    table: Arc<Table>,
    heard: Arc<AtomicU64>,
    come: Arc<AtomicU64>,
    gone: Arc<AtomicU64>,
    /// true once all are to leave
    end: watch::Sender<bool>,
}

impl Crowd {
    fn gather(shards: usize) -> Self {
        let posts = posts();
        let table =
            Table { posts: posts.clone(), head: 0, reads: AtomicU64::new(0), encoded: Arc::default() };
        let table = Arc::new(table);
        let catalog = Arc::new(Catalog::new(1, vec![posts]));
        let options = options(shards);
        let feed = Feed::start(table.clone(), table.clone(), catalog, options);
        let (heard, come, gone) = Default::default();
        Self { feed, table, heard, come, gone, end: watch::channel(false).0 }
    }

    fn enter(&self, rule: String) {
        let (feed, heard, come, gone) =
            (self.feed.clone(), self.heard.clone(), self.come.clone(), self.gone.clone());
        let interest = Arc::new(Listen { rule, encoded: self.table.encoded.clone() });
        let mut end = self.end.subscribe();
        tokio::spawn(async move {
            let connection = feed.connect(OnRevoked::Close);
            let subscription = Subscription { name: "s".into(), interest, start: Start::Now };
            connection.set(Principal::Guest, vec![subscription]).await;
            come.fetch_add(1, Relaxed);
            let mut out: Vec<Bytes> = Vec::new();
            loop {
                let frames = poll_fn(|cx| connection.poll_frames(cx, 64 * 1024, &mut out));
                tokio::select! {
                    _ = frames => heard.fetch_add(out.len() as u64, Relaxed),
                    _ = end.wait_for(|end| *end) => break,
                };
                out.clear();
            }
            drop(connection);
            gone.fetch_add(1, Relaxed);
        });
    }

    fn announce(&self, seq: Seq) {
        self.feed.announce([Arc::new(self.table.change(seq))].into(), Arc::default(), None);
    }
}

fn options(shards: usize) -> Options {
    Options { shards, ..Options::new([0; 32]) }
}

fn wait_for(counter: &AtomicU64, number: u64) {
    while counter.load(Relaxed) < number {
        std::thread::sleep(Duration::from_micros(20));
    }
}

fn feed_cpu() -> Duration {
    cpu("feed-hub") + cpu("feed-shard")
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>().unwrap_or(1));
    let mut next = |default| arguments.next().unwrap_or(default);
    let (clients, classes, changes, shards) = (next(10_000), next(1), next(200), next(1));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let Ok(runtime) = runtime else { return };
    let _entered = runtime.enter();
    let crowd = Crowd::gather(shards as usize);
    let (start, memory) = (Instant::now(), status("VmRSS"));
    (0..clients).for_each(|number| crowd.enter(format!("title != '{}'", number % classes)));
    wait_for(&crowd.come, clients);
    println!(
        "{clients} clients, {classes} classes, {shards} shards: came in {:?}, hub {:?}; {} KiB each",
        start.elapsed(),
        feed_cpu(),
        (status("VmRSS") - memory) / clients
    );
    let (start, before) = (Instant::now(), feed_cpu());
    for seq in 1..=changes {
        crowd.announce(seq);
        wait_for(&crowd.heard, seq * clients);
    }
    let each = |time: Duration| time / changes as u32;
    println!(
        "  told {changes} times: {:?} each, hub {:?}, fan-out {:?}",
        each(start.elapsed()),
        each(feed_cpu() - before),
        crowd.feed.fan_outs().read()
    );
    leave(&crowd, clients);
}

/// All leave but one, who hears a change that comes then.
fn leave(crowd: &Crowd, clients: u64) {
    let (start, before) = (Instant::now(), feed_cpu());
    let _ = crowd.end.send(true);
    wait_for(&crowd.gone, clients);
    let (gone, input) = (start.elapsed(), crowd.feed.stats().input);
    while crowd.feed.stats().connections > 0 || crowd.feed.stats().input > 0 {
        std::thread::sleep(Duration::from_micros(20));
    }
    println!(
        "  went in {gone:?}, {input} left to do, done in {:?}, hub {:?}",
        start.elapsed(),
        feed_cpu() - before
    );
}
