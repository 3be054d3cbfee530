use crate::world::*;
use std::sync::Arc;
use tidewire_feed::Options;
use tidewire_model::Principal;

/// The hub is held up while more is announced than its queue takes.
async fn check(input: usize, batches: u64, size: u64) {
    let world = World::new(Options { input, ring: 16, ..options() });
    let client = world.connect();
    client.set(Principal::Guest, vec![Listen::to("l", "").now()]).await;
    let (_plugged, plug) = world.plug().await;
    let mut expected = Vec::new();
    for batch in 0..batches {
        let seqs = batch * size + 1..=(batch + 1) * size;
        world.commit(&seqs.clone().map(|seq| post(&format!("r{seq}"))).collect::<Vec<_>>());
        expected.extend(seqs.map(|seq| format!("{seq} l create r{seq}")));
    }
    plug.open();
    assert_eq!(client.read_to_end(&world).await, expected, "input {input}, {batches} batches of {size}");
    let recovered = world.feed.stats().recovered;
    assert_eq!(recovered > 0, batches * size > input as u64 + size, "{recovered} recovered");
}

#[tokio::test]
async fn announcements_that_find_no_room_are_read_from_the_log() {
    check(100, 10, 1).await;
    check(4, 40, 1).await;
    check(4, 10, 10).await;
    check(1, 3000, 1).await;
}

#[tokio::test]
async fn a_dropped_announcement_is_noticed_without_a_later_one() {
    let world = World::new(Options { input: 1, ..options() });
    let client = world.connect();
    client.set(Principal::Guest, vec![Listen::to("l", "").now()]).await;
    let (_plugged, plug) = world.plug().await;
    for write in ["r", "s", "t"] {
        world.commit(&[post(write)]);
    }
    plug.open();
    assert_eq!(client.read_lines(3).await, ["1 l create r", "2 l create s", "3 l create t"]);
}

#[tokio::test]
async fn definitions_are_taken_even_if_their_changes_are_dropped() {
    let world = World::new(Options { input: 1, ..options() });
    let client = world.connect();
    client.set(Principal::Guest, vec![Listen::to("l", "n = 1").now()]).await;
    let (_plugged, plug) = world.plug().await;
    world.commit(&[post("r n=1")]);
    world.commit(&[post("s n=1")]);
    world.commit_with(&[user("a"), user("b")], Some(catalog(2, vec![users("s1")])));
    world.commit_with(&[post("t n=1")], Some(catalog(3, vec![posts(), users("s1")])));
    plug.open();
    assert_eq!(client.read_to_end(&world).await, ["1 l create r", "2 l create s", "5 l create t"]);
}

#[tokio::test]
async fn changes_that_the_log_cannot_give_back_are_told() {
    let world = World::new(Options { input: 1, ..options() });
    let client = world.connect();
    client.set(Principal::Guest, vec![Listen::to("l", "").now()]).await;
    let (_plugged, plug) = world.plug().await;
    for write in ["r", "s", "t", "u"] {
        world.commit(&[post(write)]);
    }
    world.log.forget_up_to(3);
    plug.open();
    let mut heard = client.read_to_end(&world).await;
    world.commit(&[post("v")]);
    heard.extend(client.read_to_end(&world).await);
    assert_eq!(heard, ["1 l create r", "reset l Retention", "5 l create v"]);
}

#[tokio::test]
async fn who_comes_counts_before_the_hub_has_looked() {
    let world = World::new(options());
    let (_plugged, plug) = world.plug().await;
    let clients: Vec<_> = (0..5).map(|_| world.connect()).collect();
    assert_eq!(world.feed.stats().connections, 6);
    plug.open();
    drop(clients);
    world.sync().await;
    assert_eq!(world.feed.stats().connections, 1);
}

#[tokio::test]
async fn what_belonged_to_those_who_went_is_given_back() {
    let world = World::new(options());
    let listen = Listen::to("l", "n = 1");
    // held by each class that is made of it
    let held = listen.made.clone();
    let before = Arc::strong_count(&held);
    let clients: Vec<_> = (0..200).map(|_| world.connect()).collect();
    for client in &clients {
        client.set(Principal::Guest, vec![listen.now()]).await;
    }
    assert!(Arc::strong_count(&held) > before + 200);
    drop(clients);
    while Arc::strong_count(&held) > before {
        tokio::task::yield_now().await;
    }
    let last = world.connect();
    last.set(Principal::Guest, vec![listen.now()]).await;
    last.set(Principal::Guest, Vec::new()).await;
    while Arc::strong_count(&held) > before {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.feed.stats().classes, 1, "its end");
}

/// Commits of two records with a message between them and one after, while the hub is held up.
async fn check_messages(input: usize) {
    let world = World::new(Options { input, ..options() });
    let client = world.connect();
    client.set(Principal::Guest, vec![Listen::to("l", "").now(), Listen::message("m").now()]).await;
    let (_plugged, plug) = world.plug().await;
    let mut expected = Vec::new();
    for first in [1, 3, 5, 7] {
        world.commit_around(&[post(&format!("r{first}"))], "m", &[post(&format!("s{first}"))]);
        expected.push(format!("{first} l create r{first}"));
        expected.push(format!("m {first}"));
        expected.push(format!("{} l create s{first}", first + 1));
        world.say("m", "alone");
        expected.push("m alone".to_owned());
    }
    plug.open();
    assert_eq!(client.read_to_end(&world).await, expected, "input {input}");
}

#[tokio::test]
async fn messages_stand_among_the_changes_of_their_commit_even_if_those_found_no_room() {
    check_messages(100).await;
    check_messages(3).await;
    check_messages(1).await;
}
