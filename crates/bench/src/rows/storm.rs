//! All clients come in the same moment.

use std::time::Duration;

use anyhow::Result;

use super::fan_out::PUBLIC;
use super::{Home, Row, SERVERS, Stage};
use crate::farm::Start;
use crate::meter::Reading;
use crate::outcome::{CPU_CLIENT, Outcome, P50, P99, SECONDS};
use crate::plan::Plan;
use crate::subscribers::Subscribers;
use crate::topic::Topic;

/// All must be there by then.
const LIMIT: Duration = Duration::from_secs(60);

pub fn rows(plan: &Plan) -> Vec<Row> {
    let count = plan.storm;
    let name = format!("{count} clients");
    let work = move |stage: &Stage| {
        let first = come(stage, count)?;
        let again = come(stage, count)?;
        Ok(vec![
            (format!("{count} clients, on a new server"), first),
            (format!("{count} clients, after all were dropped"), again),
        ])
    };
    let work = std::sync::Arc::new(work);
    vec![Row { topic: Topic::Storm, name, programs: SERVERS, home: Home::Fresh, once: false, work }]
}

fn come(stage: &Stage, count: usize) -> Result<Outcome> {
    let host = stage.host()?;
    let wanted = PUBLIC.subscriptions(count, &host.world);
    let begun = Reading::now(host.server.pid())?;
    let subscribers = Subscribers::begin(host.server.address, wanted, Start::AtOnce, false)?;
    subscribers.await_arrivals(LIMIT)?;
    let used = begun.until(Reading::now(host.server.pid())?);
    let harvest = subscribers.close()?;
    Ok(Outcome::default()
        .with(&SECONDS, harvest.span.as_secs_f64())
        .with(&P50, harvest.arrivals.quantile(0.5))
        .with(&P99, harvest.arrivals.quantile(0.99))
        .with(&CPU_CLIENT, used.server * 1e6 / count as f64)
        .foreign(used.foreign))
}
