//! Writes at full speed to many subscribers, by what decides who gets them.

use anyhow::Result;
use serde_json::json;

use super::{Home, Measured, OURS, Row, SERVERS, Stage, TIMED, WINDOW, drain, raw};
use crate::client::Subscription;
use crate::meter::peak;
use crate::outcome::{CPU_DELIVERY, CPU_WRITE, DELIVERIES, Outcome, P50, P99, P999, RSS_PEAK, WRITES};
use crate::plan::Plan;
use crate::program::Kind;
use crate::subscribers::Subscribers;
use crate::topic::Topic;
use crate::world::{KINDS, OWNERS, Record, World, topic};

/// What decides; subscribers fall into groups, and each write is for one of them.
#[derive(Clone, Copy)]
pub struct Fan {
    pub name: &'static str,
    collection: &'static str,
    filtered: bool,
    signed_in: bool,
    groups: usize,
}

const PLAIN: Fan = Fan { name: "", collection: "public", filtered: false, signed_in: false, groups: 1 };
pub const PUBLIC: Fan = Fan { name: "public rule", ..PLAIN };
const SIGNED: Fan =
    Fan { name: "`@request.auth.id != \"\"`", collection: "signed", signed_in: true, ..PLAIN };
pub const OWNER: Fan =
    Fan { name: "`owner = @request.auth.id`", collection: "owned", signed_in: true, ..PLAIN };
const FILTER: Fan = Fan { name: "one filter for all", filtered: true, ..PLAIN };
const FILTERS: Fan = Fan { name: "100 filters", filtered: true, groups: KINDS, ..PLAIN };
const OWNERS_FAN: Fan = Fan { name: "owner rule, 10 owners", groups: OWNERS, ..OWNER };

/// A custom topic.
const TOPIC: &str = "bench/messages";

/// The public rule is what the machine's limit is compared with.
const WITH_RAW: &[Kind] = &[Kind::PocketBase, Kind::Tidewire, Kind::Raw];

pub fn rows(plan: &Plan) -> Vec<Row> {
    let row = |fan: Fan, count: usize| {
        let name = format!("{count}, {}", fan.name);
        let programs = if fan.name == PUBLIC.name { WITH_RAW } else { SERVERS };
        let home = if count > plan.crowd { Home::Fresh } else { Home::Shared };
        Row::new(Topic::FanOut, name, programs, home, move |stage| match stage.program.kind {
            Kind::Raw => raw::full_speed(stage, count),
            _ => full_speed(stage, fan, count),
        })
    };
    let mut rows = Vec::new();
    for fan in [PUBLIC, SIGNED, OWNER, FILTER] {
        rows.extend(plan.crowds.iter().map(|count| row(fan, *count)));
    }
    rows.extend([FILTERS, OWNERS_FAN].map(|fan| row(fan, plan.crowd)));
    let count = plan.crowd;
    rows.push(Row::new(Topic::FanOut, format!("{count}, custom topic"), OURS, Home::Shared, move |stage| {
        published(stage, count)
    }));
    rows
}

impl Fan {
    pub fn subscriptions(&self, count: usize, world: &World) -> Vec<Subscription> {
        (0..count).map(|at| self.subscription(at % self.groups, world)).collect()
    }

    fn subscription(&self, group: usize, world: &World) -> Subscription {
        let topic = match self.filtered {
            true => topic(self.collection, &json!({"filter": format!("kind = 'k{group}'")})),
            false => format!("{}/*", self.collection),
        };
        let token = if self.signed_in { world.users[group % OWNERS].token.clone() } else { String::new() };
        Subscription {
            topic,
            token,
            key: (self.groups > 1).then_some(group as u8),
            ..Subscription::default()
        }
    }

    /// The record that is written to a group.
    pub fn record(&self, group: usize) -> Record<'static> {
        Record { kind: group, owner: group % OWNERS, ..Record::of(self.collection) }
    }
}

fn full_speed(stage: &Stage, fan: Fan, count: usize) -> Result<Outcome> {
    let host = stage.host()?;
    let subscribers = Subscribers::open(host.server.address, fan.subscriptions(count, &host.world))?;
    let window = WINDOW * (count / fan.groups).max(1) as u64;
    let (measured, progress) = stage.full_speed(&subscribers, "", window, &|ticket| {
        let group = ticket.sequence as usize % fan.groups;
        let listeners = count / fan.groups + usize::from(group < count % fan.groups);
        host.world.create(fan.record(group), ticket, listeners as u64)
    })?;
    let outcome = told(&measured, subscribers, progress.owed())?;
    if count <= stage.plan.crowd {
        return Ok(outcome);
    }
    Ok(outcome.with(&RSS_PEAK, peak(host.server.pid())? / 1024.0))
}

/// Messages by REST that no record stands behind.
fn published(stage: &Stage, count: usize) -> Result<Outcome> {
    let host = stage.host()?;
    let wanted = Subscription { topic: TOPIC.to_owned(), ..Subscription::default() };
    let subscribers = Subscribers::open(host.server.address, vec![wanted; count])?;
    let window = WINDOW * count as u64;
    let (measured, progress) = stage.full_speed(&subscribers, &host.server.token, window, &|ticket| {
        host.world.publish(Record::of(TOPIC), ticket, count as u64)
    })?;
    told(&measured, subscribers, progress.owed())
}

fn told(measured: &Measured, subscribers: Subscribers, owed: u64) -> Result<Outcome> {
    let (harvest, faults) = drain(subscribers, owed)?;
    let (used, times) = (&measured.used, &harvest.tally.times[TIMED]);
    let outcome = Outcome::default()
        .with(&DELIVERIES, measured.delivered / used.wall)
        .with(&CPU_DELIVERY, used.server * 1e6 / measured.delivered)
        .with(&WRITES, measured.answered / used.wall)
        .with(&CPU_WRITE, used.server * 1e6 / measured.answered)
        .with(&P50, times.quantile(0.5))
        .with(&P99, times.quantile(0.99))
        .with(&P999, times.quantile(0.999));
    Ok(outcome.faults(faults).foreign(used.foreign))
}
