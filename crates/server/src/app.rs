//! Joins store, feed and dialects.

use crate::admit::Gatekeeper;
use crate::config::{Config, Realtime};
use crate::log::StoreLog;
use crate::metrics::{self, Metrics};
use crate::page;
use anyhow::Context;
use axum::Router;
use parking_lot::Mutex;
use std::sync::Arc;
use tidewire_auth::{Attempts, Bounds, Passwords};
use tidewire_cocobase::realtime::ServerVoice;
use tidewire_connection::events::Events;
use tidewire_feed::Feed;
use tidewire_outbound::{Client, Policy};
use tidewire_pocketbase::realtime;
use tidewire_records::bootstrap;
use tidewire_records::hooks::Followers;
use tidewire_records::key::Keys;
use tidewire_store::Store;
use tidewire_webhooks::Webhooks;

/// The setting that holds the key of cursors: with it they outlive a restart.
const CURSOR_KEY: &str = "tidewire.cursorKey";
/// Passwords that are hashed at once, and that may wait.
const HASHING: (usize, usize) = (2, 64);

/// A server without its sockets.
pub struct App {
    pub store: Store,
    pub feed: Feed,
    pub router: Router,
    /// counts the sockets
    pub gatekeeper: Arc<Gatekeeper>,
    /// tells user code what happens on connections
    pub events: Events,
    /// user code that follows the log
    pub followers: Followers,
    pub passwords: Passwords,
    pub webhooks: Webhooks,
    announced: Arc<Announced>,
}

/// Where the store's writer finds those who are told of commits. Emptied in the end: they and the store hold each other.
type Announced = Mutex<Option<(Feed, Followers)>>;

impl App {
    /// Opens the folder, which nobody else may have open.
    pub fn open(config: &Config) -> anyhow::Result<Self> {
        let announced: Arc<Announced> = Arc::default();
        let announcing = announced.clone();
        let announce = move |committed: tidewire_store::Committed| {
            if let Some((feed, followers)) = &*announcing.lock() {
                feed.announce(committed.changes, committed.messages, committed.catalog);
                followers.ring();
            }
        };
        let hooks = config.hooks.clone();
        let store_options =
            tidewire_store::Options { durability: config.durability, hooks, ..Default::default() };
        let store = Store::open(&config.dir, store_options, Box::new(announce))
            .with_context(|| format!("cannot open the data folder {}", config.dir.display()))?;
        bootstrap::bootstrap(&store)?;
        let log = Arc::new(StoreLog(store.clone()));
        let feed = Feed::start(log.clone(), log, store.catalog(), feed_options(&store, config)?);
        let gatekeeper = Gatekeeper::new(config.connections);
        let passwords = Passwords::new(HASHING.0, HASHING.1);
        let followers = Followers::start(store.clone(), passwords.clone(), config.retry)?;
        *announced.lock() = Some((feed.clone(), followers.clone()));
        let policy = Policy { private: config.private_addresses, ..Policy::default() };
        let client = Client::trusting(&config.roots, policy);
        let runtime = tokio::runtime::Handle::try_current().context("hooks over HTTP need a runtime")?;
        let webhooks = Webhooks::open(store.clone(), client, followers.clone(), runtime)?;
        let events = Events::new(store.clone(), passwords.clone());
        store.hooks().set_voice(Arc::new(voice(config, &feed)));
        let router = router(config, &store, &feed, &passwords, &events).merge(metrics::routes(Metrics {
            store: store.clone(),
            feed: feed.clone(),
            gatekeeper: gatekeeper.clone(),
            passwords: passwords.clone(),
            followers: followers.clone(),
            events: events.clone(),
        }));
        let router = router.merge(tidewire_webhooks::routes(webhooks.clone()));
        Ok(Self { store, feed, router, gatekeeper, events, followers, passwords, webhooks, announced })
    }

    /// Lets go of the store; it closes when the last request has.
    pub fn close(self) {
        self.announced.lock().take();
        // it speaks through the feed, which reads the store, which holds the hooks
        self.store.hooks().drop_voice();
    }
}

/// Paths of all dialects' streams and WebSockets.
pub fn stream_paths() -> impl Iterator<Item = &'static str> {
    [tidewire_pocketbase::STREAMS, tidewire_snackbase::STREAMS, tidewire_cocobase::STREAMS]
        .into_iter()
        .flatten()
        .copied()
}

/// What the server itself says to members of rooms.
fn voice(config: &Config, feed: &Feed) -> ServerVoice {
    let options = &config.cocobase;
    ServerVoice { feed: feed.clone(), own_rooms: options.room_scope_project, bytes: options.message_bytes }
}

fn router(config: &Config, store: &Store, feed: &Feed, passwords: &Passwords, events: &Events) -> Router {
    let (store, feed, passwords, events) = (store.clone(), feed.clone(), passwords.clone(), events.clone());
    let attempts = Arc::new(Attempts::new(config.rate_limit.then(Bounds::default)));
    let origins: Arc<[String]> = config.origins.as_slice().into();
    let keys = Arc::new(Keys::new(store.clone()));
    let pocketbase = tidewire_pocketbase::App {
        store: store.clone(),
        feed: feed.clone(),
        passwords: passwords.clone(),
        events: events.clone(),
        attempts: attempts.clone(),
        oauth2: Arc::new(tidewire_pocketbase::OAuth2::trusting(&config.roots)),
        realtime: Arc::new(realtime::Realtime::new(realtime_options(config))),
        keys: keys.clone(),
        origins: origins.clone(),
    };
    let snackbase = tidewire_snackbase::App {
        store: store.clone(),
        feed: feed.clone(),
        passwords: passwords.clone(),
        events: events.clone(),
        attempts: attempts.clone(),
        realtime: Arc::new(tidewire_snackbase::realtime::Realtime::new(snackbase_options(config))),
        lifetimes: config.snackbase.lifetimes,
        origins: origins.clone(),
    };
    let realtime = Arc::new(tidewire_cocobase::realtime::Realtime::new(cocobase_options(config)));
    let cocobase =
        tidewire_cocobase::App { store, feed, passwords, events, keys, attempts, origins, realtime };
    tidewire_pocketbase::routes(pocketbase)
        .merge(tidewire_snackbase::routes(snackbase))
        .merge(tidewire_cocobase::routes(cocobase))
        .merge(page::routes(config.demo))
}

fn realtime_options(config: &Config) -> realtime::Options {
    let (realtime, ping) = (&config.realtime, config.websocket.ping);
    realtime::Options {
        heartbeat: realtime.heartbeat,
        heartbeat_bosbase: realtime.heartbeat_bosbase,
        idle: realtime.idle,
        check_address: realtime.check_ip,
        snapshot_records: realtime.snapshot.0,
        snapshot_bytes: realtime.snapshot.1,
        pubsub: realtime::pubsub::Options { ping, ..Default::default() },
        ..realtime::Options::default()
    }
}

fn snackbase_options(config: &Config) -> tidewire_snackbase::realtime::Options {
    let snackbase = &config.snackbase;
    tidewire_snackbase::realtime::Options {
        heartbeat: snackbase.heartbeat,
        comment: snackbase.comment,
        expire: snackbase.expire,
        leave: snackbase.leave,
        ping: config.websocket.ping,
        message: config.websocket.message,
        snapshot_records: config.realtime.snapshot.0,
        snapshot_bytes: config.realtime.snapshot.1,
        rate_limit: config.rate_limit,
    }
}

fn cocobase_options(config: &Config) -> tidewire_cocobase::realtime::Options {
    let options = config.cocobase.clone();
    let refusals = options.refusals.filter(|_| config.rate_limit);
    let (snapshot_records, snapshot_bytes) = config.realtime.snapshot;
    let ping = config.websocket.ping;
    tidewire_cocobase::realtime::Options { ping, refusals, snapshot_records, snapshot_bytes, ..options }
}

fn feed_options(store: &Store, config: &Config) -> anyhow::Result<tidewire_feed::Options> {
    let defaults = tidewire_feed::Options::new(cursor_key(store)?);
    let Realtime { outbox, shards, much, .. } = config.realtime;
    Ok(tidewire_feed::Options { outbox_bytes: outbox, rooms: config.rooms, shards, much, ..defaults })
}

/// Read from the settings, or made and kept there.
fn cursor_key(store: &Store) -> anyhow::Result<[u8; 32]> {
    let stored = store.read_here(|snapshot| snapshot.setting(CURSOR_KEY))?;
    if let Some(text) = stored {
        let bytes: Vec<u8> = serde_json::from_str(&text)?;
        return bytes.try_into().ok().with_context(|| format!("the setting {CURSOR_KEY} is no key"));
    }
    let key: [u8; 32] = rand::random();
    let text = serde_json::to_string(&key)?;
    store.write_blocking(move |tx| tx.set_setting(CURSOR_KEY, &text))?;
    Ok(key)
}
