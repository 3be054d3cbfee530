//! Answers of the store are used again for as long as nothing that they read has changed.

use crate::world::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::sync::atomic::Ordering::SeqCst;
use tidewire_feed::Options;
use tidewire_model::{Principal, TenantId};

const RELATED: &str = "author.role = 'x'";

/// Commits one write and says what is heard of it, and how many questions it took.
async fn step(world: &World, client: &Client, writes: &[Write]) -> (Vec<String>, u64) {
    let before = world.feed.stats().questions;
    world.commit(writes);
    let heard = client.read_to_end(world).await;
    (heard, world.feed.stats().questions - before)
}

#[tokio::test]
async fn an_answer_lives_until_something_that_it_read_changes() {
    let mut world = World::new(options());
    let client = world.connect();
    client.listen(&Listen { leave: true, ..Listen::to("l", RELATED) }).await;
    let post = |text: &str| vec![post(text)];
    let user = |text: &str| vec![user(text)];
    let both = [post("r author=u"), user("u role=good")].concat();
    let cases = [
        (user("u role=good"), "", 0),
        (post("r author=u"), "2 l create r", 1),
        (post("r n=2"), "3 l update r", 0),
        (post("s author=u"), "4 l create s", 0),
        // another record of what was read
        (user("v role=bad"), "", 0),
        (post("r n=3"), "6 l update r", 1),
        (post("r author=v"), "7 l leave r", 1),
        (post("r author=u"), "8 l update r", 0),
        (user("u role=bad"), "", 0),
        (post("r n=4"), "", 1),
        (user("u role=good"), "", 0),
        (post("r n=5"), "12 l update r", 1),
        (user("u gone"), "", 0),
        (post("r n=6"), "", 1),
        // in one commit: what comes later in it does not count yet
        (both, "", 0),
        (post("r n=7"), "17 l update r", 1),
    ];
    for (index, (writes, expected, questions)) in cases.into_iter().enumerate() {
        let heard = step(&world, &client, &writes).await;
        let expected: Vec<&str> = Some(expected).filter(|line| !line.is_empty()).into_iter().collect();
        assert_eq!(heard.0, expected, "case {index}");
        assert_eq!(heard.1, questions, "case {index}");
    }
    // what another tenant does is of no account
    let here = std::mem::replace(&mut world.tenant, TenantId::new("other"));
    world.commit(&user("w role=good"));
    world.tenant = here;
    assert_eq!(step(&world, &client, &post("r n=8")).await, (vec!["19 l update r".into()], 0));
}

#[tokio::test]
async fn deleted_records_are_always_asked_about() {
    let world = World::new(options());
    let client = world.connect();
    client.listen(&Listen::to("l", RELATED)).await;
    world.commit(&[post("r author=good"), post("s author=good")]);
    client.read_to_end(&world).await;
    for (id, seq) in [("r", 3), ("s", 4)] {
        let heard = step(&world, &client, &[post(&format!("{id} gone"))]).await;
        assert_eq!(heard, (vec![format!("{seq} l delete {id}")], 1));
    }
}

#[tokio::test]
async fn new_definitions_forget_the_answers_of_old_ones() {
    let world = World::new(options());
    let client = world.connect();
    client.listen(&Listen::to("l", RELATED)).await;
    let same = || Some(catalog(2, vec![posts(), users("s1")]));
    for (definitions, id, questions) in [(None, "r", 1), (None, "s", 0), (same(), "t", 1), (None, "u", 0)] {
        let before = world.feed.stats().questions;
        world.commit_with(&[post(&format!("{id} author=good"))], definitions);
        assert_eq!(client.read_to_end(&world).await.len(), 1);
        assert_eq!(world.feed.stats().questions - before, questions, "{id}");
    }
}

#[tokio::test]
async fn what_nobody_could_tell_counts_as_no_and_is_asked_again() {
    let world = World::new(options());
    let client = world.connect();
    client.listen(&Listen::to("l", RELATED)).await;
    world.lookup.failing.store(1, SeqCst);
    assert_eq!(step(&world, &client, &[post("r author=good")]).await, (vec![], 1));
    assert_eq!(step(&world, &client, &[post("r n=1")]).await, (vec!["2 l update r".into()], 1));
}

#[tokio::test]
async fn the_clock_is_read_anew_each_time() {
    let world = World::new(options());
    let client = world.connect();
    client.listen(&Listen::to("l", "author.role < @now")).await;
    for (id, seq) in [("r", 1), ("s", 2)] {
        let heard = step(&world, &client, &[post(&format!("{id} author=good"))]).await;
        assert_eq!(heard, (vec![format!("{seq} l create {id}")], 1));
    }
}

#[tokio::test]
async fn answers_are_forgotten_with_the_changes_that_nobody_knows() {
    let world = World::new(Options { input: 1, ..options() });
    let client = world.connect();
    client.listen(&Listen::to("l", RELATED)).await;
    world.commit(&[user("u role=good")]);
    assert_eq!(step(&world, &client, &[post("r author=u")]).await.1, 1);
    let (_plugged, plug) = world.plug().await;
    world.commit(&[post("other n=1")]);
    world.commit(&[user("u role=bad")]);
    world.log.forget_up_to(4);
    plug.open();
    assert_eq!(client.read_to_end(&world).await, ["3 l create other", "reset l Retention"][1..]);
    assert_eq!(step(&world, &client, &[post("r n=2")]).await, (vec![], 1));
}

#[tokio::test]
async fn only_so_many_answers_are_kept() {
    for bound in [0, 1, 4] {
        let world = World::new(Options { answers: bound, ..options() });
        let client = world.connect();
        client.listen(&Listen::to("l", RELATED)).await;
        for round in 0..3 {
            for author in 0..10 {
                world.commit(&[user(&format!("a{author} role=good"))]);
                world.commit(&[post(&format!("r{author} author=a{author} n={round}"))]);
                client.read_lines(1).await;
                assert!(world.feed.stats().answers <= bound as u64);
            }
        }
    }
}

/// Rules of many users on one topic, and what else waits, cost a call for each lot.
#[tokio::test]
async fn questions_that_wait_together_are_asked_together() {
    const USERS: usize = 300;
    let world = World::new(options());
    let client = world.connect();
    let listens: Vec<Listen> =
        (0..USERS).map(|i| Listen::to(&format!("l{i}"), &format!("author.role = '{i}'"))).collect();
    // the same question, for another frame
    let twin = Listen { name: "twin".into(), ..listens[0].clone() };
    let subscriptions = listens.iter().chain([&twin]).map(Listen::now).collect();
    client.set(Principal::Guest, subscriptions).await;
    world.lookup.barrier.shut();
    world.commit(&[post("r author=good"), post("s author=good")]);
    world.sync().await;
    world.lookup.barrier.open();
    let mut heard = client.read_to_end(&world).await;
    let mut expected: Vec<String> = [(1, "r"), (2, "s")]
        .iter()
        .flat_map(|(seq, id)| {
            listens.iter().chain([&twin]).map(move |l| format!("{seq} {} create {id}", l.name))
        })
        .collect();
    heard.sort();
    expected.sort();
    assert_eq!(heard, expected);
    let calls = world.lookup.calls.lock().unwrap();
    // each of both threads took what was there first
    assert!(calls.len() <= 4, "{} calls", calls.len());
    let stats = world.feed.stats();
    assert_eq!(stats.question_calls, calls.len() as u64);
    assert_eq!(stats.questions, calls.iter().map(Vec::len).sum::<usize>() as u64);
    drop(calls);
    // now all of it is known
    assert_eq!(step(&world, &client, &[post("s n=2")]).await.0.len(), USERS + 1);
    assert_eq!(world.feed.stats().questions, stats.questions);
    assert!(world.feed.stats().recalled >= stats.recalled + USERS as u64);
}

/// Random writes, each heard to its end: an answer that lived too long would be heard.
#[tokio::test]
async fn answers_kept_are_those_that_would_be_given_now() {
    let seed = option_env!("FEED_SEED").and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let world = World::new(Options { answers: 16, ..options() });
    let client = world.connect();
    let listens = [
        Listen::to("a", RELATED),
        Listen { leave: true, ..Listen::to("b", "author.role = 'y'") },
        Listen { slow: Slow::Store, leave: true, ..Listen::to("c", "n >= 0 && author.role = 'y'") },
    ];
    client.set(Principal::Guest, listens.iter().map(Listen::now).collect()).await;
    let mut good = [false; 4];
    let mut authors: [Option<usize>; 6] = [None; 6];
    for _ in 0..1500 {
        let mut writes = Vec::new();
        let author = random.random_range(0..good.len());
        if random.random_bool(0.3) {
            good[author] = random.random();
            writes.push(user(&format!("a{author} role={}", if good[author] { "good" } else { "bad" })));
        }
        let (at, n) = (random.random_range(0..authors.len()), random.random_range(0..3));
        let was = authors[at];
        let is = if was.is_some() && random.random_bool(0.2) { None } else { Some(author) };
        authors[at] = is;
        writes.push(match is {
            Some(author) => post(&format!("r{at} author=a{author} n={n}")),
            None => post(&format!("r{at} gone")),
        });
        let seq = world.commit(&writes).last().unwrap().position.seq;
        let told = |leave: bool| match (was, is) {
            (None, Some(is)) => good[is].then_some("create"),
            (Some(was), None) => good[was].then_some("delete"),
            (Some(_), Some(is)) if good[is] => Some("update"),
            (Some(was), Some(_)) if leave && good[was] => Some("leave"),
            _ => None,
        };
        let lines = listens.iter().filter_map(|listen| {
            told(listen.leave).map(|told| format!("{seq} {} {told} r{at}", listen.name))
        });
        let mut heard = client.read_to_end(&world).await;
        heard.sort();
        assert_eq!(heard, lines.collect::<Vec<_>>(), "seed {seed}");
    }
    let stats = world.feed.stats();
    assert!(stats.recalled > 0 && stats.questions > 0, "{stats:?}");
}
