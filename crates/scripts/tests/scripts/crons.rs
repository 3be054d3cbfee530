//! Schedules.

use crate::world::{World, lines};
use serde_json::{Value as Json, json};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use tidewire_hooks::{Act, ActError, Hands};
use tidewire_outbound::Policy;

/// Tells what is published, and goes on when it is told to.
struct Post(Sender<(String, Json)>, Arc<Mutex<Receiver<()>>>);

impl Hands for Post {
    fn act(&mut self, act: Act) -> Result<Json, ActError> {
        let Act::Publish { topic, data } = act else { panic!("{act:?}") };
        self.0.send((topic, data)).unwrap();
        self.1.lock().unwrap().recv().unwrap();
        Ok(Json::Null)
    }
}

#[test]
fn a_cron_runs_when_it_is_due_and_once_at_a_time() {
    let (posted, posts) = channel();
    let (go, gate) = channel();
    let gate = Arc::new(Mutex::new(gate));
    let script = "cron('30 4 * 3 *', (e) => publish(e.name, e.time), {name: 'nightly', timeout: 60});
                  cron('@yearly', (e) => publish('never', 1))";
    let hands = move || Box::new(Post(posted.clone(), gate.clone())) as Box<dyn Hands + Send>;
    let still = |options: &mut tidewire_scripts::Options| options.poll = std::time::Duration::from_secs(3600);
    let world = World::within(&[("a.js", script)], still, Arc::new(hands), Policy::default()).unwrap();
    let tick = |time: &str| world.scripts.tick(time.parse().unwrap());
    tick("2099-02-15T00:00:00Z");
    tick("2099-03-01T04:29:59Z");
    tick("2099-03-01T04:30:00Z");
    assert_eq!(posts.recv().unwrap(), ("nightly".to_owned(), json!("2099-03-01T04:30:00Z")));
    tick("2099-03-01T04:30:59Z");
    assert!(!lines().contains("it still runs: this run is left out"));
    // it waits still when the next run is due
    tick("2099-03-02T04:30:00Z");
    assert!(lines().contains("it still runs: this run is left out cron=\"nightly\""));
    go.send(()).unwrap();
    // the next one that can run, runs
    for year in 2100.. {
        tick(&format!("{year}-03-01T04:30:00Z"));
        if let Ok((_, time)) = posts.recv_timeout(std::time::Duration::from_millis(50)) {
            assert_ne!(time, json!("2099-03-02T04:30:00Z"));
            break;
        }
    }
    go.send(()).unwrap();
    assert!(posts.try_recv().is_err());
}
