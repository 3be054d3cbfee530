//! How long a writer waits for its answer, with nobody listening and with many.

use anyhow::Result;

use super::fan_out::PUBLIC;
use super::{Home, Row, SERVERS, Stage, drain, time_answers};
use crate::histogram::Histogram;
use crate::load::Pace;
use crate::meter::{Reading, Used};
use crate::outcome::{Faults, Outcome, P50, P50_ALONE, P50_TIMES, P99, P99_ALONE, P99_TIMES};
use crate::plan::Plan;
use crate::subscribers::Subscribers;
use crate::topic::Topic;

/// Writes in a second.
const RATE: f64 = 50.0;
/// Times what other rows measure, for a hundredth of few answers says nothing.
const LONGER: u32 = 4;

pub fn rows(plan: &Plan) -> Vec<Row> {
    let count = plan.crowd;
    let name = format!("create, {count} subscribers");
    vec![Row::new(Topic::WriteAnswer, name, SERVERS, Home::Shared, move |stage| compare(stage, count))]
}

fn compare(stage: &Stage, count: usize) -> Result<Outcome> {
    let (alone, used_alone, _) = answers(stage, 0)?;
    let (heard, used, faults) = answers(stage, count)?;
    let ratio = |share: f64| heard.quantile(share) / alone.quantile(share);
    Ok(Outcome::default()
        .with(&P50_ALONE, alone.quantile(0.5))
        .with(&P50, heard.quantile(0.5))
        .with(&P50_TIMES, ratio(0.5))
        .with(&P99_ALONE, alone.quantile(0.99))
        .with(&P99, heard.quantile(0.99))
        .with(&P99_TIMES, ratio(0.99))
        .faults(faults)
        .foreign(used.foreign.max(used_alone.foreign)))
}

fn answers(stage: &Stage, count: usize) -> Result<(Histogram, Used, Faults)> {
    let host = stage.host()?;
    let subscribers = Subscribers::open(host.server.address, PUBLIC.subscriptions(count, &host.world))?;
    let request = |ticket| host.world.create(PUBLIC.record(0), ticket, count as u64);
    let load = stage.load(1, Pace::Open(RATE), &request)?;
    let pid = host.server.pid();
    let (used, progress) = load.run(|progress| {
        std::thread::sleep(stage.plan.warm_up);
        time_answers(progress);
        let begun = Reading::now(pid)?;
        std::thread::sleep(stage.plan.seconds * LONGER);
        Ok(begun.until(Reading::now(pid)?))
    })?;
    let (_, faults) = drain(subscribers, progress.owed())?;
    Ok((progress.times(), used, faults))
}
