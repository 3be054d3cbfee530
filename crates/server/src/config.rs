//! The only place that reads the environment.

mod rooms;
mod scripts;
mod shards;

use crate::cli::ServeArgs;
use anyhow::{Context, bail};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;
use tidewire_hooks::Hooks;
use tidewire_outbound::Roots;
use tidewire_records::hooks::Retry;
use tidewire_store::Durability;

/// What a server is run with: flags and environment, checked.
#[derive(Clone, Debug)]
pub struct Config {
    pub http: SocketAddr,
    pub dir: PathBuf,
    pub origins: Vec<String>,
    pub demo: bool,
    pub connections: ConnectionLimits,
    pub realtime: Realtime,
    /// when writes wait for the disk; default each commit
    pub durability: Durability,
    /// CocoBase's sockets
    pub cocobase: tidewire_cocobase::realtime::Options,
    pub rooms: tidewire_feed::RoomLimits,
    pub websocket: WebSocket,
    pub snackbase: SnackBase,
    /// limit failed sign-ins and refused WebSockets; default on
    pub rate_limit: bool,
    /// user code around the feed
    pub hooks: Hooks,
    /// the part of it that is written in JavaScript
    pub scripts: tidewire_scripts::Options,
    /// hooks over HTTP, and scripts that fetch, may reach private addresses; default off
    pub private_addresses: bool,
    /// who vouches for providers, receivers of hooks and servers that scripts fetch from; default whoever browsers trust
    pub roots: Roots,
    /// how often after-hooks that fail are called again
    pub retry: Retry,
    /// how long streams and requests may take to end after a signal; default 10 s
    pub grace: Duration,
}

#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// open sockets in all; default 100 000, never more than the file limit allows
    pub total: usize,
    /// open sockets of one address; default 20 000
    pub per_address: usize,
    /// how long a client may take to send a request's head, also the next one on a kept connection; default 60 s
    pub header_timeout: Duration,
    /// bytes of hyper's buffers per connection; default 16 KiB, which bounds a request's head
    pub buffer: usize,
    /// unsent bytes that the kernel takes for one socket; default 128 KiB
    pub unsent: u32,
}

#[derive(Clone, Copy, Debug)]
pub struct Realtime {
    /// a quiet stream gets a comment after it; default 15 s
    pub heartbeat: Duration,
    /// the same for the BosBase SDK, whose `unsubscribe` waits for it; default 5 s
    pub heartbeat_bosbase: Duration,
    /// a stream without messages ends after it; default 300 s
    pub idle: Duration,
    /// refuse subscriptions from another address than the stream's; default on
    pub check_ip: bool,
    /// bytes that may wait for one connection; default 256 KiB
    pub outbox: usize,
    /// records and bytes of one snapshot; beyond them there is a reset; defaults 10 000 and 8 MiB
    pub snapshot: (usize, usize),
    /// threads that share the feed's work when there is much of it; default one per four cores, at least 1 and at most 8
    pub shards: usize,
    /// decisions or pushes of one change from which on it is much; default 1024
    pub much: usize,
}

#[derive(Clone, Copy, Debug)]
pub struct WebSocket {
    /// between pings, and how long one may go unanswered; default 20 s
    pub ping: Duration,
    /// bytes of one message of a client; default 64 KiB
    pub message: usize,
}

/// What only SnackBase's clients have.
#[derive(Clone, Copy, Debug)]
pub struct SnackBase {
    /// between heartbeats; default 30 s
    pub heartbeat: Duration,
    /// between comments on event streams; default 15 s
    pub comment: Duration,
    /// end connections with their token; default on
    pub expire: bool,
    /// tell records that leave the view rule as deleted; default off
    pub leave: bool,
    /// how long tokens hold; default an hour and a week
    pub lifetimes: tidewire_snackbase::Lifetimes,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            total: 100_000,
            per_address: 20_000,
            header_timeout: Duration::from_secs(60),
            buffer: 16 * 1024,
            unsent: 128 * 1024,
        }
    }
}

impl Default for WebSocket {
    fn default() -> Self {
        Self { ping: Duration::from_secs(20), message: 64 * 1024 }
    }
}

impl Default for SnackBase {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(30),
            comment: Duration::from_secs(15),
            expire: true,
            leave: false,
            lifetimes: tidewire_snackbase::Lifetimes::default(),
        }
    }
}

impl Default for Realtime {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(15),
            heartbeat_bosbase: Duration::from_secs(5),
            idle: Duration::from_secs(300),
            check_ip: true,
            outbox: 256 * 1024,
            snapshot: (10_000, 8 << 20),
            shards: shards::fitting(),
            much: 1024,
        }
    }
}

impl Config {
    /// Defaults with an address and a folder.
    pub fn new(http: SocketAddr, dir: &Path) -> Self {
        Self {
            http,
            dir: dir.to_owned(),
            origins: vec!["*".to_owned()],
            demo: false,
            connections: ConnectionLimits::default(),
            realtime: Realtime::default(),
            durability: Durability::Commit,
            websocket: WebSocket::default(),
            snackbase: SnackBase::default(),
            cocobase: tidewire_cocobase::realtime::Options::default(),
            rooms: tidewire_feed::RoomLimits::default(),
            rate_limit: true,
            hooks: Hooks::default(),
            scripts: tidewire_scripts::Options::new(&dir.join("hooks")),
            private_addresses: false,
            roots: Roots::default(),
            retry: Retry::default(),
            grace: Duration::from_secs(10),
        }
    }

    /// What flags and environment ask for.
    pub fn read(args: &ServeArgs, dir: &Path) -> anyhow::Result<Self> {
        let mut config = Self::new(address(&args.http)?, dir);
        config.origins.clone_from(&args.origins);
        config.demo = args.demo;
        config.rate_limit = switch("TIDEWIRE_RATE_LIMIT", config.rate_limit)?;
        config.grace = seconds("TIDEWIRE_GRACE", config.grace)?;
        config.hooks = hooks()?;
        config.scripts = scripts::options(args, &config)?;
        config.private_addresses = switch("TIDEWIRE_PRIVATE_ADDRESSES", config.private_addresses)?;
        config.roots = roots("TIDEWIRE_CA_FILE")?;
        config.retry.tries = number("TIDEWIRE_HOOK_TRIES", config.retry.tries)?;
        config.retry.pause = seconds("TIDEWIRE_HOOK_PAUSE", config.retry.pause)?;
        config.durability = durability("TIDEWIRE_SYNC", config.durability)?;
        let connections = &mut config.connections;
        connections.total = number("TIDEWIRE_CONNECTIONS", connections.total)?;
        connections.per_address = number("TIDEWIRE_CONNECTIONS_PER_ADDRESS", connections.per_address)?;
        connections.header_timeout = seconds("TIDEWIRE_HEADER_TIMEOUT", connections.header_timeout)?;
        let realtime = &mut config.realtime;
        realtime.heartbeat = seconds("TIDEWIRE_HEARTBEAT", realtime.heartbeat)?;
        realtime.heartbeat_bosbase = seconds("TIDEWIRE_HEARTBEAT_BOSBASE", realtime.heartbeat_bosbase)?;
        realtime.idle = seconds("TIDEWIRE_IDLE", realtime.idle)?;
        realtime.check_ip = switch("TIDEWIRE_CHECK_IP", realtime.check_ip)?;
        realtime.outbox = number("TIDEWIRE_OUTBOX_BYTES", realtime.outbox)?;
        realtime.shards = shards::asked(realtime.shards)?;
        realtime.snapshot.0 = number("TIDEWIRE_SNAPSHOT_RECORDS", realtime.snapshot.0)?;
        realtime.snapshot.1 = number("TIDEWIRE_SNAPSHOT_BYTES", realtime.snapshot.1)?;
        config.websocket.ping = seconds("TIDEWIRE_WS_PING", config.websocket.ping)?;
        config.websocket.message = number("TIDEWIRE_WS_MESSAGE_BYTES", config.websocket.message)?;
        let snackbase = &mut config.snackbase;
        snackbase.heartbeat = seconds("TIDEWIRE_SNACKBASE_HEARTBEAT", snackbase.heartbeat)?;
        snackbase.comment = seconds("TIDEWIRE_SNACKBASE_COMMENT", snackbase.comment)?;
        snackbase.expire = switch("TIDEWIRE_SNACKBASE_EXPIRE", snackbase.expire)?;
        snackbase.leave = switch("TIDEWIRE_SNACKBASE_LEAVE", snackbase.leave)?;
        let lifetimes = &mut snackbase.lifetimes;
        lifetimes.access = number("TIDEWIRE_SNACKBASE_ACCESS", lifetimes.access)?;
        lifetimes.refresh = number("TIDEWIRE_SNACKBASE_REFRESH", lifetimes.refresh)?;
        config.cocobase = rooms::cocobase(&config)?;
        config.rooms = rooms::limits(config.rooms)?;
        Ok(config)
    }
}

/// What the log shows: `TIDEWIRE_LOG` in the syntax of tracing's filter, else "info".
pub fn log_filter() -> String {
    variable("TIDEWIRE_LOG").unwrap_or_else(|| "info".to_owned())
}

fn address(text: &str) -> anyhow::Result<SocketAddr> {
    let mut found = text.to_socket_addrs().with_context(|| format!("cannot listen on {text:?}"))?;
    found.next().with_context(|| format!("{text:?} names no address"))
}

#[allow(clippy::disallowed_methods)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn switch(name: &str, default: bool) -> anyhow::Result<bool> {
    match variable(name).as_deref() {
        None => Ok(default),
        Some("on" | "1" | "true") => Ok(true),
        Some("off" | "0" | "false") => Ok(false),
        Some(other) => bail!("{name} is {other:?}: \"on\" or \"off\" is expected"),
    }
}

fn durability(name: &str, default: Durability) -> anyhow::Result<Durability> {
    match variable(name).as_deref() {
        None => Ok(default),
        Some("commit") => Ok(Durability::Commit),
        Some("checkpoint") => Ok(Durability::Checkpoint),
        Some(other) => bail!("{name} is {other:?}: \"commit\" or \"checkpoint\" is expected"),
    }
}

/// Certificates in a file, besides those that browsers trust.
fn roots(name: &str) -> anyhow::Result<Roots> {
    let Some(path) = variable(name) else { return Ok(Roots::default()) };
    let pem = std::fs::read(&path).with_context(|| format!("{name}: {path}"))?;
    Roots::read(&pem).with_context(|| format!("{name}: {path}"))
}

fn hooks() -> anyhow::Result<Hooks> {
    let defaults = tidewire_hooks::Limits::default();
    Ok(Hooks::with_limits(tidewire_hooks::Limits {
        time: seconds("TIDEWIRE_HOOK_TIME", defaults.time)?,
        at_once: number("TIDEWIRE_HOOKS_AT_ONCE", defaults.at_once)?,
        waiting: number("TIDEWIRE_HOOKS_WAITING", defaults.waiting)?,
    }))
}

fn number<T: FromStr>(name: &str, default: T) -> anyhow::Result<T> {
    let Some(text) = variable(name) else { return Ok(default) };
    text.parse().ok().with_context(|| format!("{name} is {text:?}: a number is expected"))
}

/// Seconds, with a fraction if need be.
fn seconds(name: &str, default: Duration) -> anyhow::Result<Duration> {
    let seconds = number(name, default.as_secs_f64())?;
    Duration::try_from_secs_f64(seconds).with_context(|| format!("{name} is out of range"))
}
