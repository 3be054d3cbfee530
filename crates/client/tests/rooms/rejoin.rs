use crate::world::{World, hear, hear_until, lobby, wait};
use serde_json::{Value as Json, json};
use std::time::Duration;
use tidewire_client::Error;
use tidewire_client::rooms::{RoomEvent, RoomState};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_meanwhile_follows_or_a_gap_is_told() {
    for (kept, missed, expected) in [
        (100, 0, vec!["resumed 2"]),
        (100, 3, vec!["resumed 2", "ann: 1", "ann: 2", "ann: 3"]),
        (2, 3, vec!["gap retention"]),
        (0, 3, vec!["gap retention"]),
    ] {
        let world = World::with_history(kept).await;
        let ann = lobby(&world.near, "ann").await.unwrap();
        let mut bob = lobby(&world.far, "bob").await.unwrap();
        ann.say("before").await.unwrap();
        assert_eq!(hear(&mut bob, 1).await, [r#"ann: "before""#]);
        world.cut(&bob).await;
        assert!(matches!(bob.say("late").await, Err(Error::Lost(_))));
        for number in 1..=missed {
            ann.say(&number).await.unwrap();
        }
        world.mend();
        assert_eq!(hear(&mut bob, expected.len()).await, expected, "{kept} {missed}");
        ann.say("after").await.unwrap();
        assert_eq!(hear(&mut bob, 1).await, [r#"ann: "after""#], "{kept} {missed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_cut_off_again_and_again_hears_everything_once() {
    const MESSAGES: u32 = 200;
    let world = World::with_history(1000).await;
    let ann = lobby(&world.near, "ann").await.unwrap();
    let mut bob = lobby(&world.far, "bob").await.unwrap();
    let mut state = bob.state();
    let mut heard = Vec::new();
    let speaking = async {
        for number in 0..MESSAGES {
            ann.say(&number).await.unwrap();
            if number % 20 == 0 {
                world.relay.turn_to("127.0.0.1:1".parse().unwrap());
                world.relay.cut();
                state.wait_for(|state| matches!(state, RoomState::Rejoining { .. })).await.unwrap();
                world.mend();
            }
            if number % 20 == 10 {
                state.wait_for(|state| matches!(state, RoomState::Joined { .. })).await.unwrap();
            }
        }
    };
    let hearing = async {
        while heard.len() < MESSAGES as usize {
            match bob.next().await.unwrap().unwrap() {
                RoomEvent::Message(message) => heard.push(message.data),
                RoomEvent::Resumed { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    };
    tokio::join!(speaking, hearing);
    assert_eq!(heard, (0..MESSAGES).map(Json::from).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_started_anew_has_the_room_again() {
    let mut world = World::with_history(100).await;
    let mut ann = lobby(&world.near, "ann").await.unwrap();
    // he does not make it, so he waits until she has
    let mut bob = crate::world::quick(world.near.room::<Json>("lobby").user("bob", "BOB")).await.unwrap();
    assert_eq!(hear(&mut ann, 1).await, ["+bob 2"]);
    world.server.restart().await;
    let heard = hear_until(&mut ann, "+bob 2").await;
    assert_eq!(heard.iter().find(|text| text.starts_with("gap")).unwrap(), "gap epoch_changed", "{heard:?}");
    let heard = hear_until(&mut bob, "gap epoch_changed").await;
    ann.say(&json!(1)).await.unwrap();
    assert_eq!(hear_until(&mut bob, "ann: 1").await, ["ann: 1"], "{heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_goes_on_where_another_member_ended() {
    let world = World::with_history(100).await;
    let ann = lobby(&world.near, "ann").await.unwrap();
    let mut bob = lobby(&world.near, "bob").await.unwrap();
    ann.say(&1).await.unwrap();
    let event = bob.next().await.unwrap().unwrap();
    let cursor = event.message().unwrap().cursor.clone().unwrap();
    bob.leave().await;
    ann.say(&2).await.unwrap();
    for (since, expected) in [(cursor.as_str(), "ann: 2"), ("no cursor", "gap invalid_cursor")] {
        let mut bob = lobby(&world.near, "bob").since(since).await.unwrap();
        assert_eq!(hear(&mut bob, 1).await, [expected]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_is_put_out_and_comes_back() {
    let world = World::start_with(|config| {
        config.rooms.history = 10_000;
        config.rooms.history_age = Duration::from_secs(3600);
        config.rooms.history_bytes = 64 << 20;
        config.realtime.outbox = 64 * 1024;
        config.connections.unsent = 16 * 1024;
    })
    .await;
    let mut ann = lobby(&world.near, "ann").await.unwrap();
    let mut bob = lobby(&world.near, "bob").await.unwrap();
    assert_eq!(hear(&mut ann, 1).await, ["+bob 2"]);
    let text = "x".repeat(32 * 1024);
    let mut said = 0;
    loop {
        ann.say(&json!([said, text])).await.unwrap();
        said += 1;
        match ann.next().await.unwrap().unwrap() {
            RoomEvent::Message(_) => {}
            RoomEvent::Left { member, .. } if member.id == "bob" => break,
            other => panic!("{other:?}"),
        }
    }
    let mut numbers = Vec::new();
    let mut resumed = 0;
    while numbers.len() < said {
        match bob.next().await.unwrap().unwrap() {
            RoomEvent::Message(message) => numbers.push(message.data[0].as_u64().unwrap() as usize),
            RoomEvent::Resumed { .. } => resumed += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(numbers, (0..said).collect::<Vec<_>>());
    assert!(resumed > 0);
    wait(&bob, |state| matches!(state, RoomState::Joined { .. })).await;
}
