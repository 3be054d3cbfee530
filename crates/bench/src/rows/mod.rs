//! The rows of the tables: what is done to a server, and what is read off it.

mod cocobase;
mod fan_out;
mod hooks;
mod memory;
mod paced;
pub mod raw;
mod recovery;
mod requests;
mod slow;
mod snackbase;
mod snapshot;
mod storm;
mod write_answer;

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use snackbase::Account;

use crate::counter::Tally;
use crate::farm::Harvest;
use crate::keeper::Keeper;
use crate::load::{Load, Pace, Progress, Request, Ticket};
use crate::meter::{Reading, Used};
use crate::outcome::{Faults, Outcome};
use crate::plan::Plan;
use crate::program::{Kind, Program};
use crate::server::Server;
use crate::subscribers::Subscribers;
use crate::topic::Topic;
use crate::world::World;

/// Writers of a fan-out, and how many of their writes may be on their way to subscribers.
const WRITERS: usize = 4;
const WINDOW: u64 = 8;
/// After the load, deliveries are awaited until none has come for this long, or all this has passed.
const QUIET: Duration = Duration::from_secs(4);
const DRAIN: Duration = Duration::from_secs(40);
/// The part of a run whose times are told.
const TIMED: usize = 1;

/// Both servers.
const SERVERS: &[Kind] = &[Kind::PocketBase, Kind::Tidewire];
/// What PocketBase has no counterpart of.
const OURS: &[Kind] = &[Kind::Tidewire];

/// Which server a row runs on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Home {
    /// one that other rows of the round use too
    Shared,
    Fresh,
    /// the row starts what it needs
    Own,
}

type Work = dyn Fn(&Stage) -> Result<Vec<(String, Outcome)>> + Send + Sync;

pub struct Row {
    pub topic: Topic,
    pub name: String,
    pub programs: &'static [Kind],
    pub home: Home,
    /// in the first round only
    pub once: bool,
    pub work: Arc<Work>,
}

impl Row {
    /// A row whose work gives one outcome.
    fn new(
        topic: Topic,
        name: String,
        programs: &'static [Kind],
        home: Home,
        work: impl Fn(&Stage) -> Result<Outcome> + Send + Sync + 'static,
    ) -> Self {
        let told = name.clone();
        let work = Arc::new(move |stage: &Stage| Ok(vec![(told.clone(), work(stage)?)]));
        Row { topic, name, programs, home, once: false, work }
    }
}

/// All rows, in the order of the report.
pub fn all(plan: &Plan) -> Vec<Row> {
    let topics: [fn(&Plan) -> Vec<Row>; 12] = [
        fan_out::rows,
        paced::rows,
        snackbase::rows,
        cocobase::rows,
        storm::rows,
        recovery::rows,
        snapshot::rows,
        slow::rows,
        memory::rows,
        requests::rows,
        write_answer::rows,
        hooks::rows,
    ];
    topics.into_iter().flat_map(|rows| rows(plan)).collect()
}

/// A server with what the rows need on it.
pub struct Host {
    pub server: Server,
    pub world: World,
    account: OnceLock<Account>,
}

impl Host {
    pub fn start(program: &Arc<Program>, keeper: &Keeper) -> Result<Self> {
        Self::on(Server::start(program, keeper)?)
    }

    /// With user code in JavaScript.
    fn with_hook(program: &Arc<Program>, keeper: &Keeper, script: &str) -> Result<Self> {
        let mut server = Server::start(program, keeper)?;
        server.write_hook(script)?;
        server.restart()?;
        Self::on(server)
    }

    fn on(server: Server) -> Result<Self> {
        let world = World::build(&server)?;
        Ok(Host { server, world, account: OnceLock::new() })
    }

    /// SnackBase's account, made when the first row asks for it.
    fn account(&self) -> Result<&Account> {
        if self.account.get().is_none() {
            let _ = self.account.set(Account::with_listeners(&self.server)?);
        }
        self.account.get().context("no account")
    }
}

/// What a row works with.
#[derive(Clone)]
pub struct Stage {
    pub program: Arc<Program>,
    pub plan: Arc<Plan>,
    pub keeper: Keeper,
    pub host: Option<Arc<Host>>,
}

/// What happened in the measured time.
struct Measured {
    used: Used,
    delivered: f64,
    answered: f64,
}

impl Stage {
    fn host(&self) -> Result<&Host> {
        self.host.as_deref().context("the row has no server")
    }

    /// Nobody's requests.
    fn load<'a>(
        &self,
        connections: usize,
        pace: Pace<'a>,
        request: &'a (dyn Fn(Ticket) -> Request + Sync),
    ) -> Result<Load<'a>> {
        let address = self.host()?.server.address;
        Ok(Load { address, token: "", connections, pace, limit: u32::MAX, request })
    }

    /// Lets the load warm up, then reads counters and meters at both ends of the measured time.
    fn measure(
        &self,
        pid: u32,
        seconds: Duration,
        counts: impl Fn() -> (u64, u64),
        timed: impl Fn(),
    ) -> Result<Measured> {
        std::thread::sleep(self.plan.warm_up);
        timed();
        let (before, begun) = (counts(), Reading::now(pid)?);
        std::thread::sleep(seconds);
        let (after, ended) = (counts(), Reading::now(pid)?);
        let used = begun.until(ended);
        Ok(Measured { used, delivered: (after.0 - before.0) as f64, answered: (after.1 - before.1) as f64 })
    }

    /// Writes at full speed to subscribers, with at most so many deliveries on their way.
    fn full_speed(
        &self,
        subscribers: &Subscribers,
        token: &str,
        window: u64,
        request: &(dyn Fn(Ticket) -> Request + Sync),
    ) -> Result<(Measured, Progress)> {
        let may_go = |progress: &Progress| progress.owed() < subscribers.delivered() + window;
        let load = Load { token, ..self.load(WRITERS, Pace::Closed(&may_go), request)? };
        let pid = self.host()?.server.pid();
        load.run(|progress| {
            let counts = || (subscribers.delivered(), progress.answered());
            self.measure(pid, self.plan.seconds, counts, || subscribers.part(TIMED))
        })
    }
}

/// Answer times count from now on.
fn time_answers(progress: &Progress) {
    progress.timed.store(true, Ordering::Relaxed);
}

/// Waits for what is still on its way, then counts what was wrong.
fn drain(subscribers: Subscribers, owed: u64) -> Result<(Harvest, Faults)> {
    let begun = Instant::now();
    let (mut latest, mut changed) = (subscribers.delivered(), begun);
    while latest < owed && changed.elapsed() < QUIET && begun.elapsed() < DRAIN {
        std::thread::sleep(Duration::from_millis(5));
        let now = subscribers.delivered();
        if now != latest {
            (latest, changed) = (now, Instant::now());
        }
    }
    let harvest = subscribers.close()?;
    let faults = faults(&harvest.tally, owed)?;
    Ok((harvest, faults))
}

fn faults(tally: &Tally, owed: u64) -> Result<Faults> {
    if tally.misdirected + tally.closed > 0 {
        eprintln!("    misdirected: {}, streams ended by the server: {}", tally.misdirected, tally.closed);
    }
    anyhow::ensure!(tally.unstamped == 0, "{} deliveries without the kernel's stamp", tally.unstamped);
    let lost = owed.saturating_sub(tally.delivered);
    Ok(Faults { order: tally.misordered, lost, doubled: tally.doubled + tally.misdirected })
}
