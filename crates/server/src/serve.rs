//! A server's life: open, listen, wait for a signal, end cleanly.

use crate::app::{self, App};
use crate::config::Config;
use crate::control::Control;
use crate::lanes::Lanes;
use crate::{demo, files, listen, scripts};
use anyhow::Context;
use std::io;
use std::net::SocketAddr;
use tidewire_auth::Passwords;
use tidewire_hooks::Event;
use tidewire_scripts::Scripts;
use tidewire_store::Store;
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Connections that may wait to be accepted; the system caps it (`net.core.somaxconn`). Clients whose first packet finds
/// no room come back after a second, which is what a storm would then take.
const BACKLOG: u32 = 65_535;

/// A server that listens.
pub struct Running {
    pub address: SocketAddr,
    app: App,
    config: Config,
    stop: watch::Sender<bool>,
    listening: JoinHandle<()>,
    lanes: Lanes,
    /// control socket and demo; they end with the server
    beside: Vec<JoinHandle<()>>,
    scripts: Scripts,
    /// hooks that are told of the start
    started: JoinHandle<()>,
}

/// Serves until a signal comes.
pub async fn run(mut config: Config) -> anyhow::Result<()> {
    config.connections.total = config.connections.total.min(files::raise_limit());
    let mut signals = Signals::new()?;
    let server = Running::start(config).await?;
    println!("Tidewire listens on http://{}", server.address);
    signals.next().await;
    tracing::info!("stopping");
    tokio::select! {
        () = server.stop() => {}
        () = signals.next() => std::process::exit(130),
    }
    Ok(())
}

impl Running {
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let opening = config.clone();
        let app = tokio::task::spawn_blocking(move || App::open(&opening)).await??;
        let scripts = scripts::start(&app, &config).await?;
        let followers = app.followers.clone();
        tokio::task::spawn_blocking(move || followers.rooted()).await?;
        let control = Control::bind(&config.dir).context("cannot open the control socket")?;
        let lanes = Lanes::start(app::stream_paths()).context("cannot start a runtime")?;
        let (lane, arrivals) = (lanes.lane(), lanes.lane().arrivals().clone());
        let listener =
            bind(config.http, &arrivals).with_context(|| format!("cannot listen on {}", config.http))?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let listening = arrivals.spawn(listen::listen(
            listener,
            app.router.clone(),
            config.connections,
            app.gatekeeper.clone(),
            lane,
            stopped,
        ));
        let store = app.store.clone();
        let mut beside = vec![tokio::spawn(async move { control.serve(&store).await })];
        if config.demo {
            let collection = demo::prepare(&app.store).await.context("cannot make the demo collection")?;
            beside.push(tokio::spawn(demo::run(app.store.clone(), collection)));
        }
        let started = scripts::tell(&app, Event::Start, address);
        Ok(Self { address, app, config, stop, listening, lanes, beside, scripts, started })
    }

    /// What the server reads and writes.
    pub fn store(&self) -> &Store {
        &self.app.store
    }

    pub fn passwords(&self) -> &Passwords {
        &self.app.passwords
    }

    /// Until the process is told to end.
    pub async fn until_signal(&self) -> anyhow::Result<()> {
        Signals::new()?.next().await;
        Ok(())
    }

    /// Tells hooks, takes no more connections, ends streams with their last chunk, lets requests finish.
    pub async fn stop(self) {
        let told = async {
            let _ = self.started.await;
            let _ = scripts::tell(&self.app, Event::Stop, self.address).await;
        };
        if tokio::time::timeout(self.config.grace, told).await.is_err() {
            tracing::warn!("some hooks did not end in time");
        }
        for task in &self.beside {
            task.abort();
        }
        let _ = self.stop.send(true);
        self.app.feed.stop();
        if tokio::time::timeout(self.config.grace, self.listening).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
        if tokio::time::timeout(self.config.grace, self.app.events.settled()).await.is_err() {
            tracing::warn!("some events were not told in time");
        }
        // requests are done: nothing more is written but by those who follow
        let followers = self.app.followers.clone();
        let stopping = tokio::task::spawn_blocking(move || followers.stop());
        if tokio::time::timeout(self.config.grace, stopping).await.is_err() {
            tracing::warn!(
                "some after-hooks did not end in time: they are called again after the next start"
            );
        }
        self.app.webhooks.close().await;
        drop((self.lanes, self.scripts));
        self.app.close();
    }
}

/// As `TcpListener::bind`, with a longer queue, and for another runtime.
fn bind(address: SocketAddr, runtime: &Handle) -> io::Result<TcpListener> {
    let _here = runtime.enter();
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// SIGINT and SIGTERM.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
