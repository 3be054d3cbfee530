use crate::world::{Post, hear, hear_titles, world};
use serde_json::{Value as Json, json};
use tidewire_client::realtime::{Event, State};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missed_is_told_once_and_in_order() {
    let world = world().await;
    let posts = world.client.collection("posts");
    let mut quiet = posts.subscribe::<Post>("*").filter("title ~ 'c'").await.unwrap();
    let mut all = posts.subscribe::<Post>("*").await.unwrap();
    world.create("a").await;
    assert_eq!(hear_titles(&mut all, 1).await, ["a"]);
    let address = world.server.address();
    world.relay.turn_to("127.0.0.1:1".parse().unwrap());
    world.relay.cut();
    let mut state = world.client.realtime().state();
    state.wait_for(|state| matches!(state, State::Reconnecting { .. })).await.unwrap();
    assert!(world.client.realtime().fault().is_some_and(|fault| fault.is_temporary()));
    for title in ["b", "c"] {
        world.create(title).await;
    }
    world.relay.turn_to(address);
    assert_eq!(hear_titles(&mut all, 2).await, ["b", "c"]);
    assert!(world.client.realtime().fault().is_none());
    // it had heard nothing at all
    assert_eq!(hear_titles(&mut quiet, 1).await, ["c"]);
    world.create("cd").await;
    assert_eq!(hear_titles(&mut all, 1).await, ["cd"]);
    assert_eq!(hear_titles(&mut quiet, 1).await, ["cd"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_started_anew_goes_on() {
    let mut world = world().await;
    let mut all = world.client.collection("posts").subscribe::<Post>("*").await.unwrap();
    let mut expected = Vec::new();
    for round in 0..3 {
        // nobody reads: some are in the buffer, some on the way
        for number in 0..5 {
            let title = format!("{round} {number}");
            world.create(&title).await;
            expected.push(title);
        }
        world.server.restart().await;
    }
    assert_eq!(hear_titles(&mut all, expected.len()).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_followed_by_what_comes() {
    let world = world().await;
    for title in ["a", "b"] {
        world.create(title).await;
    }
    let posts = world.client.collection("posts");
    let mut first = posts.subscribe::<Post>("*").snapshot().await.unwrap();
    let mut heard = hear(&mut first, 3).await;
    heard[..2].sort();
    assert_eq!(heard, ["snapshot a", "snapshot b", "live"]);
    // the same again is a snapshot of its own
    let mut second = posts.subscribe::<Post>("*").snapshot().await.unwrap();
    assert_eq!(hear(&mut second, 3).await[2], "live");
    world.create("c").await;
    world.reconnect().await;
    world.create("d").await;
    for subscription in [&mut first, &mut second] {
        assert_eq!(hear(subscription, 2).await, ["create c", "create d"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_had_again_is_a_reset() {
    let world = world().await;
    let posts = world.client.collection("posts");
    let mut wrong = posts.subscribe::<Post>("*").since("no cursor").await.unwrap();
    assert_eq!(hear(&mut wrong, 1).await, ["reset invalid_cursor"]);
    let mut messages = world.client.realtime().subscribe::<Json>("jobs").await.unwrap();
    world.reconnect().await;
    let told = messages.next().await.unwrap().unwrap();
    assert!(matches!(&told, Event::Reset { reason, .. } if reason == "not_kept"), "{told:?}");
    world.create("a").await;
    assert_eq!(hear_titles(&mut wrong, 1).await, ["a"]);
    world.server.publish("jobs", json!(1)).await;
    assert_eq!(messages.next().await.unwrap().unwrap().record(), Some(&json!(1)));
    // messages have cursors too, whether or not they are kept
    world.reconnect().await;
    let told = messages.next().await.unwrap().unwrap();
    assert!(matches!(&told, Event::Reset { reason, .. } if reason == "not_kept"), "{told:?}");
}
