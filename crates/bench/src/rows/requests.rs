//! Requests in a closed loop, with nobody listening.

use anyhow::Result;
use serde_json::json;

use super::{Home, Row, SERVERS, Stage, time_answers};
use crate::disk;
use crate::load::{Pace, Request, Ticket};
use crate::marker::Mark;
use crate::outcome::{CPU_REQUEST, Outcome, P50, P99, REQUESTS};
use crate::plan::Plan;
use crate::program::Kind;
use crate::topic::Topic;
use crate::world::{KINDS, Record, World, list, shelf_path};

/// Creates are also taken with the durability that PocketBase gives.
const WITH_UNSYNCED: &[Kind] = &[Kind::PocketBase, Kind::Tidewire, Kind::Unsynced];

#[derive(Clone, Copy)]
enum Call {
    Create,
    Update,
    View,
    List,
}

pub fn rows(plan: &Plan) -> Vec<Row> {
    let row = |name: &str, call: Call, connections: usize| {
        let name = format!("{name}, {connections} under way");
        let programs = if matches!(call, Call::Create) { WITH_UNSYNCED } else { SERVERS };
        Row::new(Topic::Requests, name, programs, Home::Shared, move |stage| ask(stage, call, connections))
    };
    let syncs = plan.syncs;
    let mut rows: Vec<Row> = [1, 16, 64].map(|connections| row("create", Call::Create, connections)).into();
    let name = "append 4 KiB and `fdatasync`".to_owned();
    rows.push(Row::new(Topic::Requests, name, &[Kind::Disk], Home::Own, move |_| {
        let times = disk::syncs(syncs)?;
        Ok(Outcome::default().with(&P50, times.quantile(0.5)).with(&P99, times.quantile(0.99)))
    }));
    for (name, call) in [("update", Call::Update), ("view", Call::View), ("list", Call::List)] {
        rows.extend([1, 16].map(|connections| row(name, call, connections)));
    }
    rows
}

/// Creates in a closed loop.
pub fn create(stage: &Stage, connections: usize) -> Result<Outcome> {
    ask(stage, Call::Create, connections)
}

fn ask(stage: &Stage, call: Call, connections: usize) -> Result<Outcome> {
    let host = stage.host()?;
    host.world.fill_shelf()?;
    let request = |ticket| call.request(&host.world, ticket);
    let load = stage.load(connections, Pace::Closed(&|_| true), &request)?;
    let (measured, progress) = load.run(|progress| {
        let counts = || (0, progress.answered());
        stage.measure(host.server.pid(), stage.plan.seconds, counts, || time_answers(progress))
    })?;
    let (used, times) = (measured.used, progress.times());
    Ok(Outcome::default()
        .with(&REQUESTS, measured.answered / used.wall)
        .with(&CPU_REQUEST, used.server * 1e6 / measured.answered)
        .with(&P50, times.quantile(0.5))
        .with(&P99, times.quantile(0.99))
        .foreign(used.foreign))
}

impl Call {
    fn request(self, world: &World, ticket: Ticket) -> Request {
        let at = ticket.sequence as usize;
        let (method, path, body) = match self {
            Call::Create => return world.create(Record::of("public"), ticket, 0),
            Call::Update => ("PATCH", shelf_path(at), json!({ "mark": mark(ticket) }).to_string()),
            Call::View => ("GET", shelf_path(at), String::new()),
            Call::List => ("GET", list(at % KINDS), String::new()),
        };
        Request { method, path, body, fans_out: 0 }
    }
}

fn mark(ticket: Ticket) -> String {
    let Ticket { writer, sequence, time } = ticket;
    Mark { writer, key: 0, sequence, time }.text()
}
