//! Connections that are cut and a server that is killed while writers run: what each subscription hears is what the log says.
//!
//! `TIDEWIRE_CHAOS_CUTS` and `TIDEWIRE_CHAOS_KILLS` make it longer, `TIDEWIRE_CHAOS_SEED` repeats its cuts.

#![allow(clippy::unwrap_used)]

mod clients;
mod http;
mod log;
mod readers;
mod relay;
mod server;
mod world;
mod writers;

use http::Caller;
use log::{Log, Topic};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use readers::{Heard, Reader};
use relay::Relay;
use std::collections::HashSet;
use std::time::Duration;
use world::{COLLECTIONS, PINNED, TOPIC, World};
use writers::Writers;

const READERS: usize = 8;
const WRITERS: usize = 6;

/// A setting of this test.
#[expect(clippy::disallowed_methods, reason = "the tests' own settings")]
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_heard_over_broken_connections_is_what_the_log_says() {
    let seed = setting("TIDEWIRE_CHAOS_SEED", rand::random());
    let (cuts, kills) = (setting("TIDEWIRE_CHAOS_CUTS", 2000), setting("TIDEWIRE_CHAOS_KILLS", 20));
    println!("TIDEWIRE_CHAOS_SEED={seed}");
    let mut world = World::start().await;
    let reading = Relay::start(world.server.address, seed).await;
    let writing = Relay::start(world.server.address, !seed).await;
    let mut heard = listen(&world, &reading);
    let writers = Writers::start(callers(&world, &writing), &world.pinned, seed);

    let mut dice = StdRng::seed_from_u64(seed);
    for kill in 0..=kills {
        reached(&reading, cuts * (kill + 1) / (kills + 1)).await;
        if kill < kills {
            world.server.kill();
            tokio::time::sleep(Duration::from_millis(dice.random_range(0..150))).await;
            world.server.run().await;
        }
    }
    let acknowledged = writers.stop().await;
    for relay in [&reading, &writing] {
        relay.calm();
    }
    // the second shows that nothing was repeated after the first
    for number in [-1, -2] {
        world.mark(number).await;
        for one in &mut heard {
            one.until(number).await;
        }
    }
    world.server.kill();
    compare(&world, &mut heard, &acknowledged).await;
    println!("{} cuts, {} of requests, {} writes", reading.cuts(), writing.cuts(), acknowledged.len());
}

async fn reached(relay: &Relay, cuts: u64) {
    while relay.cuts() < cuts {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn listen(world: &World, relay: &Relay) -> Vec<Heard> {
    let readers = (0..READERS).flat_map(|client| {
        // every other one is a guest, who sees the first collection only
        let token = if client % 2 == 0 { world.user.token.clone() } else { String::new() };
        let seen = if client % 2 == 0 { COLLECTIONS.len() } else { 1 };
        let topics = COLLECTIONS.into_iter().zip(&world.pinned).take(seen).flat_map(|(name, id)| {
            [Topic::All(name), Topic::One(name, id.clone()), Topic::Kind(name, PINNED)]
        });
        let topics = topics.chain([Topic::Said(TOPIC)]).collect();
        let caller = Caller { address: relay.address, token };
        // two of each kind know the bare protocol, two are the Rust client
        match client % 4 {
            0 | 1 => Reader::start(client, caller, topics, &world.beginning),
            _ => clients::start(client, &caller, topics, &world.beginning),
        }
    });
    readers.collect()
}

/// Half of them ask over connections that break.
fn callers(world: &World, relay: &Relay) -> Vec<Caller> {
    let address = |number| if number % 2 == 0 { relay.address } else { world.server.address };
    let token = &world.root.token;
    (0..WRITERS).map(|number| Caller { address: address(number), token: token.clone() }).collect()
}

async fn compare(world: &World, heard: &mut [Heard], acknowledged: &HashSet<i64>) {
    let log = Log::read(&world.server.dir());
    let mut logged = HashSet::new();
    for one in heard {
        let told = one.until(-2).await;
        let wanted = log.after(&world.beginning, &one.topic);
        logged.extend(wanted.iter().map(|fact| fact.revision));
        if let Some(words) = log::parting(&told, &wanted) {
            panic!("client {}, {:?}: {words}", one.client, one.topic);
        }
    }
    let lost: Vec<_> = acknowledged.difference(&logged).collect();
    assert!(lost.is_empty(), "acknowledged, and not in the log: {lost:?}");
}
