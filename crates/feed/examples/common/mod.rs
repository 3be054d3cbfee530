//! What the examples share: a table of changes, a subscription, and what the system says of this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tidewire_feed::*;
use tidewire_model::*;
use tidewire_rules::{Audience, Expr, Facts, Limits, Residual, Rule};

const FRAME: [u8; 400] = [b'x'; 400];

/// A table: changes are made anew by each read.
pub struct Table {
    pub posts: Arc<Collection>,
    pub head: Seq,
    pub reads: AtomicU64,
    pub encoded: Arc<AtomicU64>,
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
    pub fn change(&self, seq: Seq) -> Change {
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
pub struct Listen {
    pub rule: String,
    pub encoded: Arc<AtomicU64>,
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

pub fn posts() -> Arc<Collection> {
    let mut posts = Collection::default();
    posts.id = "posts".into();
    posts.name = "posts".into();
    let field = |name: &str| Field { id: name.into(), name: name.into(), ..Field::default() };
    posts.fields = ["id", "owner", "title"].map(field).into();
    posts.index_fields();
    Arc::new(posts)
}

/// A line of /proc/self/status in KiB, on Linux.
pub fn status(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// CPU time of all threads of this name, on Linux.
pub fn cpu(name: &str) -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let ticks = tasks.filter_map(|task| {
        let comm = std::fs::read_to_string(task.path().join("comm")).ok()?;
        let times = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        (comm.trim() == name).then(|| times.split(' ').next()?.parse::<u64>().ok()).flatten()
    });
    Duration::from_nanos(ticks.sum())
}
