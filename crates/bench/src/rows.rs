//! The rows of the table: what is done to a server and what is read off it.

pub mod raw;
mod snackbase;
mod sockets;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::http::Connection;
use crate::load::{Load, Progress, Request, percentile};
use crate::marker::Mark;
use crate::meter::{Reading, Used, resident};
use crate::server::{Program, Server};
use crate::setup::{KINDS, OWNERS, SHELF, World};
use crate::subscribers::{Subscribers, Subscription};
use crate::table::{Better, Faults, Outcome};

/// Writers of a fan-out row, and how many of their writes may be on their way to subscribers.
const WRITERS: usize = 4;
const WINDOW: u64 = 8;
/// After the load, deliveries are awaited until none has come for this long.
const QUIET: Duration = Duration::from_secs(4);

/// Requests that are on their way at once.
const CREATORS: [usize; 3] = [1, 16, 64];

/// How long and how large the rows are.
pub struct Plan {
    seconds: Duration,
    warm_up: Duration,
    subscribers: usize,
    idle: usize,
    only: String,
}

impl Plan {
    pub fn new(quick: bool, subscribers: usize, only: &str) -> Self {
        let (seconds, warm_up) = if quick { (1000, 300) } else { (3000, 700) };
        Plan {
            seconds: Duration::from_millis(seconds),
            warm_up: Duration::from_millis(warm_up),
            subscribers,
            idle: if quick { subscribers } else { 2 * subscribers },
            only: only.to_owned(),
        }
    }
}

/// Runs every row against a fresh server.
pub fn run(program: &Program, plan: &Plan) -> Result<Vec<Outcome>> {
    let server = Server::start(program)?;
    let world = World::build(&server)?;
    check_answers(&server)?;
    let run = Run { server: &server, world: &world, plan };
    let mut outcomes = Vec::new();
    let mut row = |name: &str, work: &dyn Fn(&str) -> Result<Vec<Outcome>>| -> Result<()> {
        if name.contains(&plan.only) {
            eprintln!("  {name}");
            outcomes.extend(work(name)?);
        }
        Ok(())
    };
    row("idle connection", &|name| run.idle(name))?;
    for connections in CREATORS {
        row(&format!("create, {connections} in flight"), &|name| run.creates(name, connections))?;
    }
    for connections in [1, 16] {
        row(&format!("view, {connections} in flight"), &|name| run.rate(name, connections, &view))?;
        row(&format!("list, {connections} in flight"), &|name| run.rate(name, connections, &list))?;
    }
    row("write answer", &|name| run.write_answer(name))?;
    for fan in FANS {
        row(fan.name, &|_| run.fan_out(&fan))?;
    }
    if program.has_sockets {
        let count = plan.subscribers;
        row(&format!("{count} watchers"), &|name| run.watch(name, false))?;
        row(&format!("{count} watchers with a filter each"), &|name| run.watch(name, true))?;
        row(&format!("broadcast to {count}"), &|name| run.talk(name, 0))?;
        row(&format!("a room of {count}"), &|name| run.talk(name, 1))?;
        row(&format!("{count} rooms of 10"), &|name| run.talk(name, count))?;
        row(&format!("there and back in a room of {count}"), &|name| run.echo(name))?;
    }
    outcomes.extend(unsynced_creates(program, plan)?);
    outcomes.extend(snackbase(program, plan)?);
    Ok(outcomes)
}

/// On a server of its own: memory that others gave back would hide what an idle socket costs.
fn snackbase(program: &Program, plan: &Plan) -> Result<Vec<Outcome>> {
    if !program.has_sockets || !"SnackBase".contains(&plan.only) {
        return Ok(Vec::new());
    }
    eprintln!("  SnackBase");
    let server = Server::start(program)?;
    let world = World::build(&server)?;
    Run { server: &server, world: &world, plan }.snackbase()
}

/// Creates on a server that leaves the disk's time to the system, as PocketBase does: the same durability on both sides.
fn unsynced_creates(program: &Program, plan: &Plan) -> Result<Vec<Outcome>> {
    let names =
        CREATORS.map(|connections| (connections, format!("create unsynced, {connections} in flight")));
    let wanted: Vec<_> = names.iter().filter(|(_, name)| name.contains(&plan.only)).collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let server = Server::start_unsynced(program)?;
    let world = World::build(&server)?;
    let run = Run { server: &server, world: &world, plan };
    let mut outcomes = Vec::new();
    for (connections, name) in wanted {
        eprintln!("  {name}");
        outcomes.extend(run.creates(name, *connections)?);
    }
    Ok(outcomes)
}

/// A fan-out row; subscribers fall into groups, and each write is for one of them.
struct Fan {
    name: &'static str,
    collection: &'static str,
    filtered: bool,
    signed_in: bool,
    groups: usize,
}

const FANS: [Fan; 6] = [
    Fan { name: "public rule", collection: "public", filtered: false, signed_in: false, groups: 1 },
    Fan {
        name: "`@request.auth.id != \"\"`",
        collection: "signed",
        filtered: false,
        signed_in: true,
        groups: 1,
    },
    Fan {
        name: "`owner = @request.auth.id`",
        collection: "owned",
        filtered: false,
        signed_in: true,
        groups: 1,
    },
    Fan { name: "one filter for all", collection: "public", filtered: true, signed_in: false, groups: 1 },
    Fan { name: "100 filters", collection: "public", filtered: true, signed_in: false, groups: KINDS },
    Fan {
        name: "owner rule, 10 owners",
        collection: "owned",
        filtered: false,
        signed_in: true,
        groups: OWNERS,
    },
];

impl Fan {
    fn subscription(&self, at: usize, world: &World) -> Subscription {
        let group = at % self.groups;
        let mut topic = format!("{}/*", self.collection);
        if self.filtered {
            let options = json!({"query": {"filter": format!("kind = 'k{group}'")}}).to_string();
            topic += &format!("?options={}", percent_encoded(&options));
        }
        let token = if self.signed_in { world.users[group % OWNERS].token.clone() } else { String::new() };
        Subscription { topic, token, key: (self.groups > 1).then_some(group as u8) }
    }
}

struct Run<'a> {
    server: &'a Server,
    world: &'a World,
    plan: &'a Plan,
}

impl Run<'_> {
    /// Memory of connected, subscribed clients to which nothing is sent.
    fn idle(&self, name: &str) -> Result<Vec<Outcome>> {
        let before = resident(self.server.pid())?;
        let wanted = (0..self.plan.idle).map(|at| FANS[0].subscription(at, self.world)).collect();
        let subscribers = Subscribers::open(self.server.address, wanted)?;
        let grown = resident(self.server.pid())? - before;
        subscribers.close()?;
        Ok(vec![
            Outcome::new(name, "KiB RSS each", Better::Lower, grown / self.plan.idle as f64),
            Outcome::new("server before them", "MiB RSS", Better::Lower, before / 1024.0),
        ])
    }

    fn creates(&self, name: &str, connections: usize) -> Result<Vec<Outcome>> {
        let request = |writer, sequence| self.create("public", writer, sequence, 0, 0, 0);
        self.rate(name, connections, &request)
    }

    /// Requests in a second, without subscribers.
    fn rate(
        &self,
        name: &str,
        connections: usize,
        request: &(dyn Fn(u8, u32) -> Request + Sync),
    ) -> Result<Vec<Outcome>> {
        let load = self.load(connections, request, &|_| true);
        let ((used, count), mut times, progress) =
            load.run(|progress| self.measure(|| progress.answered.load(Ordering::Relaxed)))?;
        refuse_failures(name, &progress)?;
        let outcome = |unit, better, value| Outcome::new(name, unit, better, value).disturbed(used.foreign);
        Ok(vec![
            outcome("requests/s", Better::Higher, count / used.wall),
            outcome("server µs CPU each", Better::Lower, used.server * 1e6 / count),
            outcome("answer p50 ms", Better::Lower, percentile(&mut times, 0.5)),
            outcome("answer p99 ms", Better::Lower, percentile(&mut times, 0.99)),
        ])
    }

    /// Answer times of one unhurried writer, with nobody listening and with all subscribers.
    fn write_answer(&self, name: &str) -> Result<Vec<Outcome>> {
        let mut outcomes = Vec::new();
        let mut quantiles = Vec::new();
        for count in [0, self.plan.subscribers] {
            let wanted = (0..count).map(|at| FANS[0].subscription(at, self.world)).collect();
            let subscribers = Subscribers::open(self.server.address, wanted)?;
            let request = |writer, sequence| self.create("public", writer, sequence, 0, 0, count as u64);
            let mut load = self.load(1, &request, &|_| true);
            load.pause = Duration::from_millis(20);
            let (_, mut times, progress) = load.run(|_| {
                std::thread::sleep(self.plan.seconds);
                Ok(())
            })?;
            refuse_failures(name, &progress)?;
            let faults = drain(subscribers, &progress)?;
            for (label, share) in [("p50", 0.5), ("p99", 0.99)] {
                let value = percentile(&mut times, share);
                let row = format!("{name}, {count} subscribers");
                quantiles.push(value);
                outcomes
                    .push(Outcome::new(&row, &format!("{label} ms"), Better::Lower, value).faults(faults));
            }
        }
        let row = format!("{name}, {} subscribers over none", self.plan.subscribers);
        outcomes.push(Outcome::new(&row, "ratio of p50", Better::Lower, quantiles[2] / quantiles[0]));
        outcomes.push(Outcome::new(&row, "ratio of p99", Better::Lower, quantiles[3] / quantiles[1]));
        Ok(outcomes)
    }

    /// Writes at full speed to many subscribers.
    fn fan_out(&self, fan: &Fan) -> Result<Vec<Outcome>> {
        let count = self.plan.subscribers;
        let wanted = (0..count).map(|at| fan.subscription(at, self.world)).collect();
        let subscribers = Subscribers::open(self.server.address, wanted)?;
        let request = |writer, sequence: u32| {
            let group = sequence as usize % fan.groups;
            let listeners = count / fan.groups + usize::from(group < count % fan.groups);
            self.create(fan.collection, writer, sequence, group, group % OWNERS, listeners as u64)
        };
        let window = WINDOW * (count / fan.groups).max(1) as u64;
        let may_go =
            |progress: &Progress| progress.owed.load(Ordering::Relaxed) < subscribers.delivered() + window;
        let load = self.load(WRITERS, &request, &may_go);
        let ((used, delivered), _, progress) = load.run(|_| self.measure(|| subscribers.delivered()))?;
        refuse_failures(fan.name, &progress)?;
        let faults = drain(subscribers, &progress)?;
        let name = format!("{count} subscribers, {}", fan.name);
        let outcome = |unit, better, value| {
            Outcome::new(&name, unit, better, value).disturbed(used.foreign).faults(faults)
        };
        Ok(vec![
            outcome("deliveries/s", Better::Higher, delivered / used.wall),
            outcome("server µs CPU each", Better::Lower, used.server * 1e6 / delivered),
        ])
    }

    fn load<'a>(
        &self,
        connections: usize,
        request: &'a (dyn Fn(u8, u32) -> Request + Sync),
        may_go: &'a (dyn Fn(&Progress) -> bool + Sync),
    ) -> Load<'a> {
        Load { address: self.world.address, token: "", connections, pause: Duration::ZERO, request, may_go }
    }

    /// Lets the load warm up, then reads the counter and the meters at both ends of the measured time.
    fn measure(&self, counter: impl Fn() -> u64) -> Result<(Used, f64)> {
        std::thread::sleep(self.plan.warm_up);
        let (before, begun) = (counter(), Reading::now(self.server.pid())?);
        std::thread::sleep(self.plan.seconds);
        let (after, ended) = (counter(), Reading::now(self.server.pid())?);
        Ok((begun.until(ended), (after - before) as f64))
    }

    fn create(
        &self,
        collection: &str,
        writer: u8,
        sequence: u32,
        group: usize,
        owner: usize,
        fans_out: u64,
    ) -> Request {
        let mark = Mark { writer, key: group as u8, sequence }.text();
        Request {
            method: "POST",
            path: format!("/api/collections/{collection}/records"),
            body: self.world.record(&mark, group, owner, None),
            fans_out,
        }
    }
}

fn view(_: u8, sequence: u32) -> Request {
    let id = sequence as usize % SHELF;
    get(format!("/api/collections/shelf/records/{id:015}"))
}

fn list(_: u8, sequence: u32) -> Request {
    let kind = sequence as usize % KINDS;
    let filter = percent_encoded(&format!("(kind='k{kind}')"));
    get(format!("/api/collections/shelf/records?page=1&perPage=30&filter={filter}"))
}

fn get(path: String) -> Request {
    Request { method: "GET", path, body: String::new(), fans_out: 0 }
}

/// A row with failed requests measures nothing.
fn refuse_failures(name: &str, progress: &Progress) -> Result<()> {
    match progress.failed.load(Ordering::Relaxed) {
        0 => Ok(()),
        failed => bail!("{name}: {failed} requests failed"),
    }
}

/// Waits for what is still on its way, then counts what was wrong.
fn drain(subscribers: Subscribers, progress: &Progress) -> Result<Faults> {
    let owed = progress.owed.load(Ordering::Relaxed);
    let (mut latest, mut changed) = (subscribers.delivered(), Instant::now());
    while latest < owed && changed.elapsed() < QUIET {
        std::thread::sleep(Duration::from_millis(5));
        let now = subscribers.delivered();
        if now != latest {
            (latest, changed) = (now, Instant::now());
        }
    }
    let tally = subscribers.close()?;
    if tally.misdirected + tally.closed > 0 {
        eprintln!("    misdirected: {}, streams ended by the server: {}", tally.misdirected, tally.closed);
    }
    Ok(Faults {
        order: tally.misordered,
        lost: owed.saturating_sub(tally.delivered),
        doubled: tally.doubled + tally.misdirected,
    })
}

fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}

/// One request whose answer is looked into, so that a fast wrong answer is not measured.
fn check_answers(server: &Server) -> Result<()> {
    let mut connection = Connection::open(server.address, "")?;
    let found = connection.json("GET", &list(0, 7).path, &Value::Null)?;
    if found["totalItems"] != SHELF / KINDS || found["items"].as_array().map(Vec::len) != Some(SHELF / KINDS)
    {
        bail!("the list holds {found}");
    }
    let viewed = connection.json("GET", &view(0, 7).path, &Value::Null)?;
    if viewed["kind"] != "k7" {
        bail!("the record is {viewed}");
    }
    Ok(())
}
