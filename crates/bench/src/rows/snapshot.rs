//! All clients come in the same moment and want the records as they are, then every change.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use super::{Home, OURS, Row, Stage, faults, recovery};
use crate::client::{Goal, Subscription};
use crate::farm::Start;
use crate::meter::Reading;
use crate::outcome::{CPU_CLIENT, Faults, Outcome, P50, P99, SECONDS};
use crate::plan::Plan;
use crate::subscribers::Subscribers;
use crate::topic::Topic;
use crate::world::{Record, topic};

/// Records of the collection.
const RECORDS: u32 = 100;
const LIVE: &[u8] = b"\"action\":\"live\"";
const LIMIT: Duration = Duration::from_secs(60);

pub fn rows(plan: &Plan) -> Vec<Row> {
    let count = plan.storm;
    let name = format!("{count} clients, {RECORDS} records");
    vec![Row::new(Topic::Snapshot, name, OURS, Home::Fresh, move |stage| snapshot(stage, count))]
}

fn snapshot(stage: &Stage, count: usize) -> Result<Outcome> {
    let server = &stage.host()?.server;
    recovery::write(stage, Record::of("public"), 1, RECORDS)?;
    let wanted = Subscription {
        topic: topic("public", &json!({"snapshot": "1"})),
        goal: Goal::Text(LIVE),
        ..Subscription::default()
    };
    let begun = Reading::now(server.pid())?;
    let subscribers = Subscribers::begin(server.address, vec![wanted; count], Start::AtOnce, false)?;
    subscribers.await_arrivals(LIMIT)?;
    let used = begun.until(Reading::now(server.pid())?);
    let harvest = subscribers.close()?;
    // The records of a snapshot have no order among each other.
    let faults = Faults { order: 0, ..faults(&harvest.tally, u64::from(RECORDS) * count as u64)? };
    Ok(Outcome::default()
        .with(&SECONDS, harvest.span.as_secs_f64())
        .with(&P50, harvest.arrivals.quantile(0.5))
        .with(&P99, harvest.arrivals.quantile(0.99))
        .with(&CPU_CLIENT, used.server * 1e6 / count as f64)
        .faults(faults)
        .foreign(used.foreign))
}
