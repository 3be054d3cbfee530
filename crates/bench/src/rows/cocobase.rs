//! CocoBase's sockets: watchers of a collection, broadcast, rooms.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use serde_json::{Value, json};

use super::{Home, Measured, OURS, Row, Stage, TIMED, WINDOW, drain};
use crate::clock;
use crate::farm::Harvest;
use crate::histogram::Histogram;
use crate::marker::Mark;
use crate::outcome::{CPU_DELIVERY, DELIVERIES, Faults, Outcome, P50, P99};
use crate::plan::Plan;
use crate::socket::{Opening, Socket};
use crate::subscribers::{Feed, Subscribers};
use crate::topic::Topic;
use crate::world::{KEY, Record};

/// Stands in every confirmation.
const CONFIRMED: &str = "\"event\"";
/// Members of each room where there are many.
const MEMBERS: usize = 10;
/// Messages whose way there and back is timed, and the pause between them.
const TIMED_MESSAGES: usize = 200;
const PAUSE: Duration = Duration::from_millis(5);
const LOOK: Duration = Duration::from_micros(100);

pub fn rows(plan: &Plan) -> Vec<Row> {
    let count = plan.crowd;
    let row = |name: String, work: fn(&Stage, usize) -> Result<Outcome>| {
        Row::new(Topic::Sockets, name, OURS, Home::Shared, move |stage| work(stage, count))
    };
    vec![
        row(format!("CocoBase, {count} watchers"), |stage, count| watch(stage, count, false)),
        row(format!("CocoBase, {count} watchers, a filter each"), |stage, count| watch(stage, count, true)),
        row(format!("CocoBase, broadcast to {count}"), |stage, count| talk(stage, 0, count)),
        row(format!("CocoBase, a room of {count}"), |stage, count| talk(stage, 1, count)),
        row(format!("CocoBase, {count} rooms of {MEMBERS}"), |stage, count| talk(stage, count, MEMBERS)),
        row(format!("CocoBase, there and back in a room of {count}"), echo),
    ]
}

/// Writes at full speed to watchers, all without a filter or each with its own.
fn watch(stage: &Stage, count: usize, filtered: bool) -> Result<Outcome> {
    let host = stage.host()?;
    let address = host.server.address;
    let feeds = (0..count).map(|at| {
        let mut first = json!({ "api_key": KEY });
        if filtered {
            first["filters"] = json!({ "kind": format!("k{at}") });
        }
        let path = "/realtime/collections/public".to_owned();
        let socket = Socket::open(address, &Opening { path, first, confirmed: CONFIRMED })?;
        // a document is flat and nested: its mark comes twice
        Ok(Feed { stream: socket.reader()?, key: filtered.then_some(at as u8), copies: 2 })
    });
    let subscribers = Subscribers::over(address, feeds.collect::<Result<_>>()?)?;
    let listeners = if filtered { 1 } else { count as u64 };
    let (measured, progress) = stage.full_speed(&subscribers, "", WINDOW * listeners, &|ticket| {
        let kind = if filtered { ticket.sequence as usize % count } else { 0 };
        host.world.create(Record { kind, ..Record::of("public") }, ticket, listeners)
    })?;
    let (harvest, faults) = drain(subscribers, progress.owed())?;
    Ok(told(&measured, &harvest, faults))
}

/// Members that hear each other: in `rooms` rooms, or with none in the channel of the project.
fn talk(stage: &Stage, rooms: usize, members: usize) -> Result<Outcome> {
    let address = stage.host()?.server.address;
    let places = rooms.max(1);
    let (mut speakers, mut feeds) = (Vec::new(), Vec::new());
    for at in 0..places * members {
        let socket = enter(address, rooms, at % places, at)?;
        feeds.push(Feed { stream: socket.reader()?, key: None, copies: 1 });
        if at < places {
            speakers.push(socket);
        }
    }
    let subscribers = Subscribers::over(address, feeds)?;
    let (said, stop, window) = (AtomicU64::new(0), AtomicBool::new(false), WINDOW * members as u64);
    let pid = stage.host()?.server.pid();
    let owed = || said.load(Ordering::Relaxed) * members as u64;
    let measured = std::thread::scope(|scope| {
        let speaking = scope.spawn(|| -> Result<()> {
            while !stop.load(Ordering::Relaxed) {
                if owed() >= subscribers.delivered() + window {
                    std::thread::sleep(LOOK);
                    continue;
                }
                let number = said.load(Ordering::Relaxed);
                speakers[number as usize % places].send(&message(number as u32).0)?;
                said.store(number + 1, Ordering::Relaxed);
            }
            Ok(())
        });
        let counts = || (subscribers.delivered(), said.load(Ordering::Relaxed));
        let measured = stage.measure(pid, stage.plan.seconds, counts, || subscribers.part(TIMED));
        stop.store(true, Ordering::Relaxed);
        speaking.join().map_err(|_| anyhow!("the speaking thread panicked"))??;
        measured
    })?;
    let (harvest, faults) = drain(subscribers, owed())?;
    Ok(told(&measured, &harvest, faults))
}

/// The way of a message to the room and back to its sender, while all members listen.
fn echo(stage: &Stage, count: usize) -> Result<Outcome> {
    let address = stage.host()?.server.address;
    let mut speaker = enter(address, 1, 0, 0)?;
    let feeds =
        (1..count).map(|at| Ok(Feed { stream: enter(address, 1, 0, at)?.reader()?, key: None, copies: 1 }));
    let subscribers = Subscribers::over(address, feeds.collect::<Result<_>>()?)?;
    let mut times = Histogram::default();
    for number in 0..TIMED_MESSAGES {
        let (text, mark) = message(number as u32);
        let begun = Instant::now();
        speaker.send(&text)?;
        while !String::from_utf8_lossy(&speaker.next()?).contains(&mark) {}
        times.record(clock::nanos(begun.elapsed()));
        std::thread::sleep(PAUSE);
    }
    let harvest = subscribers.close()?;
    ensure!(harvest.tally.closed == 0, "the server ended {} sockets", harvest.tally.closed);
    Ok(Outcome::default().with(&P50, times.quantile(0.5)).with(&P99, times.quantile(0.99)))
}

fn enter(address: SocketAddr, rooms: usize, place: usize, at: usize) -> Result<Socket> {
    let path = match rooms {
        0 => "/realtime/broadcast".to_owned(),
        _ => format!("/realtime/rooms/room{place}"),
    };
    let first: Value = json!({ "api_key": KEY, "user_id": format!("user{at}"), "action": "create" });
    Socket::open(address, &Opening { path, first, confirmed: CONFIRMED })
}

/// About 240 bytes for all, and the mark in them.
fn message(number: u32) -> (String, String) {
    let mark = Mark { writer: 0, key: 0, sequence: number, time: clock::now() }.text();
    let body = "abcdefghij".repeat(8);
    (format!("{{\"type\":\"message\",\"data\":\"{mark}{body}\",\"content\":\"{mark}{body}\"}}"), mark)
}

fn told(measured: &Measured, harvest: &Harvest, faults: Faults) -> Outcome {
    let (used, times) = (measured.used, &harvest.tally.times[TIMED]);
    Outcome::default()
        .with(&DELIVERIES, measured.delivered / used.wall)
        .with(&CPU_DELIVERY, used.server * 1e6 / measured.delivered)
        .with(&P50, times.quantile(0.5))
        .with(&P99, times.quantile(0.99))
        .faults(faults)
        .foreign(used.foreign)
}
