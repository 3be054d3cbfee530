//! Many who come back at once over the same changes: read, judged and encoded once for all of them.

use crate::world::*;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use tidewire_feed::Options;
use tidewire_model::{Principal, Seq};

const RELATED: &str = "author.role = 'x'";
const CLIENTS: u64 = 40;

/// A world whose one replay thread is held up, so that all who come meanwhile are served together.
struct Storm {
    world: World,
    head: Seq,
    _held: Client,
}

impl Storm {
    async fn brew(missed: u64, options: Options) -> Self {
        let world = World::new(Options { slow_threads: 1, ..options });
        let writes = (1..missed).map(|seq| post(&format!("r{seq} n={}", seq % 2)));
        world.commit(
            &writes.chain([post(&format!("r{missed} n={} author=good", missed % 2))]).collect::<Vec<_>>(),
        );
        let held = world.connect();
        world.lookup.barrier.shut();
        held.set(Principal::Guest, vec![Listen::to("held", RELATED).after(missed - 1, &[])]).await;
        world.lookup.barrier.reached().await;
        Self { world, head: missed, _held: held }
    }
}

fn lines(name: &str, seqs: impl Iterator<Item = Seq>) -> Vec<String> {
    seqs.map(|seq| format!("{seq} {name} create r{seq}")).collect()
}

#[tokio::test]
async fn whoever_comes_back_shares_reads_decisions_and_frames() {
    // (missed, kept in memory, pages read from the log)
    for (missed, ring, pages) in [(1, 8, 0), (100, 8, 1), (700, 8, 3), (700, 600, 1), (700, 8192, 0)] {
        let storm = Storm::brew(missed, Options { ring, ..options() }).await;
        let (all, odd) = (Listen::to("all", ""), Listen::to("odd", "n = 1"));
        let mut clients = Vec::new();
        for number in 0..CLIENTS {
            let client = storm.world.connect();
            let after = [0, 0, missed / 2, missed - 1][number as usize % 4];
            let wanted = if number % 2 == 0 { all.after(after, &[]) } else { odd.after(after, &[]) };
            client.set(Principal::Guest, vec![wanted]).await;
            clients.push((client, after));
        }
        storm.world.lookup.barrier.open();
        for (number, (client, after)) in clients.iter().enumerate() {
            let missed = after + 1..=storm.head;
            let expected = match number % 2 {
                0 => lines("all", missed),
                _ => lines("odd", missed.filter(|seq| seq % 2 == 1)),
            };
            assert_eq!(client.read_to_end(&storm.world).await, expected, "client {number} after {after}");
        }
        assert_eq!(storm.world.feed.stats().log_reads, pages, "{missed} missed, {ring} in memory");
        let made = (all.made.load(SeqCst), odd.made.load(SeqCst));
        assert_eq!(made, (missed, missed.div_ceil(2)), "{missed} missed, {ring} in memory");
    }
}

#[tokio::test]
async fn what_is_shared_is_bounded_and_made_again() {
    let storm = Storm::brew(700, Options { ring: 8, replay_bytes: 0, ..options() }).await;
    let clients: Vec<Client> = (0..CLIENTS).map(|_| storm.world.connect()).collect();
    for (number, client) in clients.iter().enumerate() {
        client.set(Principal::Guest, vec![Listen::to(&format!("l{number}"), "").after(0, &[])]).await;
    }
    storm.world.lookup.barrier.open();
    for (number, client) in clients.iter().enumerate() {
        let heard = client.read_to_end(&storm.world).await;
        assert_eq!(heard, lines(&format!("l{number}"), 1..=700));
    }
}

#[tokio::test]
async fn nothing_read_before_a_collection_went_is_used_after_it() {
    let storm = Storm::brew(100, Options { ring: 8, ..options() }).await;
    let (world, all) = (&storm.world, Listen::to("all", ""));
    let first = world.connect();
    first.set(Principal::Guest, vec![all.after(0, &[])]).await;
    world.lookup.barrier.open();
    assert_eq!(first.read_to_end(world).await, lines("all", 1..=100));
    let before = world.feed.stats().log_reads;
    let anew = Arc::new(tidewire_model::Catalog::new(2, vec![Arc::new(posts())]));
    world.commit_with(&[], Some(anew));
    let second = world.connect();
    second.set(Principal::Guest, vec![all.after(0, &[])]).await;
    assert_eq!(second.read_to_end(world).await, lines("all", 1..=100));
    assert!(world.feed.stats().log_reads > before);
}

/// Live clients go on, and those who return while there is more to hear are told all of it in its order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_over_a_moving_head_loses_nothing() {
    for (outbox_bytes, ring) in [(256 * 1024, 8192), (4000, 64)] {
        let world = Arc::new(World::new(Options { outbox_bytes, ring, ..options() }));
        world.commit(&(1..=300).map(|seq| post(&format!("r{seq} n=1"))).collect::<Vec<_>>());
        let (all, one) = (Listen::to("all", ""), Listen::to("one", "n = 1"));
        let mut clients = Vec::new();
        for number in 0..200 {
            let client = world.connect();
            let wanted = vec![all.after(200, &[]), one.after(number, &[])];
            client.set(Principal::Guest, wanted).await;
            clients.push(client);
            world.commit(&[post(&format!("r{} n=1", 301 + number))]);
        }
        for (number, client) in clients.iter().enumerate() {
            let heard = client.read_to_end(&world).await;
            let of =
                |name: &str| heard.iter().filter(|line| line.contains(name)).cloned().collect::<Vec<_>>();
            assert_eq!(of("all"), lines("all", 201..=500));
            assert_eq!(of("one"), lines("one", number as u64 + 1..=500));
            assert!(heard.is_sorted_by_key(|line| line.split(' ').next().unwrap().parse::<Seq>().unwrap()));
        }
    }
}
