//! Some subscribers stop reading while the writes go on.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Home, Row, SERVERS, Stage, TIMED, WRITERS, faults};
use crate::client::Subscription;
use crate::load::{Load, Pace, Progress};
use crate::meter::{Reading, Used, resident, sockets};
use crate::outcome::{CAUGHT_UP, KERNEL, Outcome, P50, P99, RSS_AFTER, RSS_BEFORE, RSS_PEAK};
use crate::plan::Plan;
use crate::subscribers::Subscribers;
use crate::topic::Topic;
use crate::world::Record;

const ALL: usize = 100;
const SLOW: usize = 20;
/// Writes in a second.
const RATE: f64 = 80.0;
/// Bytes of a record's text.
const BODY: usize = 4600;
/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// Beyond the time that the writes take at their pace, a server gets this long to answer them.
const LATE: Duration = Duration::from_secs(20);
/// Slow readers must have caught up within this, with no longer silence than that.
const CATCH_UP: Duration = Duration::from_secs(60);
const SILENCE: Duration = Duration::from_secs(8);

pub fn rows(_: &Plan) -> Vec<Row> {
    let row = |name: String, slow: usize| Row {
        once: true,
        ..Row::new(Topic::Slow, name, SERVERS, Home::Fresh, move |stage| stall(stage, slow))
    };
    vec![row(format!("{ALL}, all read"), 0), row(format!("{ALL}, {SLOW} stop reading"), SLOW)]
}

/// KiB of memory.
#[derive(Clone, Copy, Default)]
struct Memory {
    resident: f64,
    kernel: f64,
}

fn stall(stage: &Stage, slow: usize) -> Result<Outcome> {
    let host = stage.host()?;
    let wanted =
        |at: usize| Subscription { topic: "public/*".to_owned(), slow: at < slow, ..Subscription::default() };
    let subscribers = Subscribers::open(host.server.address, (0..ALL).map(wanted).collect())?;
    subscribers.part(TIMED);
    let before = Memory { resident: resident(host.server.pid())?, kernel: sockets()? };
    let request =
        |ticket| host.world.create(Record { body: BODY, ..Record::of("public") }, ticket, ALL as u64);
    let writes = stage.plan.slow_writes;
    let load = Load { limit: writes, ..stage.load(WRITERS, Pace::Open(RATE), &request)? };
    let ((peak, used), progress) = load.run(|progress| watch(stage, progress, u64::from(writes)))?;
    let kernel = (sockets()? - before.kernel).max(0.0);
    subscribers.read_on();
    let caught_up = await_deliveries(&subscribers, progress.owed());
    let after = resident(host.server.pid())?;
    let harvest = subscribers.close()?;
    let times = &harvest.tally.times[TIMED];
    let outcome = Outcome::default()
        .with(&P50, times.quantile(0.5))
        .with(&P99, times.quantile(0.99))
        .with(&RSS_BEFORE, before.resident / 1024.0)
        .with(&RSS_PEAK, peak / 1024.0)
        .with(&RSS_AFTER, after / 1024.0)
        .with(&KERNEL, kernel / 1024.0);
    let outcome = if slow > 0 { outcome.with(&CAUGHT_UP, caught_up) } else { outcome };
    Ok(outcome.faults(faults(&harvest.tally, progress.owed())?).foreign(used.foreign))
}

/// Looks at the server's memory until all writes are answered; returns the most there was.
fn watch(stage: &Stage, progress: &Progress, writes: u64) -> Result<(f64, Used)> {
    let pid = stage.host()?.server.pid();
    let (begun, mut peak) = (Reading::now(pid)?, 0.0_f64);
    let limit = Duration::from_secs_f64(writes as f64 / RATE) + LATE;
    let started = Instant::now();
    while progress.answered() < writes && started.elapsed() < limit {
        peak = peak.max(resident(pid)?);
        std::thread::sleep(LOOK);
    }
    Ok((peak.max(resident(pid)?), begun.until(Reading::now(pid)?)))
}

/// Waits for all deliveries, as long as some come; returns how long that took, in seconds.
fn await_deliveries(subscribers: &Subscribers, owed: u64) -> f64 {
    let begun = Instant::now();
    let (mut latest, mut changed) = (subscribers.delivered(), begun);
    while latest < owed && changed.elapsed() < SILENCE && begun.elapsed() < CATCH_UP {
        std::thread::sleep(Duration::from_millis(5));
        let now = subscribers.delivered();
        if now != latest {
            (latest, changed) = (now, Instant::now());
        }
    }
    begun.elapsed().as_secs_f64()
}
