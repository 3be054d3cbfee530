//! All clients come back within seconds and want what they missed, while others go on listening.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::fan_out::PUBLIC;
use super::snackbase::{OPEN, bearer, note};
use super::{Home, OURS, Row, Stage, TIMED, WRITERS, faults};
use crate::client::{Goal, Subscription};
use crate::counter::UNTIMED;
use crate::farm::{Harvest, Start};
use crate::load::{Load, Pace, Progress, Request, Ticket};
use crate::meter::{Reading, Used};
use crate::outcome::{CPU_SECONDS, Outcome, P50, P99, P99_ALONE, P99_TIMES, SECONDS};
use crate::plan::{Plan, STEADY};
use crate::subscribers::Subscribers;
use crate::topic::Topic;
use crate::world::Record;

/// Changes that each client missed, and what marks them as others than the one before.
const MISSED: u32 = 100;
const MISSED_KIND: usize = 2;
/// Subscribers that are there all the time.
const LIVE: usize = 100;
/// What the storm's part of the live ones' times is called.
const IN_STORM: usize = 2;
const SPREAD: Duration = Duration::from_secs(2);
const LIMIT: Duration = Duration::from_secs(60);
/// What comes twice would come soon.
const AFTERWARDS: Duration = Duration::from_millis(300);
/// Connections that push missed changes out of the ring.
const PUSHERS: usize = 16;

pub fn rows(plan: &Plan) -> Vec<Row> {
    let count = plan.returning;
    let row = |name: String, work: fn(&Stage, usize) -> Result<Vec<Subscription>>| {
        Row::new(Topic::Recovery, name, OURS, Home::Fresh, move |stage| recover(stage, work(stage, count)?))
    };
    vec![
        row(format!("{count} come back, changes are in memory"), streams),
        row(format!("{count} come back, changes are in the log's table"), pushed_streams),
        row(format!("{count} come back over SnackBase's WebSocket"), sockets),
    ]
}

fn streams(stage: &Stage, count: usize) -> Result<Vec<Subscription>> {
    let wanted = first_visit(stage, count)?;
    write(stage, Record { kind: MISSED_KIND, ..Record::of("public") }, WRITERS, MISSED)?;
    Ok(wanted)
}

fn pushed_streams(stage: &Stage, count: usize) -> Result<Vec<Subscription>> {
    let wanted = streams(stage, count)?;
    write(stage, Record::of("other"), PUSHERS, u32::try_from(stage.plan.pushing)?)?;
    Ok(wanted)
}

/// All were at the same place: one client's cursor is that of each.
fn sockets(stage: &Stage, count: usize) -> Result<Vec<Subscription>> {
    let host = stage.host()?;
    let account = host.account()?;
    let openings = account.coming_back(host.server.address, count)?;
    let request = |ticket| note(OPEN, ticket, 0);
    write_each(stage, &bearer(&account.token), &request, WRITERS, MISSED)?;
    let back = openings.into_iter().map(|opening| Subscription {
        goal: Goal::Records(u64::from(MISSED)),
        socket: Some(opening),
        ..Subscription::default()
    });
    Ok(back.collect())
}

fn recover(stage: &Stage, wanted: Vec<Subscription>) -> Result<Outcome> {
    let (host, count) = (stage.host()?, wanted.len());
    let live = (0..LIVE).map(|_| Subscription { topic: "live/*".to_owned(), ..Subscription::default() });
    let live = Subscribers::open(host.server.address, live.collect())?;
    let request = |ticket| host.world.create(Record::of("live"), ticket, LIVE as u64);
    let load = stage.load(WRITERS, Pace::Open(STEADY / LIVE as f64), &request)?;
    let ((back, used), progress) = load.run(|_| {
        std::thread::sleep(stage.plan.warm_up);
        live.part(TIMED);
        std::thread::sleep(stage.plan.seconds);
        live.part(IN_STORM);
        come_back(stage, wanted, || live.part(UNTIMED))
    })?;
    let (live, live_faults) = super::drain(live, progress.owed())?;
    ensure!(live_faults.lost == 0, "the live ones lost {}", live_faults.lost);
    Ok(told(&back, used, &live).faults(faults(&back.tally, u64::from(MISSED) * count as u64)?))
}

/// All subscribe, hear of one record, and go. Returns what they will ask for when they come back.
fn first_visit(stage: &Stage, count: usize) -> Result<Vec<Subscription>> {
    let host = stage.host()?;
    let once =
        Subscription { goal: Goal::Records(1), topic: "public/*".to_owned(), ..Subscription::default() };
    let wanted = vec![once; count];
    let start = Start::Window(128);
    let subscribers = Subscribers::begin(host.server.address, wanted, start, true)?;
    subscribers.await_subscribed()?;
    write(stage, PUBLIC.record(1), 1, 1)?;
    subscribers.await_arrivals(LIMIT)?;
    let ids = subscribers.close()?.ids;
    let back = ids.into_iter().map(|id| {
        Ok(Subscription {
            topic: "public/*".to_owned(),
            key: Some(MISSED_KIND as u8),
            goal: Goal::Records(u64::from(MISSED)),
            last_id: Some(id.context("an event without an id")?),
            ..Subscription::default()
        })
    });
    back.collect()
}

pub fn write(stage: &Stage, record: Record<'_>, connections: usize, count: u32) -> Result<()> {
    let host = stage.host()?;
    write_each(stage, "", &|ticket| host.world.create(record, ticket, 0), connections, count)
}

fn write_each(
    stage: &Stage,
    token: &str,
    request: &(dyn Fn(Ticket) -> Request + Sync),
    connections: usize,
    count: u32,
) -> Result<()> {
    let pace = Pace::Closed(&|_| true);
    let load = Load { token, limit: count, ..stage.load(connections, pace, request)? };
    load.run(|progress: &Progress| progress.await_answers(u64::from(count), LIMIT))?;
    Ok(())
}

/// `over` is called when all have what they missed: that they all leave at once is another storm.
fn come_back(stage: &Stage, wanted: Vec<Subscription>, over: impl Fn()) -> Result<(Harvest, Used)> {
    let server = &stage.host()?.server;
    let begun = Reading::now(server.pid())?;
    let subscribers = Subscribers::begin(server.address, wanted, Start::Over(SPREAD), false)?;
    subscribers.await_arrivals(LIMIT)?;
    let used = begun.until(Reading::now(server.pid())?);
    over();
    std::thread::sleep(AFTERWARDS);
    Ok((subscribers.close()?, used))
}

fn told(back: &Harvest, used: Used, live: &Harvest) -> Outcome {
    let p99 = |part: usize| live.tally.times[part].quantile(0.99);
    Outcome::default()
        .with(&SECONDS, back.span.as_secs_f64())
        .with(&P50, back.arrivals.quantile(0.5))
        .with(&P99, back.arrivals.quantile(0.99))
        .with(&CPU_SECONDS, used.server)
        .with(&P99_ALONE, p99(TIMED))
        .with(&P99_TIMES, p99(IN_STORM) / p99(TIMED))
        .foreign(used.foreign)
}
