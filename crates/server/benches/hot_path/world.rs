//! A feed without a store, and changes for it.

use bytes::Bytes;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tidewire_feed::{
    Answered, Asked, ClassSpec, Connection, Encoder, Event, Feed, Interest, Log, Lookup, OnRevoked, Options,
    Start, Subscription, Topic,
};
use tidewire_model::{
    Action, Catalog, Change, Collection, Epoch, Field, Position, Principal, Record, Seq, TenantId, Timestamp,
    Value,
};
use tidewire_rules::{Audience, Expr, Facts, Limits, Residual, Rule};
use tokio::runtime::Runtime;

/// Changes of one turn. They come in one commit, so that it is not up to the threads' luck how often the hub is woken.
pub const TURN: u64 = 64;
const FRAME: [u8; 400] = [b'x'; 400];

pub struct World {
    pub runtime: Runtime,
    pub feed: Feed,
    posts: Arc<Collection>,
    seq: Seq,
}

impl World {
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let posts = posts();
        let catalog = Arc::new(Catalog::new(1, vec![posts.clone()]));
        let log = Arc::new(Nothing);
        let feed = Feed::start(log.clone(), log, catalog, Options::new([0; 32]));
        Self { runtime, feed, posts, seq: 0 }
    }

    /// A connection with a subscription for each filter.
    pub fn connect(&self, filters: impl Iterator<Item = String>) -> Connection {
        let connection = self.feed.connect(OnRevoked::Close);
        let subscription = |(at, filter): (usize, String)| Subscription {
            name: at.to_string().into(),
            interest: Arc::new(Filtered { filter }),
            start: Start::Now,
        };
        let subscriptions = filters.enumerate().map(subscription).collect();
        self.runtime.block_on(connection.set(Principal::Guest, subscriptions));
        connection
    }

    /// A commit of records of this owner, taken by the hub when it returns.
    pub fn turn(&mut self, owner: &str) {
        let changes: Vec<_> = (0..TURN).map(|_| self.change(owner)).collect();
        self.feed.announce(changes.into(), Arc::default(), None);
        self.runtime.block_on(self.feed.settled());
    }

    fn change(&mut self, owner: &str) -> Arc<Change> {
        self.seq += 1;
        let mut record = Record::empty(self.posts.clone(), TenantId::default());
        record.set("id", Value::text("r12345678901234"));
        record.set("owner", Value::text(owner));
        record.set("title", Value::text("a title of some length"));
        Arc::new(Change {
            position: Position { epoch: 1, seq: self.seq, offset: self.seq },
            action: Action::Create,
            collection: self.posts.clone(),
            tenant: TenantId::default(),
            old: None,
            new: Some(Arc::new(record)),
            actor: "".into(),
            at: Timestamp(0),
            transaction: self.seq,
        })
    }
}

/// Takes what waits for a connection; returns how many frames.
pub fn drain(connection: &Connection, out: &mut Vec<Bytes>) -> usize {
    let mut context = Context::from_waker(Waker::noop());
    let mut count = 0;
    while let Poll::Ready(Some(())) = connection.poll_frames(&mut context, 1 << 20, out) {
        count += out.len();
        out.clear();
    }
    count
}

fn posts() -> Arc<Collection> {
    let field = |name: &str| Field { id: name.into(), name: name.into(), ..Field::default() };
    let mut posts = Collection::default();
    posts.id = "posts".into();
    posts.name = "posts".into();
    posts.fields = ["id", "owner", "title"].map(field).into();
    posts.index_fields();
    Arc::new(posts)
}

struct Filtered {
    filter: String,
}

impl Filtered {
    fn gate(&self, catalog: &Arc<Catalog>, tenant: &TenantId) -> Option<Residual> {
        if self.filter.is_empty() {
            return Some(Residual::always());
        }
        let expr = Expr::parse(&self.filter, Limits::default()).ok()?;
        let rule = Rule::resolve(&expr, catalog, tenant, catalog.by_id("posts")?, Audience::Rule).ok()?;
        Some(rule.bind(&Facts::default()))
    }
}

impl Interest for Filtered {
    fn classes(&self, catalog: &Arc<Catalog>, _: &Principal) -> Vec<ClassSpec> {
        let tenant = TenantId::default();
        let gate = self.gate(catalog, &tenant).expect("a filter that can be read");
        let topic = Topic::Collection { tenant, collection: "posts".into() };
        let projection = String::new();
        vec![ClassSpec { topic, gate, leave: false, projection, encoder: Arc::new(Ready) }]
    }
}

/// Bytes of the usual length, so that only the feed is measured.
struct Ready;

impl Encoder for Ready {
    fn encode(&self, _: &Event<'_>, frame: &mut Vec<u8>) -> bool {
        frame.extend_from_slice(&FRAME);
        true
    }
}

/// A log in which nothing stands.
struct Nothing;

impl Log for Nothing {
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

impl Lookup for Nothing {
    fn ask(&self, asked: &[Asked<'_>]) -> Answered {
        Answered::nothing(asked.len())
    }
}
