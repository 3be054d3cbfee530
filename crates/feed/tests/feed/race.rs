//! A writer that never pauses, and clients that come, resume, stall and go meanwhile.

use crate::world::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use tidewire_feed::{Log, Options};
use tidewire_model::{Principal, Seq};
use tokio::runtime::Handle;

/// At least so many commits, and until every client is done.
const COMMITS: u64 = 1000;
const OWNERS: u64 = 4;

fn write_until(world: &World, enough: &AtomicBool) {
    let runtime = Handle::current();
    let mut number = 0u64;
    while number < COMMITS || !enough.load(SeqCst) {
        let batch: Vec<Write> = (0..number % 3 + 1)
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
    let before = world.log.head();
    let resumes = number % 4 < 2;
    let from = if resumes { before / 2 } else { before };
    let subscription = if resumes { listen.after(from, &[]) } else { listen.now() };
    client.set(Principal::Guest, vec![subscription]).await;
    let covered = world.log.head();
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
    heard.extend(client.read_to_end(&world).await);
    let last = world.log.head();
    let up_to = |line: &String| line.split(' ').next().unwrap().parse::<Seq>().unwrap();
    let heard_up_to = heard.last().map_or(from, up_to);
    let all = expected(&world, "l", &owner, from);
    if resumes {
        assert!(all.starts_with(&heard), "client {number}");
    } else {
        // it may begin anywhere between the call and its return
        let skipped = all.iter().position(|line| Some(line) == heard.first()).unwrap_or(all.len());
        assert!(all[skipped..].starts_with(&heard), "client {number}");
        assert!(
            all[..skipped].iter().all(|line| up_to(line) <= covered),
            "client {number}: a gap at the start"
        );
    }
    assert!(heard_up_to <= last);
    let rest = all.iter().filter(|line| up_to(line) <= covered && up_to(line) > heard_up_to).count();
    assert_eq!(rest, 0, "client {number}: what was committed before the end was heard");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_gap_and_no_overlap_whatever_the_writer_does() {
    for (outbox_bytes, input, ring) in [(256 * 1024, 65_536, 8192), (600, 65_536, 64), (600, 8, 256)] {
        let world =
            Arc::new(World::new(Options { outbox_bytes, input, ring, slow_questions: 64, ..options() }));
        let (writing, enough) = (world.clone(), Arc::new(AtomicBool::new(false)));
        let is_enough = enough.clone();
        let writer = tokio::task::spawn_blocking(move || write_until(&writing, &is_enough));
        let clients: Vec<_> = (0..24).map(|number| tokio::spawn(client(world.clone(), number))).collect();
        for client in clients {
            client.await.unwrap();
        }
        enough.store(true, SeqCst);
        writer.await.unwrap();
    }
}
