use crate::world::{World, hear, lobby, wait};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use tidewire_client::Error;
use tidewire_client::rooms::{Member, RoomEvent, RoomState};

#[tokio::test(flavor = "multi_thread")]
async fn a_room_from_first_to_last() {
    let world = World::start().await;
    let mut ann = lobby(&world.near, "ann").await.unwrap();
    assert_eq!((ann.title(), ann.user()), ("The Lobby", "ann"));
    let mut bob = world.near.room::<Json>("lobby").user("bob", "BOB").await.unwrap();
    assert_eq!(hear(&mut ann, 1).await, ["+bob 2"]);
    for said in
        [json!("hi"), json!({ "a": [1, 2.5, null] }), json!(""), Json::Null, json!("x".repeat(100_000))]
    {
        bob.say(&said).await.unwrap();
        for room in [&mut ann, &mut bob] {
            assert_eq!(hear(room, 1).await, [format!("bob: {said}")]);
        }
    }
    let members: Vec<_> =
        ["ann", "bob"].map(|id| Member { id: id.to_owned(), name: id.to_uppercase() }).to_vec();
    assert_eq!(ann.members().await.unwrap(), members);
    bob.leave().await;
    assert_eq!(hear(&mut ann, 1).await, ["-bob 1"]);
    wait(&ann, |state| *state == RoomState::Joined { participants: Some(1) }).await;
    let speaker = ann.speaker();
    drop(ann);
    while !world.near.rooms().await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(matches!(speaker.say("late").await, Err(Error::Closed)));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_have_a_type_and_what_is_none_is_an_error_on_its_own() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Line {
        text: String,
    }
    let world = World::start().await;
    let mut room = world.near.room::<Line>("lobby").user("ann", "Ann").create("").await.unwrap();
    room.say(&json!({ "text": 7 })).await.unwrap();
    room.say(&Line { text: "seven".to_owned() }).await.unwrap();
    assert!(matches!(room.next().await.unwrap(), Err(Error::Decode { .. })));
    let event = room.next().await.unwrap().unwrap();
    let RoomEvent::Message(message) = event else { panic!("{event:?}") };
    assert_eq!((message.from.name.as_str(), message.kind.as_str()), ("Ann", "message"));
    assert_eq!(message.data, Line { text: "seven".to_owned() });
    assert!(message.at.ends_with('Z') && message.cursor.is_some(), "{message:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_are_listed() {
    let world = World::start().await;
    assert_eq!(world.near.rooms().await.unwrap(), []);
    let _ann = lobby(&world.near, "ann").await.unwrap();
    let _attic = world.near.room::<Json>("a/b c").create("Attic").await.unwrap();
    let rooms = world.near.rooms().await.unwrap();
    let shown: Vec<_> =
        rooms.iter().map(|room| (&*room.id, &*room.title, &*room.created_by, room.participants)).collect();
    assert_eq!(shown, [("lobby", "The Lobby", "ann", 1), ("a/b c", "Attic", "anonymous", 1)]);
    assert!(rooms.iter().all(|room| room.created_at > 0 && room.members.len() == 1), "{rooms:?}");
    assert_eq!(world.near.members("cellar").await.unwrap(), []);
    assert_eq!(world.another_project().await.rooms().await.unwrap(), []);
}
