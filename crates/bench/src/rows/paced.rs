//! Writes by the clock, so that the same deliveries are due in a second however many listen.

use anyhow::Result;

use super::fan_out::{Fan, OWNER, PUBLIC};
use super::{Home, Measured, Row, SERVERS, Stage, TIMED, WRITERS, drain, raw};
use crate::farm::Harvest;
use crate::load::Pace;
use crate::outcome::{CPU_DELIVERY, Faults, LONGEST, Outcome, P50, P90, P99, P999};
use crate::plan::{Plan, STEADY};
use crate::program::Kind;
use crate::subscribers::Subscribers;
use crate::topic::Topic;

const WITH_RAW: &[Kind] = &[Kind::PocketBase, Kind::Tidewire, Kind::Raw];
/// At a steady pace there is less to see in a second, so more of them are looked at.
pub const LONGER: f64 = 1.6;

pub fn rows(plan: &Plan) -> Vec<Row> {
    let row = |fan: Fan, count: usize| {
        let name = format!("{count}, {}", fan.name);
        let programs = if fan.name == PUBLIC.name { WITH_RAW } else { SERVERS };
        Row::new(Topic::Paced, name, programs, Home::Shared, move |stage| match stage.program.kind {
            Kind::Raw => raw::paced(stage, count),
            _ => paced(stage, fan, count),
        })
    };
    let mut rows = Vec::new();
    for fan in [PUBLIC, OWNER] {
        rows.extend(plan.crowds.iter().map(|count| row(fan, *count)));
    }
    rows
}

fn paced(stage: &Stage, fan: Fan, count: usize) -> Result<Outcome> {
    let host = stage.host()?;
    let subscribers = Subscribers::open(host.server.address, fan.subscriptions(count, &host.world))?;
    let request = |ticket| host.world.create(fan.record(0), ticket, count as u64);
    let load = stage.load(WRITERS, Pace::Open(STEADY / count as f64), &request)?;
    let (measured, progress) = load.run(|progress| {
        let counts = || (subscribers.delivered(), progress.answered());
        stage.measure(host.server.pid(), stage.plan.seconds.mul_f64(LONGER), counts, || {
            subscribers.part(TIMED)
        })
    })?;
    let (harvest, faults) = drain(subscribers, progress.owed())?;
    Ok(told(&measured, &harvest, faults))
}

pub fn told(measured: &Measured, harvest: &Harvest, faults: Faults) -> Outcome {
    let times = &harvest.tally.times[TIMED];
    Outcome::default()
        .with(&P50, times.quantile(0.5))
        .with(&P90, times.quantile(0.9))
        .with(&P99, times.quantile(0.99))
        .with(&P999, times.quantile(0.999))
        .with(&LONGEST, times.longest())
        .with(&CPU_DELIVERY, measured.used.server * 1e6 / measured.delivered)
        .faults(faults)
        .foreign(measured.used.foreign)
}
