//! A writer that never pauses, and clients that come, resume, stall and go meanwhile.

use crate::world::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use tidewire_feed::Options;
use tidewire_model::{Principal, Seq};
use tokio::runtime::Handle;

/// At least so many commits, and until every client is done.
const COMMITS: u64 = 1000;
const OWNERS: u64 = 4;
/// Changes of one commit, at most.
const BATCH: u64 = 3;

fn write_until(world: &World, enough: &AtomicBool) {
    let runtime = Handle::current();
    let mut number = 0u64;
    while number < COMMITS || !enough.load(SeqCst) {
        let batch: Vec<Write> = (0..number % BATCH + 1)
            .map(|i| {
                post(&format!("r{} owner=o{} author=good", (number + i) % 50, (number * 7 + i) % OWNERS))
            })
            .collect();
        world.commit(&batch);
        number += 1;
        // a fake log has no disk to wait for: without this the hub would only ever fall behind
        if number.is_multiple_of(32) {
            runtime.block_on(world.sync());
        }
    }
}

/// What a subscription to one owner must hear of the log after `after`.
fn expected(world: &World, name: &str, owner: &str, after: Seq) -> Vec<String> {
    let changes = world.log.all().into_iter().filter(|change| change.position.seq > after);
    let seen = changes.filter(|change| owner.is_empty() || change.record().text("owner") == owner);
    seen.map(|change| line(&change, name, tidewire_feed::Told::Is(change.action))).collect()
}

/// One client that subscribes (resuming half of the time), reads with pauses, and in the end has heard everything.
async fn client(world: Arc<World>, number: u64) {
    let owner = if number.is_multiple_of(3) { String::new() } else { format!("o{}", number % OWNERS) };
    let rule = match (owner.is_empty(), number.is_multiple_of(5)) {
        (true, false) => String::new(),
        (true, true) => "author.role = 'x'".to_owned(),
        (false, false) => format!("owner = '{owner}'"),
        (false, true) => format!("owner = '{owner}' && author.role = 'x'"),
    };
    let client = world.connect();
    let length = if number.is_multiple_of(2) { 80 } else { 0 };
    let listen = Listen { length, ..Listen::to("l", &rule) };
    let before = world.announced();
    let resumes = number % 4 < 2;
    let from = if resumes { before / 2 } else { before };
    let subscription = if resumes { listen.after(from, &[]) } else { listen.now() };
    client.set(Principal::Guest, vec![subscription]).await;
    let covered = world.settled();
    let mut heard = Vec::new();
    for pause in 0..number % 7 {
        for _ in 0..pause * 10 {
            tokio::task::yield_now().await;
        }
        heard.extend(client.read().await.unwrap());
    }
    if number.is_multiple_of(6) {
        // set again in the middle: it goes on where it was
        client.set(Principal::Guest, vec![listen.now()]).await;
    }
    let end = world.announced();
    heard.extend(client.read_to_end(&world).await);
    let all = expected(&world, "l", &owner, if resumes { from } else { 0 });
    if resumes {
        return check(&heard, &all, end, number);
    }
    // it may begin anywhere between the call and its return, or with the one commit that was under way
    let begun = heard.first().map_or(covered, |line| seq_of(line) - 1).min(covered);
    assert!(begun + BATCH >= before, "client {number}: began with what was long past");
    let all: Vec<String> = all.into_iter().filter(|line| seq_of(line) > begun).collect();
    check(&heard, &all, end, number);
}

fn seq_of(line: &str) -> Seq {
    line.split(' ').next().unwrap().parse().unwrap()
}

/// All of the beginning, and everything that was committed before the end was asked for.
fn check(heard: &[String], all: &[String], end: Seq, number: u64) {
    for (heard, expected) in heard.iter().zip(all) {
        assert_eq!(heard, expected, "client {number}");
    }
    assert!(heard.len() <= all.len(), "client {number} heard too much");
    let missing = all[heard.len()..].iter().find(|line| seq_of(line) <= end);
    assert_eq!(missing, None, "client {number} did not hear all");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_gap_and_no_overlap_whatever_the_writer_does() {
    for (outbox_bytes, input, ring, replay_bytes) in
        [(256 * 1024, 65_536, 8192, 32 << 20), (600, 65_536, 64, 32 << 20), (600, 8, 256, 0)]
    {
        let slow_questions = 64;
        let bounds = Options { outbox_bytes, input, ring, replay_bytes, slow_questions, ..options() };
        let world = Arc::new(World::new(bounds));
        let (writing, enough) = (world.clone(), Arc::new(AtomicBool::new(false)));
        let is_enough = enough.clone();
        let writer = tokio::task::spawn_blocking(move || write_until(&writing, &is_enough));
        let clients: Vec<_> = (0..24)
            .map(|number| {
                let world = world.clone();
                tokio::spawn(async move {
                    for round in 0..4 {
                        client(world.clone(), number + 24 * round).await;
                    }
                })
            })
            .collect();
        let mut ends = Vec::new();
        for client in clients {
            ends.push(client.await);
        }
        enough.store(true, SeqCst);
        writer.await.unwrap();
        ends.into_iter().for_each(Result::unwrap);
    }
}
