//! Those who write, whatever happens to their requests: what became of a write stands in the log.

use crate::http::Caller;
use crate::world::{COLLECTIONS, KINDS, TOPIC};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value as Json, json};
use std::collections::HashSet;
use std::io::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;

/// Numbers of one writer.
const SHARE: i64 = 1_000_000;
/// Between two writes.
const PAUSE: Duration = Duration::from_millis(8);

pub struct Writers {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<HashSet<i64>>>,
}

impl Writers {
    /// One for each caller.
    pub fn start(callers: Vec<Caller>, pinned: &[String; 2], seed: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let tasks = callers.into_iter().zip(1..).map(|(caller, number)| {
            let dice = StdRng::seed_from_u64(seed.wrapping_add(number));
            let next = SHARE * number.cast_signed();
            let made = Default::default();
            let writer = Writer { caller, dice, next, given: 0, pinned: pinned.clone(), made };
            tokio::spawn(writer.run(stop.clone()))
        });
        let tasks = tasks.collect();
        Self { stop, tasks }
    }

    /// The numbers of all writes that were acknowledged.
    pub async fn stop(self) -> HashSet<i64> {
        self.stop.store(true, Ordering::Relaxed);
        let mut acknowledged = HashSet::new();
        for task in self.tasks {
            acknowledged.extend(task.await.unwrap());
        }
        acknowledged
    }
}

struct Writer {
    caller: Caller,
    dice: StdRng,
    next: i64,
    /// numbers of the write under way
    given: i64,
    pinned: [String; 2],
    /// records of each collection that may still be there
    made: [Vec<String>; 2],
}

impl Writer {
    async fn run(mut self, stop: Arc<AtomicBool>) -> HashSet<i64> {
        let mut acknowledged = HashSet::new();
        while !stop.load(Ordering::Relaxed) {
            self.given = 0;
            if self.write().await.is_ok_and(|status| status < 300) {
                acknowledged.extend(self.next - self.given + 1..=self.next);
            }
            tokio::time::sleep(PAUSE).await;
        }
        acknowledged
    }

    /// Each number is given once, also if nobody knows what became of it.
    fn body(&mut self) -> Json {
        self.next += 1;
        self.given += 1;
        let kind = KINDS[self.dice.random_range(0..KINDS.len())];
        let text = "t\u{ef}de ".repeat(self.dice.random_range(0..60));
        json!({ "n": self.next, "kind": kind, "text": text })
    }

    async fn write(&mut self) -> Result<u16, Error> {
        let place = self.dice.random_range(0..COLLECTIONS.len());
        match self.dice.random_range(0..100) {
            0..40 => self.create(place).await,
            40..55 => self.update(place).await,
            55..65 => {
                // it keeps its kind
                let body = json!({ "n": self.body()["n"] });
                let path = record(place, &self.pinned[place]);
                Ok(self.caller.send("PATCH", &path, &body).await?.0)
            }
            65..75 => self.delete(place).await,
            75..85 => self.batch().await,
            _ => {
                let body = json!({ "topic": TOPIC, "data": self.body() });
                Ok(self.caller.send("POST", "/api/pubsub/publish", &body).await?.0)
            }
        }
    }

    async fn create(&mut self, place: usize) -> Result<u16, Error> {
        let body = self.body();
        let (status, made) = self.caller.send("POST", &records(place), &body).await?;
        self.made[place].extend(made["id"].as_str().map(str::to_owned));
        Ok(status)
    }

    async fn update(&mut self, place: usize) -> Result<u16, Error> {
        if self.made[place].is_empty() {
            return self.create(place).await;
        }
        let chosen = self.dice.random_range(0..self.made[place].len());
        let body = self.body();
        let path = record(place, &self.made[place][chosen]);
        Ok(self.caller.send("PATCH", &path, &body).await?.0)
    }

    async fn delete(&mut self, place: usize) -> Result<u16, Error> {
        match self.made[place].pop() {
            Some(id) => Ok(self.caller.send("DELETE", &record(place, &id), &Json::Null).await?.0),
            None => self.create(place).await,
        }
    }

    /// Four neighbours in the log: all of them or none.
    async fn batch(&mut self) -> Result<u16, Error> {
        let places = [0, 1, 1, 0];
        let requests =
            places.map(|place| json!({ "method": "POST", "url": records(place), "body": self.body() }));
        Ok(self.caller.send("POST", "/api/batch", &json!({ "requests": requests })).await?.0)
    }
}

fn records(place: usize) -> String {
    format!("/api/collections/{}/records", COLLECTIONS[place])
}

fn record(place: usize, id: &str) -> String {
    format!("{}/{id}", records(place))
}
