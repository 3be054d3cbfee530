//! Rows of CocoBase's sockets: watchers of a collection, broadcast, rooms. PocketBase has none of them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};

use crate::load::{Progress, percentile};
use crate::marker::Mark;
use crate::rows::{Run, WINDOW, WRITERS, drain, refuse_failures};
use crate::setup::KEY;
use crate::socket::Socket;
use crate::subscribers::{Feed, Subscribers};
use crate::table::{Better, Outcome};

/// Stands in every confirmation.
const CONFIRMED: &str = "\"event\"";
/// Members of each room where there are many.
const MEMBERS: usize = 10;
/// Messages whose way there and back is timed.
const TIMED: usize = 200;

impl Run<'_> {
    /// Writes at full speed to watchers, all without a filter or each with its own.
    pub fn watch(&self, name: &str, filtered: bool) -> Result<Vec<Outcome>> {
        let count = self.plan.subscribers;
        let feeds = (0..count).map(|at| {
            let mut first = json!({ "api_key": KEY });
            if filtered {
                first["filters"] = json!({ "kind": format!("k{at}") });
            }
            let socket =
                Socket::open(self.server.address, "/realtime/collections/public", &first, CONFIRMED)?;
            let key = filtered.then_some(at as u8);
            // a document is flat and nested: its mark comes twice
            Ok(Feed { stream: socket.reader()?, key, copies: 2 })
        });
        let subscribers = Subscribers::over(feeds.collect::<Result<_>>()?)?;
        let request = |writer, sequence: u32| {
            let (group, listeners) = if filtered { (sequence as usize % count, 1) } else { (0, count) };
            self.create("public", writer, sequence, group, 0, listeners as u64)
        };
        let window = if filtered { WINDOW } else { WINDOW * count as u64 };
        let may_go =
            |progress: &Progress| progress.owed.load(Ordering::Relaxed) < subscribers.delivered() + window;
        let load = self.load(WRITERS, &request, &may_go);
        let ((used, delivered), _, progress) = load.run(|_| self.measure(|| subscribers.delivered()))?;
        refuse_failures(name, &progress)?;
        let faults = drain(subscribers, &progress)?;
        let outcome = |unit, better, value| {
            Outcome::new(name, unit, better, value).disturbed(used.foreign).faults(faults)
        };
        Ok(vec![
            outcome("deliveries/s", Better::Higher, delivered / used.wall),
            outcome("server µs CPU each", Better::Lower, used.server * 1e6 / delivered),
        ])
    }

    /// Members that hear each other: in `rooms` rooms, or with none in the channel of the project.
    pub fn talk(&self, name: &str, rooms: usize) -> Result<Vec<Outcome>> {
        let members = if rooms > 1 { MEMBERS } else { self.plan.subscribers };
        let places = rooms.max(1);
        let (mut speakers, mut feeds) = (Vec::new(), Vec::new());
        for at in 0..places * members {
            let socket = self.enter(rooms, at % places, at)?;
            feeds.push(Feed { stream: socket.reader()?, key: None, copies: 1 });
            if at < places {
                speakers.push(socket);
            }
        }
        let subscribers = Subscribers::over(feeds)?;
        let progress = Progress::default();
        let (sequence, window) = (AtomicU64::new(0), WINDOW * members as u64);
        let stop = AtomicBool::new(false);
        let (used, delivered) = std::thread::scope(|scope| {
            let stop = &stop;
            let speak = scope.spawn({
                let (progress, subscribers, sequence) = (&progress, &subscribers, &sequence);
                move || -> Result<()> {
                    while !stop.load(Ordering::Relaxed) {
                        if progress.owed.load(Ordering::Relaxed) >= subscribers.delivered() + window {
                            std::thread::sleep(Duration::from_micros(100));
                            continue;
                        }
                        let number = sequence.fetch_add(1, Ordering::Relaxed);
                        let at = number as usize % speakers.len();
                        speakers[at].send(&message(number as u32))?;
                        progress.owed.fetch_add(members as u64, Ordering::Relaxed);
                    }
                    Ok(())
                }
            });
            let measured = self.measure(|| subscribers.delivered());
            stop.store(true, Ordering::Relaxed);
            let spoken = speak.join().map_err(|_| anyhow::anyhow!("the speaking thread panicked"))?;
            spoken.and(measured)
        })?;
        let faults = drain(subscribers, &progress)?;
        let outcome = |unit, better, value| {
            Outcome::new(name, unit, better, value).disturbed(used.foreign).faults(faults)
        };
        Ok(vec![
            outcome("deliveries/s", Better::Higher, delivered / used.wall),
            outcome("messages/s", Better::Higher, delivered / used.wall / members as f64),
            outcome("server µs CPU per delivery", Better::Lower, used.server * 1e6 / delivered),
        ])
    }

    /// The way of a message to the room and back to its sender, while all members listen.
    pub fn echo(&self, name: &str) -> Result<Vec<Outcome>> {
        let mut speaker = self.enter(1, 0, 0)?;
        let mut feeds = Vec::new();
        for at in 1..self.plan.subscribers {
            feeds.push(Feed { stream: self.enter(1, 0, at)?.reader()?, key: None, copies: 1 });
        }
        let subscribers = Subscribers::over(feeds)?;
        let mut times = Vec::with_capacity(TIMED);
        for number in 0..TIMED {
            let text = message(number as u32);
            let mark = Mark { writer: 0, key: 0, sequence: number as u32 }.text();
            let begun = Instant::now();
            speaker.send(&text)?;
            while !String::from_utf8_lossy(&speaker.next()?).contains(&mark) {}
            times.push(begun.elapsed().as_secs_f64() * 1e3);
            std::thread::sleep(Duration::from_millis(5));
        }
        subscribers.close()?;
        Ok(vec![
            Outcome::new(name, "p50 ms", Better::Lower, percentile(&mut times, 0.5)),
            Outcome::new(name, "p99 ms", Better::Lower, percentile(&mut times, 0.99)),
        ])
    }

    fn enter(&self, rooms: usize, place: usize, at: usize) -> Result<Socket> {
        let path = match rooms {
            0 => "/realtime/broadcast".to_owned(),
            _ => format!("/realtime/rooms/room{place}"),
        };
        let first: Value = json!({ "api_key": KEY, "user_id": format!("user{at}"), "action": "create" });
        Socket::open(self.server.address, &path, &first, CONFIRMED)
    }
}

/// About 200 bytes for all.
fn message(number: u32) -> String {
    let mark = Mark { writer: 0, key: 0, sequence: number }.text();
    let body = "abcdefghij".repeat(10);
    format!("{{\"type\":\"message\",\"data\":\"{mark}{body}\",\"content\":\"{mark}{body}\"}}")
}
