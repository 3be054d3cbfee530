use crate::world::*;
use std::time::Duration;
use tidewire_feed::{Options, ResetReason};
use tidewire_model::{Position, Principal};

fn posts_of(range: std::ops::RangeInclusive<u64>) -> Vec<Write> {
    range.map(|seq| post(&format!("r{seq} n={}", seq % 2))).collect()
}

fn lines(name: &str, seqs: impl Iterator<Item = u64>) -> Vec<String> {
    seqs.map(|seq| format!("{seq} {name} create r{seq}")).collect()
}

#[tokio::test]
async fn a_resumed_subscription_hears_its_preface_then_what_it_missed_then_live() {
    for (missed, ring) in [(0, 8), (3, 8), (8, 8), (9, 8), (700, 8), (700, 1000)] {
        let world = World::new(Options { ring, ..options() });
        world.commit(&posts_of(1..=10 + missed));
        let client = world.connect();
        client.set(Principal::Guest, vec![Listen::to("l", "").after(10, &["one", "two"])]).await;
        world.commit(&posts_of(11 + missed..=15 + missed));
        let mut expected = vec!["one".to_owned(), "two".to_owned()];
        expected.extend(lines("l", 11..=15 + missed));
        assert_eq!(client.read_to_end(&world).await, expected, "{missed} missed, ring of {ring}");
    }
}

#[tokio::test]
async fn a_start_ahead_of_the_hub_skips_what_the_snapshot_has() {
    let world = World::new(options());
    let client = world.connect();
    let (_plugged, plug) = world.plug().await;
    world.commit(&posts_of(1..=5));
    let subscriptions = vec![Listen::to("s", "").after(5, &["snapshot"]), Listen::to("t", "").after(7, &[])];
    let set = client.set(Principal::Guest, subscriptions);
    let ((), ()) = tokio::join!(set, async { plug.open() });
    world.commit(&posts_of(6..=8));
    let mut heard = client.read_to_end(&world).await;
    heard[3..].sort();
    assert_eq!(heard, ["snapshot", "6 s create r6", "7 s create r7", "8 s create r8", "8 t create r8"]);
}

#[tokio::test]
async fn subscriptions_resume_each_from_their_own_place() {
    let world = World::new(options());
    let client = world.connect();
    client.set(Principal::Guest, vec![Listen::to("live", "").now()]).await;
    world.commit(&posts_of(1..=6));
    let subscriptions = vec![
        Listen::to("live", "").now(),
        Listen::to("two", "").after(2, &["from two"]),
        Listen::to("odd", "n = 1").after(4, &["from four"]),
        Listen::to("new", "").now(),
    ];
    client.set(Principal::Guest, subscriptions).await;
    world.commit(&posts_of(7..=8));
    let heard = client.read_to_end(&world).await;
    assert_eq!(heard[..6], lines("live", 1..=6));
    assert_eq!(heard[6..8], ["from two", "from four"]);
    let mut rest = heard[8..].to_vec();
    let seq = |line: &String| line.split(' ').next().unwrap().parse::<u64>().unwrap();
    assert!(rest.is_sorted_by_key(seq), "merged in commit order: {rest:?}");
    rest.sort();
    let mut expected = lines("two", 3..=8);
    expected.extend(lines("odd", [5, 7].into_iter()));
    expected.extend(lines("live", 7..=8));
    expected.extend(lines("new", 7..=8));
    expected.sort();
    assert_eq!(rest, expected);
}

#[tokio::test]
async fn a_reader_that_stalls_is_served_from_the_log() {
    for (ring, frames) in [(4, 8192), (1000, 8192), (1000, 3)] {
        let world = World::new(Options { outbox_bytes: 1000, outbox_frames: frames, ring, ..options() });
        let client = world.connect();
        let long = Listen { length: 100, ..Listen::to("long", "") };
        client.set(Principal::Guest, vec![long.now(), Listen::to("odd", "n = 1").now()]).await;
        for seq in 1..=300 {
            world.commit(&posts_of(seq..=seq));
        }
        world.sync().await;
        assert!(world.feed.stats().deliveries < 20, "the outbox is bounded");
        let mut heard = client.read_to_end(&world).await;
        world.commit(&posts_of(301..=302));
        heard.extend(client.read_to_end(&world).await);
        let of = |name: &str| heard.iter().filter(|line| line.contains(name)).cloned().collect::<Vec<_>>();
        assert_eq!(of("long"), lines("long", 1..=302));
        assert_eq!(of("odd"), lines("odd", (1..=302).filter(|seq| seq % 2 == 1)));
        assert_eq!(heard.len(), 302 + 151);
        assert!(world.feed.stats().overflows > 0);
    }
}

#[tokio::test]
async fn a_connection_is_behind_until_the_log_has_told_it_all() {
    let world = World::new(Options { outbox_bytes: 100, ..options() });
    world.commit(&posts_of(1..=20));
    let client = world.connect();
    let standing = client.connection.standing();
    assert!(!standing.is_behind());
    client.set(Principal::Guest, vec![Listen::to("l", "").after(0, &[])]).await;
    assert!(standing.is_behind(), "twenty changes do not fit");
    assert_eq!(client.read_to_end(&world).await, lines("l", 1..=20));
    let reached = async {
        while standing.is_behind() {
            world.sync().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), reached).await.expect("it has reached the hub");
}

#[tokio::test]
async fn a_long_preface_is_no_overflow() {
    let world = World::new(Options { outbox_bytes: 1000, ..options() });
    let client = world.connect();
    let page = "x".repeat(5000);
    client.set(Principal::Guest, vec![Listen::to("l", "").after(0, &[&page, &page])]).await;
    world.commit(&posts_of(1..=3));
    assert_eq!(client.read_to_end(&world).await[2..], lines("l", 1..=3));
    assert_eq!(world.feed.stats().overflows, 0);
}

#[tokio::test]
async fn whoever_comes_too_late_is_told() {
    // (retention ends, resumed after, told)
    for (floor, after, is_told) in [(0, 0, false), (5, 5, false), (5, 4, true), (5, 0, true), (9, 0, true)] {
        let world = World::new(Options { ring: 2, ..options() });
        world.commit(&posts_of(1..=12));
        world.log.forget_up_to(floor);
        let client = world.connect();
        let subscriptions =
            vec![Listen::to("l", "").after(after, &["preface"]), Listen::to("m", "n = 7").now()];
        client.set(Principal::Guest, subscriptions).await;
        let mut heard = client.read_to_end(&world).await;
        world.commit(&posts_of(13..=14));
        heard.extend(client.read_to_end(&world).await);
        let mut expected = vec!["preface".to_owned()];
        if is_told {
            expected.extend(["reset l Retention".to_owned(), "reset m Retention".to_owned()]);
        }
        expected.extend(lines("l", if is_told { 13..=14 } else { after + 1..=14 }));
        assert_eq!(heard, expected, "floor {floor}, after {after}");
        assert_eq!(world.feed.stats().resets, u64::from(is_told));
    }
}

#[tokio::test]
async fn positions_are_checked_against_the_log() {
    let world = World::new(options());
    world.commit(&posts_of(1..=9));
    world.log.forget_up_to(3);
    let cursors = world.feed.cursors();
    for (epoch, seq, expected) in [
        (EPOCH, 3, Ok(3)),
        (EPOCH, 9, Ok(9)),
        (EPOCH, 2, Err(ResetReason::Retention)),
        (EPOCH, 10, Err(ResetReason::AheadOfHead)),
        (EPOCH + 1, 5, Err(ResetReason::EpochChanged)),
    ] {
        let position = Position { epoch, seq, offset: 0 };
        assert_eq!(world.feed.check(&position), expected);
        assert_eq!(world.feed.resume(&cursors.write(&position)), expected);
    }
    assert_eq!(world.feed.resume("nonsense"), Err(ResetReason::InvalidCursor));
}

#[tokio::test]
async fn messages_keep_their_place_while_a_connection_is_behind() {
    let world = World::new(Options { outbox_bytes: 100, ..options() });
    let client = world.connect();
    let long = Listen { length: 60, ..Listen::to("p", "") };
    client.set(Principal::Guest, vec![long.now(), Listen::message("m").now()]).await;
    let mut expected = Vec::new();
    for seq in 1..=20 {
        world.commit(&posts_of(seq..=seq));
        expected.extend(lines("p", seq..=seq));
        if seq % 5 == 0 {
            world.publish("m", &seq.to_string()).await;
            expected.push(format!("m {seq}"));
        }
    }
    assert_eq!(client.read_to_end(&world).await, expected);
}

#[tokio::test]
async fn whoever_lets_too_many_messages_wait_is_cut_off() {
    let world = World::new(Options { outbox_bytes: 100, ..options() });
    let client = world.connect();
    client.set(Principal::Guest, vec![Listen::message("m").now()]).await;
    for _ in 0..100 {
        world.publish("m", "0123456789").await;
    }
    assert_eq!(client.read().await, None);
    assert_eq!(world.feed.stats().abandoned, 1);
}

#[tokio::test]
async fn a_revocation_overtakes_a_replay() {
    let world = World::new(Options { outbox_bytes: 200, ..options() });
    world.commit(&[user("a role=admin tokenKey=k1")]);
    let client = world.connect();
    let long = Listen { length: 60, ..Listen::to("p", "@request.auth.id = 'a'") };
    client.set(world.signed_in("a"), vec![long.now()]).await;
    world.commit(&posts_of(2..=50));
    world.sync().await;
    world.commit(&[user("a gone")]);
    world.commit(&posts_of(52..=60));
    // what was queued before is read; the rest is judged by who it is now
    let heard = client.read_to_end(&world).await;
    assert!(!heard.is_empty() && heard.len() < 10, "{heard:?}");
    assert_eq!(heard, lines("p", 2..=heard.len() as u64 + 1));
}
