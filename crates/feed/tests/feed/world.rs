//! A small world around a feed: a log, a lookup that can be held up, encoders whose frames are readable.

use bytes::Bytes;
use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tidewire_feed::*;
use tidewire_model::field::{FieldKind, NumberOptions, RelationOptions};
use tidewire_model::*;
use tidewire_rules::{Audience, Expr, Facts, Limits, Residual, Rule};

pub const EPOCH: Epoch = 7;
pub const POSTS: &str = "posts";
pub const USERS: &str = "users";

/// Fails a test that would hang.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Default)]
pub struct FakeLog {
    changes: Mutex<Vec<Arc<Change>>>,
    floor: AtomicU64,
}

impl Log for FakeLog {
    fn epoch(&self) -> Epoch {
        EPOCH
    }
    fn head(&self) -> Seq {
        self.changes.lock().unwrap().len() as Seq
    }
    fn floor(&self) -> Seq {
        self.floor.load(SeqCst)
    }
    fn read(&self, after: Seq, limit: usize) -> Vec<Arc<Change>> {
        let from = after.max(self.floor()) as usize;
        self.changes.lock().unwrap().iter().skip(from).take(limit).cloned().collect()
    }
}

impl FakeLog {
    pub fn forget_up_to(&self, seq: Seq) {
        self.floor.store(seq, SeqCst);
    }
    pub fn all(&self) -> Vec<Arc<Change>> {
        self.changes.lock().unwrap().clone()
    }
}

/// Something that a thread can be made to wait for.
#[derive(Default)]
pub struct Barrier {
    /// how many may still pass; `None` while it is open
    shut: Mutex<Option<usize>>,
    opened: Condvar,
    waiting: AtomicU64,
}

impl Barrier {
    pub fn shut(&self) {
        self.let_pass(0);
    }
    pub fn let_pass(&self, count: usize) {
        *self.shut.lock().unwrap() = Some(count);
        self.opened.notify_all();
    }
    pub fn open(&self) {
        *self.shut.lock().unwrap() = None;
        self.opened.notify_all();
    }
    /// Returns when somebody waits for it.
    pub async fn reached(&self) {
        while self.waiting.load(SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    }
    fn pass(&self) {
        let mut shut = self.shut.lock().unwrap();
        self.waiting.fetch_add(1, SeqCst);
        while *shut == Some(0) {
            shut = self.opened.wait(shut).unwrap();
        }
        self.waiting.fetch_sub(1, SeqCst);
        *shut = shut.map(|left| left - 1);
    }
}

/// A rule through `author` holds if the author is "good", or is a user whose role is "good" now.
pub struct FakeLookup {
    log: Arc<FakeLog>,
    pub barrier: Barrier,
    /// questions of each call, as "seq image"
    pub calls: Mutex<Vec<Vec<String>>>,
    /// calls that fail
    pub failing: AtomicU64,
}

impl Lookup for FakeLookup {
    fn ask(&self, asked: &[Asked<'_>]) -> Answered {
        self.barrier.pass();
        let text =
            |asked: &Asked<'_>| format!("{} {}", asked.change.position.seq, asked.image.text("author"));
        self.calls.lock().unwrap().push(asked.iter().map(text).collect());
        if self.failing.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok() {
            return Answered::nothing(asked.len());
        }
        let changes = self.log.all();
        let holds = asked.iter().map(|asked| Some(is_good(&changes, asked.image.text("author")))).collect();
        Answered { head: changes.len() as Seq, holds }
    }
}

fn is_good(changes: &[Arc<Change>], author: &str) -> bool {
    let of = |change: &&Arc<Change>| &*change.collection.id == USERS && change.record().id() == author;
    let user = changes.iter().rev().find(of).and_then(|change| change.new.as_ref());
    assert_ne!(author, "panic", "as asked");
    author == "good" || user.is_some_and(|user| user.text("role") == "good")
}

pub fn users(secret: &str) -> Collection {
    let mut users = collection(
        USERS,
        &[
            ("id", FieldKind::default()),
            ("role", FieldKind::default()),
            ("tokenKey", FieldKind::default()),
            ("accountDisabled", FieldKind::Bool {}),
        ],
    );
    users.kind = CollectionKind::Auth;
    let mut auth = AuthOptions::default();
    auth.auth_token.secret = secret.into();
    users.auth = Some(auth);
    users
}

pub fn posts() -> Collection {
    let author = RelationOptions { collection_id: USERS.into(), max_select: 1, ..RelationOptions::default() };
    collection(
        POSTS,
        &[
            ("id", FieldKind::default()),
            ("owner", FieldKind::default()),
            ("n", FieldKind::Number(NumberOptions::default())),
            ("author", FieldKind::Relation(author)),
        ],
    )
}

fn collection(name: &str, fields: &[(&str, FieldKind)]) -> Collection {
    let mut collection = Collection::default();
    collection.id = name.into();
    collection.name = name.into();
    collection.fields = fields
        .iter()
        .map(|(name, kind)| Field {
            id: (*name).into(),
            name: (*name).into(),
            kind: kind.clone(),
            ..Field::default()
        })
        .collect();
    collection.index_fields();
    collection
}

pub fn catalog(revision: u64, list: Vec<Collection>) -> Arc<Catalog> {
    Arc::new(Catalog::new(revision, list.into_iter().map(Arc::new).collect()))
}

/// One write: collection, record id, and what becomes of it.
#[derive(Clone, Debug)]
pub struct Write {
    pub collection: &'static str,
    pub id: String,
    pub to: To,
}

#[derive(Clone, Debug)]
pub enum To {
    /// creates the record, or changes these fields
    Be(Vec<(&'static str, String)>),
    Go,
}

/// A post: "r1 owner=a n=1", or "r1 gone".
pub fn post(text: &str) -> Write {
    write(POSTS, text)
}

pub fn user(text: &str) -> Write {
    write(USERS, text)
}

fn write(collection: &'static str, text: &str) -> Write {
    let mut words = text.split(' ');
    let id = words.next().unwrap().to_owned();
    let mut fields = Vec::new();
    for word in words {
        if word == "gone" {
            return Write { collection, id, to: To::Go };
        }
        let (name, value) = word.split_once('=').unwrap();
        let known = ["owner", "n", "author", "role", "tokenKey", "accountDisabled"];
        let name = known.into_iter().find(|known| *known == name);
        fields.push((name.unwrap(), value.to_owned()));
    }
    Write { collection, id, to: To::Be(fields) }
}

pub struct World {
    pub log: Arc<FakeLog>,
    pub lookup: Arc<FakeLookup>,
    pub feed: Feed,
    pub tenant: TenantId,
    catalog: Mutex<Arc<Catalog>>,
    rows: Mutex<HashMap<(&'static str, String), Arc<Record>>>,
    plug: Arc<Barrier>,
    announced: AtomicU64,
}

/// Several shards, pushed to at once whatever the number; `FEED_SHARDS=1 cargo test -p tidewire-feed` for another number.
pub fn options() -> Options {
    let shards = option_env!("FEED_SHARDS").map_or(3, |shards| shards.parse().unwrap());
    Options { shards, much: 1, ..Options::new([1; 32]) }
}

impl World {
    pub fn new(options: Options) -> Self {
        let log = Arc::<FakeLog>::default();
        let lookup = Arc::new(FakeLookup {
            log: log.clone(),
            barrier: Barrier::default(),
            calls: Mutex::default(),
            failing: AtomicU64::new(0),
        });
        let catalog = catalog(1, vec![posts(), users("s1")]);
        let feed = Feed::start(log.clone(), lookup.clone(), catalog.clone(), options);
        Self {
            log,
            lookup,
            feed,
            tenant: TenantId::default(),
            catalog: Mutex::new(catalog),
            rows: Mutex::default(),
            plug: Arc::default(),
            announced: AtomicU64::new(0),
        }
    }

    pub fn catalog(&self) -> Arc<Catalog> {
        self.catalog.lock().unwrap().clone()
    }

    pub fn row(&self, collection: &'static str, id: &str) -> Arc<Record> {
        self.rows.lock().unwrap()[&(collection, id.to_owned())].clone()
    }

    pub fn exists(&self, collection: &'static str, id: &str) -> bool {
        self.rows.lock().unwrap().contains_key(&(collection, id.to_owned()))
    }

    /// The last change that the feed was told of.
    pub fn announced(&self) -> Seq {
        self.announced.load(SeqCst)
    }

    /// The same once the commit that is under way has ended: the hub may know of it before it counts as announced.
    pub fn settled(&self) -> Seq {
        let _writing = self.rows.lock().unwrap();
        self.announced()
    }

    /// One commit; announced.
    pub fn commit(&self, writes: &[Write]) -> Vec<Arc<Change>> {
        self.commit_with(writes, None)
    }

    /// One commit with a message between its writes, which says after which change it stands.
    pub fn commit_around(&self, before: &[Write], topic: &str, after: &[Write]) {
        let place = self.announced() + before.len() as Seq;
        let message = self.message(topic, &place.to_string(), place);
        let writes: Vec<Write> = before.iter().chain(after).cloned().collect();
        self.commit_all(&writes, vec![message], None);
    }

    pub fn commit_with(&self, writes: &[Write], definitions: Option<Arc<Catalog>>) -> Vec<Arc<Change>> {
        self.commit_all(writes, Vec::new(), definitions)
    }

    fn commit_all(
        &self,
        writes: &[Write],
        messages: Vec<Arc<Message>>,
        definitions: Option<Arc<Catalog>>,
    ) -> Vec<Arc<Change>> {
        let mut rows = self.rows.lock().unwrap();
        if let Some(catalog) = &definitions {
            *self.catalog.lock().unwrap() = catalog.clone();
        }
        let mut changes = self.log.changes.lock().unwrap();
        let first = changes.len();
        for write in writes {
            let change = self.change(write, changes.len() as Seq + 1, &mut rows);
            changes.push(Arc::new(change));
        }
        let committed: Vec<Arc<Change>> = changes[first..].to_vec();
        drop(changes);
        // still under `rows`: announcements come in commit order
        self.feed.announce(committed.clone().into(), messages.into(), definitions);
        self.announced.store(self.log.head(), SeqCst);
        committed
    }

    fn change(
        &self,
        write: &Write,
        seq: Seq,
        rows: &mut HashMap<(&'static str, String), Arc<Record>>,
    ) -> Change {
        let collection = self.catalog().by_id(write.collection).unwrap().clone();
        let key = (write.collection, write.id.clone());
        let old = rows.remove(&key);
        let new = match &write.to {
            To::Go => None,
            To::Be(fields) => Some(Arc::new(self.record(&collection, old.as_deref(), &write.id, fields))),
        };
        if let Some(new) = &new {
            rows.insert(key, new.clone());
        }
        let action = match (&old, &new) {
            (None, _) => Action::Create,
            (_, None) => Action::Delete,
            _ => Action::Update,
        };
        let position = Position { epoch: EPOCH, seq, offset: seq };
        let (tenant, at) = (self.tenant.clone(), Timestamp(0));
        Change { position, action, collection, tenant, old, new, actor: "".into(), at, transaction: seq }
    }

    fn record(
        &self,
        collection: &Arc<Collection>,
        old: Option<&Record>,
        id: &str,
        fields: &[(&'static str, String)],
    ) -> Record {
        let empty = || Record::empty(collection.clone(), self.tenant.clone());
        let mut record = old.cloned().unwrap_or_else(empty);
        record.set("id", Value::text(id));
        for (name, value) in fields {
            if *name == "accountDisabled" {
                record.set(name, Value::Bool(value == "true"));
                continue;
            }
            let number = value.parse().ok().filter(|_| *name == "n");
            record.set(name, number.map_or_else(|| Value::text(value), Value::Number));
        }
        record
    }

    /// A principal with the user's row as it is now.
    pub fn signed_in(&self, id: &str) -> Principal {
        self.signed_in_until(id, None)
    }

    pub fn signed_in_until(&self, id: &str, expires_at: Option<Timestamp>) -> Principal {
        let record = self.row(USERS, id);
        let identity = Identity { record, superuser: false, tenant: self.tenant.clone(), expires_at };
        Principal::Known(Arc::new(identity))
    }

    pub fn connect(&self) -> Client {
        self.connect_with(OnRevoked::BecomeGuest)
    }

    pub fn connect_with(&self, on_revoked: OnRevoked) -> Client {
        Client { connection: self.feed.connect(on_revoked), rest: Mutex::default() }
    }

    /// Returns when the hub has taken it.
    pub async fn publish(&self, name: &str, data: &str) {
        self.say(name, data);
        self.feed.settled().await;
    }

    /// A transaction of one message.
    pub fn say(&self, name: &str, data: &str) {
        let _writing = self.rows.lock().unwrap();
        let message = self.message(name, data, self.log.head());
        self.feed.announce(Arc::default(), [message].into(), None);
    }

    /// A transaction of one message that is kept.
    pub fn keep(&self, topic: &str, data: &str) {
        let _writing = self.rows.lock().unwrap();
        let change = Arc::new(self.kept(topic, data, self.log.head() + 1));
        self.log.changes.lock().unwrap().push(change.clone());
        self.feed.announce([change].into(), Arc::default(), None);
        self.announced.store(self.log.head(), SeqCst);
    }

    /// The log keeps the place of a message only.
    pub fn forget(&self, seq: Seq) {
        let mut changes = self.log.changes.lock().unwrap();
        let change = &mut changes[seq as usize - 1];
        let topic = change.message().unwrap().topic.to_owned();
        *change = Arc::new(self.kept(&topic, "", seq));
    }

    fn kept(&self, topic: &str, data: &str, seq: Seq) -> Change {
        let values = ["id", topic, data].map(Value::text).into();
        let collection = message::messages().clone();
        let (tenant, at) = (self.tenant.clone(), Timestamp(0));
        let record = Record { collection: collection.clone(), tenant: tenant.clone(), values };
        Change {
            position: Position { epoch: EPOCH, seq, offset: seq },
            action: Action::Create,
            collection,
            tenant,
            old: None,
            new: Some(Arc::new(record)),
            actor: "".into(),
            at,
            transaction: seq,
        }
    }

    pub fn message(&self, name: &str, data: &str, after: Seq) -> Arc<Message> {
        Arc::new(Message {
            id: format!("{name}.{data}").into(),
            tenant: self.tenant.clone(),
            topic: name.into(),
            data: Bytes::copy_from_slice(data.as_bytes()),
            at: Timestamp(0),
            after,
            room: None,
        })
    }

    /// Returns when the hub has taken everything that was announced.
    pub async fn sync(&self) {
        self.feed.settled().await;
    }

    /// Holds the hub's thread up, from when it returns until the returned barrier is opened.
    pub async fn plug(&self) -> (Client, Arc<Barrier>) {
        let client = self.connect();
        let plugged = Listen { slow: Slow::Plug(self.plug.clone()), ..Listen::message("plug") };
        client.connection.set(Principal::Guest, vec![plugged.now()]).await;
        self.plug.shut();
        self.say("plug", "");
        self.plug.reached().await;
        (client, self.plug.clone())
    }
}

/// How an encoder behaves.
#[derive(Clone, Default)]
pub enum Slow {
    #[default]
    No,
    /// it says that it needs the store
    Store,
    /// it waits
    Plug(Arc<Barrier>),
    Panic,
}

/// A subscription of the tests; its name stands in each frame.
#[derive(Clone)]
pub struct Listen {
    pub name: String,
    pub collection: &'static str,
    pub record: Option<&'static str>,
    pub rule: String,
    pub leave: bool,
    pub slow: Slow,
    /// frames are filled up to this length
    pub length: usize,
    pub message: bool,
    pub tenant: TenantId,
    /// frames name the definitions that their encoder was made under
    pub revision: Option<u64>,
    /// frames made of changes
    pub made: Arc<AtomicU64>,
}

impl Listen {
    pub fn to(name: &str, rule: &str) -> Self {
        Self {
            name: name.into(),
            collection: POSTS,
            record: None,
            rule: rule.into(),
            leave: false,
            slow: Slow::No,
            length: 0,
            message: false,
            tenant: TenantId::default(),
            revision: None,
            made: Arc::default(),
        }
    }

    pub fn message(name: &str) -> Self {
        Self { message: true, ..Self::to(name, "") }
    }

    pub fn now(&self) -> Subscription {
        self.starting(Start::Now)
    }

    pub fn after(&self, seq: Seq, preface: &[&str]) -> Subscription {
        let preface = preface.iter().map(|frame| Bytes::copy_from_slice(frame.as_bytes())).collect();
        self.starting(Start::After { seq, preface })
    }

    pub fn starting(&self, start: Start) -> Subscription {
        Subscription { name: self.name.as_str().into(), interest: Arc::new(self.clone()), start }
    }

    fn topic(&self) -> Topic {
        let (tenant, collection) = (self.tenant.clone(), self.collection.into());
        match self.record {
            _ if self.message => Topic::Custom { tenant, name: self.name.as_str().into() },
            Some(record) => Topic::Record { tenant, collection, record: record.into() },
            None => Topic::Collection { tenant, collection },
        }
    }

    pub fn gate(&self, catalog: &Arc<Catalog>, principal: &Principal) -> Option<Residual> {
        if self.message || self.rule.is_empty() {
            return Some(Residual::always());
        }
        let collection = catalog.by_id(self.collection)?;
        let expr = Expr::parse(&self.rule, Limits::default()).unwrap();
        let rule = Rule::resolve(&expr, catalog, &self.tenant, collection, Audience::Rule).unwrap();
        Some(rule.bind(&Facts { principal: principal.clone(), ..Facts::default() }))
    }
}

impl Interest for Listen {
    fn classes(&self, catalog: &Arc<Catalog>, principal: &Principal) -> Vec<ClassSpec> {
        let Some(gate) = self.gate(catalog, principal) else { return Vec::new() };
        let projection = format!("{} {} {}", self.name, self.length, self.needs_store());
        let encoder = Arc::new(Self { revision: self.revision.map(|_| catalog.revision), ..self.clone() });
        vec![ClassSpec { topic: self.topic(), gate, leave: self.leave, projection, encoder }]
    }

    fn reset(&self, reason: ResetReason, _: &str) -> Option<Bytes> {
        (!self.message).then(|| format!("reset {} {reason:?}", self.name).into())
    }
}

impl Encoder for Listen {
    fn encode(&self, event: &Event<'_>, frame: &mut Vec<u8>) -> bool {
        match &self.slow {
            Slow::Plug(barrier) => barrier.pass(),
            Slow::Panic => panic!("as asked"),
            Slow::No | Slow::Store => {}
        }
        let text = match event {
            Event::Change { change, action, .. } => {
                self.made.fetch_add(1, Relaxed);
                line(change, &self.name, *action)
            }
            Event::Message { data, .. } => format!("{} {}", self.name, String::from_utf8_lossy(data)),
            Event::Forgotten { .. } => format!("{} forgotten", self.name),
        };
        frame.extend_from_slice(text.as_bytes());
        if let Some(revision) = self.revision {
            frame.extend_from_slice(format!(" v{revision}").as_bytes());
        }
        frame.resize(frame.len().max(self.length), b' ');
        true
    }

    fn needs_store(&self) -> bool {
        matches!(self.slow, Slow::Store)
    }
}

/// How frames read: "12 all update r1".
pub fn line(change: &Change, name: &str, told: Told) -> String {
    let action = match told {
        Told::Is(action) => action.as_str(),
        Told::Leave => "leave",
    };
    format!("{} {name} {action} {}", change.position.seq, change.record().id())
}

pub struct Client {
    pub connection: Connection,
    /// read already, after an end
    rest: Mutex<Vec<String>>,
}

impl Client {
    /// Also listens to a message that says how far it may read.
    pub async fn set(&self, principal: Principal, mut subscriptions: Vec<Subscription>) {
        subscriptions.push(Listen::message(&self.end()).now());
        self.connection.set(principal, subscriptions).await;
    }

    pub async fn listen(&self, listen: &Listen) {
        self.set(Principal::Guest, vec![listen.now()]).await;
    }

    fn end(&self) -> String {
        format!("end{}", self.connection.id().0)
    }

    /// The next frames; `None` once it is closed and empty.
    pub async fn read(&self) -> Option<Vec<String>> {
        let rest = std::mem::take(&mut *self.rest.lock().unwrap());
        if !rest.is_empty() {
            return Some(rest);
        }
        let mut out = Vec::new();
        let read = poll_fn(|cx| self.connection.poll_frames(cx, 4096, &mut out));
        tokio::time::timeout(PATIENCE, read).await.expect("no frame came")?;
        Some(out.iter().map(|frame| String::from_utf8_lossy(frame).trim_end().to_owned()).collect())
    }

    pub async fn read_lines(&self, count: usize) -> Vec<String> {
        let mut lines = Vec::new();
        while lines.len() < count {
            lines.extend(self.read().await.expect("closed"));
        }
        lines
    }

    /// Everything up to now.
    pub async fn read_to_end(&self, world: &World) -> Vec<String> {
        let end = self.end();
        world.publish(&end, "").await;
        let mut lines = Vec::new();
        loop {
            lines.extend(self.read().await.expect("closed"));
            if let Some(at) = lines.iter().position(|line| *line == end) {
                *self.rest.lock().unwrap() = lines.split_off(at + 1);
                lines.pop();
                return lines;
            }
        }
    }

    pub async fn read_until_closed(&self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(more) = self.read().await {
            lines.extend(more);
        }
        lines
    }
}
