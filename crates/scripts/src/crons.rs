use crate::HandsMaker;
use crate::schedule::Schedule;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use std::collections::HashSet;
use std::sync::Arc;
use tidewire_hooks::{Event, Hooks, Occasion};
use tidewire_model::TenantId;
use tokio::runtime::Handle;

/// Minutes that are looked at after the clock stood still or jumped ahead.
const MISSED: usize = 24 * 60;

pub struct Cron {
    pub name: Box<str>,
    pub schedule: Schedule,
}

/// Calls crons when they are due, each at most once at a time.
pub struct Crons {
    hooks: Hooks,
    hands: HandsMaker,
    tokio: Handle,
    /// the last minute that was looked at
    seen: Mutex<DateTime>,
    running: Arc<Mutex<HashSet<Box<str>>>>,
}

impl Crons {
    pub fn new(hooks: Hooks, hands: HandsMaker, tokio: Handle, now: Timestamp) -> Self {
        Self { hooks, hands, tokio, seen: Mutex::new(minute(now)), running: Arc::default() }
    }

    /// Starts what became due since the last time.
    pub fn tick(&self, crons: &[Cron], now: Timestamp) {
        let now = minute(now);
        let seen = std::mem::replace(&mut *self.seen.lock(), now);
        for cron in crons {
            if let Some(at) = due(&cron.schedule, seen, now) {
                self.start(&cron.name, at);
            }
        }
    }

    fn start(&self, name: &str, at: DateTime) {
        if !self.running.lock().insert(name.into()) {
            tracing::warn!(cron = name, "it still runs: this run is left out");
            return;
        }
        let running = Running { name: name.into(), all: self.running.clone() };
        let (hooks, hands) = (self.hooks.clone(), self.hands.clone());
        self.tokio.spawn_blocking(move || {
            let mut occasion = Occasion::new(Event::Cron, TenantId::default())
                .with("name", &*running.name)
                .with("time", format!("{at}Z"));
            // by it the one that is meant is found
            occasion.collection = Some(running.name.clone());
            // it cannot be refused, and failures are in the log
            let _ = hooks.call(&mut occasion, &mut *hands());
        });
    }
}

/// A run, which ends with it.
struct Running {
    name: Box<str>,
    all: Arc<Mutex<HashSet<Box<str>>>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.all.lock().remove(&self.name);
    }
}

fn minute(at: Timestamp) -> DateTime {
    let at = TimeZone::UTC.to_datetime(at);
    at.with().second(0).subsec_nanosecond(0).build().unwrap_or(at)
}

/// The last minute after `seen` and up to `now` in which it was due.
fn due(schedule: &Schedule, seen: DateTime, now: DateTime) -> Option<DateTime> {
    let back = |at: &DateTime| at.checked_sub(SignedDuration::from_mins(1)).ok();
    let minutes = std::iter::successors(Some(now), back).take_while(|at| *at > seen).take(MISSED);
    minutes.into_iter().find(|at| schedule.is_due(*at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_minute_counts_once_and_missed_ones_together() {
        let schedule = Schedule::read("*/10 * * * *").unwrap();
        for (seen, now, at) in [
            ("18:50", "18:50", None),
            ("18:49", "18:50", Some("18:50")),
            ("18:50", "18:51", None),
            ("18:05", "18:50", Some("18:50")),
            ("18:05", "18:47", Some("18:40")),
            // the clock was set back
            ("18:50", "18:40", None),
        ] {
            let time = |text: &str| format!("2026-11-28T{text}").parse::<DateTime>().unwrap();
            assert_eq!(due(&schedule, time(seen), time(now)), at.map(time), "{seen} {now}");
        }
    }
}
