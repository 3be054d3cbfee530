use crate::world::{World, hear, lobby, quick, short, wait};
use serde_json::{Value as Json, json};
use tidewire_client::rooms::{Refusal, RoomState};
use tidewire_client::{Client, Error};
use tidewire_server::command::Command;

#[tokio::test(flavor = "multi_thread")]
async fn who_is_refused_hears_why() {
    let world = World::start_with(|config| {
        config.rooms.members = 1;
        config.rooms.rooms = 1;
    })
    .await;
    let _ann = lobby(&world.near, "ann").await.unwrap();
    let other = world.another_project().await;
    let wrong = Client::new(format!("http://{}", world.server.address())).unwrap().project("wrong");
    for (join, expected, temporary) in [
        (lobby(&world.near, "bob"), Refusal::RoomFull, true),
        (world.near.room("cellar"), Refusal::NoRoom, false),
        (world.near.room("attic").create(""), Refusal::TooManyRooms, true),
        (lobby(&other, "ann"), Refusal::ForeignRoom, false),
        (lobby(&wrong, "ann"), Refusal::Key, false),
        (lobby(&world.near, &"x".repeat(300)), Refusal::Authentication, false),
        (lobby(&world.near, "ann").token("no token"), Refusal::Authentication, false),
    ] {
        let error = join.await.unwrap_err();
        assert_eq!(error.is_temporary(), temporary, "{error}");
        let Error::Refused { refusal, url, .. } = error else { panic!("{error}") };
        assert_eq!(refusal, expected);
        assert!(url.starts_with("ws://127.0.0.1:") && !url.contains("key"), "{url}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_no_server_or_no_socket_is_an_error() {
    let world = World::start().await;
    let gone = Client::new("http://127.0.0.1:1").unwrap().project("key");
    assert!(matches!(gone.room::<Json>("lobby").await, Err(Error::Lost(_))));
    let below = Client::new(format!("http://{}/below", world.server.address())).unwrap().project("key");
    assert_eq!(below.room::<Json>("lobby").await.unwrap_err().status(), Some(404));
    assert!(matches!(world.near.room::<Json>("..").await, Err(Error::Invalid(_))));
    assert_eq!(below.rooms().await.unwrap_err().status(), Some(404));
    let wrong = Client::new(format!("http://{}", world.server.address())).unwrap().project("wrong");
    assert_eq!(wrong.rooms().await.unwrap_err().status(), Some(401));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_passed_on_is_told_and_the_room_goes_on() {
    let world = World::start_with(|config| config.cocobase.message_bytes = 10).await;
    let mut ann = lobby(&world.near, "ann").await.unwrap();
    ann.say("more than ten").await.unwrap();
    ann.say("ten").await.unwrap();
    assert_eq!(hear(&mut ann, 2).await, ["refused MessageTooLarge", r#"ann: "ten""#]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_revoked_ends_it_for_good() {
    let world = World::start().await;
    let key = "a-publishable-key-0123456789".to_owned();
    let create = Command::KeyCreate {
        account: "acme".to_owned(),
        publishable: true,
        collections: Vec::new(),
        label: "rooms".to_owned(),
        key: Some(key.clone()),
    };
    world.server.command(create).await.unwrap();
    let project = Client::new(format!("http://{}", world.server.address())).unwrap().project(key);
    let mut ann = quick(lobby(&project, "ann")).await.unwrap();
    let keys = world.server.command(Command::KeyList { account: "acme".to_owned() }).await.unwrap();
    let keys = keys.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    let id = keys
        .filter(|key| key["label"] == json!("rooms"))
        .find_map(|key| key["id"].as_str().map(str::to_owned));
    world.server.command(Command::KeyRevoke { id: id.unwrap() }).await.unwrap();
    let mut last = String::new();
    while let Some(event) = ann.next().await {
        last = short(&event);
    }
    assert_eq!(last, "refused Key");
    wait(&ann, |state| *state == RoomState::Left).await;
    assert!(matches!(ann.say("late").await, Err(Error::Closed)));
}
