//! What a server takes when it has nothing to do but hold connections.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::{Home, Host, OURS, Row, SERVERS, Stage, snackbase};
use crate::client::Subscription;
use crate::meter::{open_files, resident};
use crate::outcome::{Outcome, RSS_EACH, RSS_START};
use crate::plan::Plan;
use crate::program::Kind;
use crate::subscribers::Subscribers;
use crate::topic::Topic;

/// Connections from one loopback address: each also needs a port while it is set up.
const PER_ADDRESS: usize = 10_000;
/// Files that are open besides the connections.
const OTHER_FILES: u64 = 1000;
/// What a server gets to come to rest.
const REST: Duration = Duration::from_millis(700);

pub fn rows(plan: &Plan) -> Vec<Row> {
    let streams = |count: usize, programs: &'static [Kind], once: bool| Row {
        once,
        ..Row::new(Topic::Memory, format!("{count} idle event streams"), programs, Home::Own, move |stage| {
            idle_streams(stage, count)
        })
    };
    let count = plan.idle;
    let sockets =
        Row::new(Topic::Memory, format!("{count} idle WebSockets"), OURS, Home::Own, move |stage| {
            idle_sockets(stage, count)
        });
    vec![streams(count, SERVERS, false), sockets, streams(plan.idle_most, OURS, true)]
}

fn idle_streams(stage: &Stage, count: usize) -> Result<Outcome> {
    let (needed, may) = (count as u64 + OTHER_FILES, open_files()?);
    ensure!(may >= needed, "needs {needed} open files and may have {may} (ulimit -n)");
    let mut host = Host::start(&stage.program, &stage.keeper)?;
    host.server.restart()?;
    std::thread::sleep(REST);
    let before = resident(host.server.pid())?;
    let wanted = (0..count).map(|at| Subscription {
        topic: "public/*".to_owned(),
        source: (count > PER_ADDRESS).then(|| Ipv4Addr::new(127, 0, 1, (at / PER_ADDRESS) as u8 + 1)),
        ..Subscription::default()
    });
    let subscribers = Subscribers::open(host.server.address, wanted.collect())?;
    std::thread::sleep(REST);
    let grown = resident(host.server.pid())? - before;
    let harvest = subscribers.close()?;
    ensure!(harvest.tally.closed == 0, "the server ended {} streams", harvest.tally.closed);
    Ok(told(before, grown, count))
}

fn idle_sockets(stage: &Stage, count: usize) -> Result<Outcome> {
    let mut host = Host::start(&stage.program, &stage.keeper)?;
    let account = snackbase::Account::make(&host.server, 0)?;
    host.server.restart()?;
    std::thread::sleep(REST);
    let before = resident(host.server.pid())?;
    let sockets = (0..count).map(|_| account.listen(host.server.address, &account.token, snackbase::OPEN));
    let sockets = sockets.collect::<Result<Vec<_>>>()?;
    std::thread::sleep(REST);
    let grown = resident(host.server.pid())? - before;
    drop(sockets);
    Ok(told(before, grown, count))
}

fn told(before: f64, grown: f64, count: usize) -> Outcome {
    Outcome::default().with(&RSS_START, before / 1024.0).with(&RSS_EACH, grown / count as f64)
}
