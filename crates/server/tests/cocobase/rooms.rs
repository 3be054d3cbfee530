//! Rooms from their first member to their last.

use crate::socket::{Heard, Kind, Socket};
use crate::world::World;
use serde_json::{Value as Json, json};

const ROOM: &str = "/realtime/rooms/general-chat";

fn create(user: &str, title: &str) -> Json {
    json!({ "user_id": user, "user_name": user.to_uppercase(), "action": "create", "room_title": title })
}

fn join(user: &str) -> Json {
    json!({ "user_id": user, "user_name": user.to_uppercase() })
}

/// A frame about a room, without its timestamp.
async fn told(socket: &mut Socket) -> Json {
    let mut frame = socket.json().await;
    assert!(frame.as_object_mut().unwrap().remove("timestamp").is_some(), "{frame}");
    frame
}

fn about(kind: &str, user: &str, count: usize) -> Json {
    json!({
        "type": kind, "user_id": user, "user_name": user.to_uppercase(),
        "room_info": { "id": "general-chat", "title": "Chat", "participants": count },
    })
}

fn said(user: &str, content: Json) -> Json {
    json!({
        "type": "message", "user_id": user, "user_name": user.to_uppercase(), "content": content,
        "room_info": { "id": "general-chat", "title": "Chat" },
    })
}

#[tokio::test]
async fn a_room_from_first_to_last() {
    let world = World::start().await;
    let (mut ann, joined) = world.enter(ROOM, create("ann", "Chat")).await;
    let expected = json!({
        "event": "joined", "room_id": "general-chat", "room_title": "Chat", "participants": 1, "user_id": "ann",
    });
    assert_eq!(joined, expected);
    let (mut bob, joined) = world.enter(ROOM, create("bob", "Another title")).await;
    assert_eq!((&joined["participants"], &joined["room_title"]), (&json!(2), &json!("Chat")));
    assert_eq!(told(&mut ann).await, about("user_joined", "bob", 2));
    for (sent, content) in [
        (r#"{"type":"message","content":"hi"}"#, json!("hi")),
        (r#"{"type":"message","content":{"x":[1]}}"#, json!({ "x": [1] })),
        (r#"{"type":"message"}"#, json!("")),
        (r#"{"type":"typing","content":true}"#, json!(true)),
    ] {
        bob.send(sent).await;
        assert_eq!(told(&mut ann).await, said("bob", content.clone()), "{sent}");
        assert_eq!(told(&mut bob).await, said("bob", content), "{sent}");
    }
    bob.send(r#"{"type":"typing"}"#).await;
    assert_eq!(bob.json().await, json!({ "error": "Unknown message type" }));
    bob.send(&json!({ "api_key": world.key, "data": "d" }).to_string()).await;
    bob.send(r#"{"type":"ping"}"#).await;
    assert_eq!(bob.json().await, json!({ "type": "pong" }));
    bob.send_as(Kind::Close, &1000_u16.to_be_bytes()).await;
    assert_eq!(bob.rest().await, [Heard::Close(1000)]);
    assert_eq!(told(&mut ann).await, about("user_left", "bob", 1));
}

/// The list of rooms, as soon as it has `count` rooms.
async fn list(world: &World, key: &str, count: usize) -> Json {
    loop {
        let answer = world.rooms(key).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let list = answer.json();
        if list["total"] == count {
            return list;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn rooms_are_listed_by_project_in_the_order_of_creation() {
    let world = World::start().await;
    assert_eq!(list(&world, &world.key, 0).await, json!({ "rooms": [], "total": 0 }));
    let before = unix_now();
    let (_z, _) = world.enter("/realtime/rooms/z", create("ann", "")).await;
    let (_a, _) = world.enter("/realtime/rooms/a", json!({ "action": "create" })).await;
    let (_b, _) = world.enter("/realtime/rooms/z", join("bob")).await;
    let (_c, _) = world.enter("/realtime/rooms/z", json!({ "user_id": "bob", "user_name": "Robert" })).await;
    let other = world.another_project().await;
    let (_d, _) = world.enter_as(&other.key, "/realtime/rooms/other", create("dan", "D")).await;
    let mut rooms = list(&world, &world.key, 2).await;
    for room in rooms["rooms"].as_array_mut().unwrap() {
        let created = room.as_object_mut().unwrap().remove("created_at").unwrap();
        assert!(created.as_i64().is_some_and(|at| (before..=before + 60).contains(&at)), "{created}");
    }
    let expected = json!({ "total": 2, "rooms": [
        { "id": "z", "title": "", "created_by": "ann", "participants": 2,
          "participant_list": [{ "id": "ann", "name": "ANN" }, { "id": "bob", "name": "Robert" }] },
        { "id": "a", "title": "a", "created_by": "anonymous", "participants": 1,
          "participant_list": [{ "id": "anonymous", "name": "Anonymous" }] },
    ] });
    assert_eq!(rooms, expected);
    assert_eq!(list(&world, &other.key, 1).await["rooms"][0]["id"], "other");
    for key in ["", "nope"] {
        let answer = world.rooms(key).await;
        assert_eq!((answer.status, answer.json()), (401, json!({ "detail": "Invalid API key" })), "{key:?}");
    }
}

fn unix_now() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64
}

#[tokio::test]
async fn two_sockets_of_a_user_are_one_participant() {
    let world = World::start().await;
    let (mut ann, _) = world.enter(ROOM, create("ann", "Chat")).await;
    let (one, _) = world.enter(ROOM, join("bob")).await;
    let (mut two, joined) = world.enter(ROOM, join("bob")).await;
    assert_eq!(joined["participants"], 2);
    assert_eq!(told(&mut ann).await, about("user_joined", "bob", 2));
    drop(one);
    two.send(r#"{"content":"still here"}"#).await;
    assert_eq!(told(&mut ann).await, said("bob", json!("still here")));
    drop(two);
    assert_eq!(told(&mut ann).await, about("user_left", "bob", 1));
}

#[tokio::test]
async fn an_empty_room_is_gone_at_once() {
    let world = World::start().await;
    let (ann, _) = world.enter(ROOM, create("ann", "Chat")).await;
    list(&world, &world.key, 1).await;
    drop(ann);
    list(&world, &world.key, 0).await;
    let (mut bob, refused) = world.enter(ROOM, join("bob")).await;
    assert_eq!(refused, json!({ "error": "Room not found", "room_id": "general-chat" }));
    assert_eq!(bob.rest().await, [Heard::Close(1008)]);
    let (_, joined) = world.enter(ROOM, create("bob", "New")).await;
    assert_eq!(joined["room_title"], "New");
}

#[tokio::test]
async fn who_is_refused_touches_nobody() {
    let world = World::start_with(|config| config.rooms.members = 2).await;
    let other = world.another_project().await;
    let (mut ann, _) = world.enter(ROOM, create("ann", "Chat")).await;
    for first in [join("ann"), create("ann", "Mine")] {
        let (mut socket, refused) = world.enter_as(&other.key, ROOM, first).await;
        assert_eq!(refused, json!({ "error": "Room belongs to different project" }));
        assert_eq!(socket.rest().await, [Heard::Close(1008)]);
    }
    let (_bob, _) = world.enter(ROOM, join("bob")).await;
    assert_eq!(told(&mut ann).await, about("user_joined", "bob", 2));
    let (mut third, refused) = world.enter(ROOM, join("ann")).await;
    assert_eq!(refused, json!({ "error": "Room is full" }));
    assert_eq!(third.rest().await, [Heard::Close(1008)]);
    drop(world.open(ROOM).await);
    ann.send(r#"{"content":"all still here"}"#).await;
    assert_eq!(told(&mut ann).await, said("ann", json!("all still here")));
}

#[tokio::test]
async fn rooms_of_a_project_can_be_its_own_and_bounded() {
    let world = World::start_with(|config| {
        config.cocobase.room_scope_project = true;
        config.rooms.rooms = 1;
    })
    .await;
    let other = world.another_project().await;
    let (_ann, joined) = world.enter(ROOM, create("ann", "Chat")).await;
    assert_eq!(joined["participants"], 1);
    let (_bob, joined) = world.enter_as(&other.key, ROOM, create("bob", "Theirs")).await;
    assert_eq!((&joined["participants"], &joined["room_title"]), (&json!(1), &json!("Theirs")));
    let (_, refused) = world.enter("/realtime/rooms/second", create("ann", "")).await;
    assert_eq!(refused, json!({ "error": "Too many rooms" }));
}

#[tokio::test]
async fn everybody_who_comes_at_once_is_counted() {
    const MEMBERS: usize = 30;
    let world = World::start().await;
    let (mut first, _) = world.enter(ROOM, create("ann", "Chat")).await;
    let users: Vec<String> = (0..MEMBERS).map(|number| format!("user{number}")).collect();
    let mut sockets = Vec::new();
    for user in &users {
        let mut socket = world.open(ROOM).await;
        let mut frame = join(user);
        frame["api_key"] = json!(world.key);
        socket.send(&frame.to_string()).await;
        sockets.push(socket);
    }
    let mut counts = Vec::new();
    for socket in &mut sockets {
        let joined = socket.json().await;
        let count = joined["participants"].as_u64().unwrap() as usize;
        for expected in count + 1..=MEMBERS + 1 {
            assert_eq!(told(socket).await["room_info"]["participants"], expected, "after {count}");
        }
        counts.push(count);
    }
    counts.sort_unstable();
    assert_eq!(counts, (2..=MEMBERS + 1).collect::<Vec<_>>());
    for expected in 2..=MEMBERS + 1 {
        assert_eq!(told(&mut first).await["room_info"]["participants"], expected);
    }
    drop(sockets);
    for expected in (1..=MEMBERS).rev() {
        let left = told(&mut first).await;
        assert_eq!(
            (&left["type"], &left["room_info"]["participants"]),
            (&json!("user_left"), &json!(expected))
        );
    }
}

#[tokio::test]
async fn a_member_that_does_not_read_is_closed_and_others_do_not_wait() {
    let world = World::start_with(|config| {
        config.realtime.outbox = 64 * 1024;
        config.connections.unsent = 16 * 1024;
    })
    .await;
    let (mut ann, _) = world.enter(ROOM, create("ann", "Chat")).await;
    let (mut bob, _) = world.enter(ROOM, join("bob")).await;
    assert_eq!(told(&mut ann).await, about("user_joined", "bob", 2));
    let message = json!({ "content": "x".repeat(32 * 1024) }).to_string();
    loop {
        ann.send(&message).await;
        let heard = told(&mut ann).await;
        if heard["type"] == "user_left" {
            assert_eq!(heard, about("user_left", "bob", 1));
            break;
        }
    }
    let rest = bob.rest().await;
    assert_eq!(rest.last(), Some(&Heard::Close(1013)), "{} frames", rest.len());
}
