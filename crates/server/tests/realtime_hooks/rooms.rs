//! Rooms as user code is told of them.

use crate::socket::{Heard, Socket};
use crate::told::{ROOM, Told, without};
use crate::world::World;
use serde_json::{Value as Json, json};
use tidewire_hooks::{Event, HookError};

const PATH: &str = "/realtime/rooms/lobby";

async fn start(told: &Told) -> World {
    World::start_with(|config| config.hooks = told.hooks.clone()).await
}

fn create(user: &str) -> Json {
    json!({ "user_id": user, "user_name": user.to_uppercase(), "action": "create", "room_title": "Lobby" })
}

async fn say(socket: &mut Socket, content: Json) {
    socket.send(&json!({ "type": "message", "content": content }).to_string()).await;
}

async fn heard(socket: &mut Socket) -> Json {
    socket.until("message").await.pop().unwrap()["content"].clone()
}

#[tokio::test]
async fn a_room_from_first_to_last() {
    let mut told = Told::of(&ROOM);
    let world = start(&told).await;
    // a room that does not exist is not asked about by who does not make it
    let (mut lost, answer) = world.enter(PATH, json!({ "user_id": "eve" })).await;
    assert_eq!(answer, json!({ "error": "Room not found", "room_id": "lobby" }));
    assert_eq!(lost.next().await, Heard::Close(1008));
    told.nothing();
    let (mut ann, _) = world.enter(PATH, create("ann")).await;
    let (mut bob, _) = world.enter(PATH, create("bob")).await;
    say(&mut bob, json!({ "n": 1 })).await;
    assert_eq!(heard(&mut ann).await, json!({ "n": 1 }));
    drop(bob);
    let who = |user: &str| {
        json!({
            "user_id": user, "user_name": user.to_uppercase(), "signed_in": false, "room": "lobby",
            "account_id": world.project, "transport": "ws", "ip": "127.0.0.1",
        })
    };
    let mut ids = Vec::new();
    for (event, user, name, value) in [
        (Event::RoomCreate, "ann", "title", json!("Lobby")),
        (Event::RoomJoin, "ann", "", json!(null)),
        (Event::RoomJoin, "bob", "", json!(null)),
        (Event::RoomMessage, "bob", "data", json!({ "n": 1 })),
        (Event::RoomLeave, "bob", "", json!(null)),
    ] {
        let mut expected = who(user);
        if !name.is_empty() {
            expected[name] = value;
        }
        let fields = told.next(event).await;
        ids.push(fields["connection_id"].clone());
        assert_eq!(without(fields, &["connection_id"]), expected, "{}", event.name());
    }
    assert!(ids[0] == ids[1] && ids[1] != ids[2] && ids[2] == ids[3] && ids[3] == ids[4], "{ids:?}");
    // it has ended with its last member, and is made anew
    drop(ann);
    assert_eq!(told.next(Event::RoomLeave).await["user_id"], "ann");
    let (_cid, _) = world.enter(PATH, create("cid")).await;
    assert_eq!(told.next(Event::RoomCreate).await["user_id"], "cid");
}

#[tokio::test]
async fn rooms_are_refused_to_some() {
    let told = Told::of(&[]);
    told.on(Event::RoomCreate, |e| {
        if e.fields["user_id"] == "ann" { Ok(()) } else { Err(HookError::abort(403, "ann opens")) }
    });
    told.on(Event::RoomJoin, |e| {
        if e.fields["user_id"] == "eve" { Err(HookError::abort(403, "not eve")) } else { Ok(()) }
    });
    let world = start(&told).await;
    let mut members = Vec::new();
    for (user, answer) in [
        ("bob", json!({ "error": "ann opens" })),
        ("ann", json!(null)),
        ("eve", json!({ "error": "not eve" })),
        ("bob", json!(null)),
    ] {
        let (mut socket, told) = world.enter(PATH, create(user)).await;
        if answer.is_null() {
            assert_eq!(told["event"], "joined", "{user}: {told}");
            members.push(socket);
        } else {
            assert_eq!(told, answer, "{user}");
            assert_eq!(socket.next().await, Heard::Close(1008));
        }
    }
    // who was refused was never there
    let answer = world.rooms(&world.key).await.json();
    assert_eq!(answer["rooms"][0]["participants"], 2, "{answer}");
}

#[tokio::test]
async fn what_is_said_is_refused_changed_or_left_to_the_digit() {
    let told = Told::of(&[]);
    told.on(Event::RoomMessage, |e| {
        match e.fields["data"].as_str() {
            Some("bad") => return Err(HookError::abort(400, "mind your words")),
            Some("loud") => e.fields.insert("data".to_owned(), json!({ "quiet": true })),
            Some("long") => e.fields.insert("data".to_owned(), json!("x".repeat(2 << 20))),
            _ => None,
        };
        Ok(())
    });
    let world = start(&told).await;
    let (mut ann, _) = world.enter(PATH, create("ann")).await;
    for (content, answer) in [("bad", "mind your words"), ("long", "Message too large")] {
        say(&mut ann, json!(content)).await;
        assert_eq!(ann.json().await, json!({ "error": answer }));
    }
    say(&mut ann, json!("loud")).await;
    assert_eq!(heard(&mut ann).await, json!({ "quiet": true }));
    say(&mut ann, json!("good")).await;
    assert_eq!(heard(&mut ann).await, json!("good"));
}

/// All members hear one order, though handlers of different members run beside each other.
#[tokio::test]
async fn everybody_hears_the_same_order() {
    let mut told = Told::of(&[Event::RoomMessage]);
    let world = start(&told).await;
    let mut members = Vec::new();
    for user in ["a", "b", "c"] {
        let (socket, _) = world.enter(PATH, create(user)).await;
        members.push((user, socket));
    }
    for n in 0..20 {
        for (user, socket) in &mut members {
            say(socket, json!(format!("{user}{n}"))).await;
        }
    }
    let mut orders = Vec::new();
    for (_, socket) in &mut members {
        let mut order = Vec::new();
        while order.len() < 60 {
            order.push(heard(socket).await.as_str().unwrap().to_owned());
        }
        orders.push(order);
    }
    assert!(orders.iter().all(|order| *order == orders[0]));
    for user in ["a", "b", "c"] {
        let own: Vec<&String> = orders[0].iter().filter(|said| said.starts_with(user)).collect();
        assert_eq!(own, (0..20).map(|n| format!("{user}{n}")).collect::<Vec<_>>().iter().collect::<Vec<_>>());
    }
    for _ in 0..60 {
        told.next(Event::RoomMessage).await;
    }
}

/// However many come at once, one makes it, and nobody is let in before that was decided.
#[tokio::test]
async fn a_room_is_made_once() {
    let mut told = Told::of(&ROOM);
    let world = std::sync::Arc::new(start(&told).await);
    let mut entering = Vec::new();
    for n in 0..12 {
        let world = world.clone();
        entering.push(tokio::spawn(async move { world.enter(PATH, create(&format!("u{n}"))).await.0 }));
    }
    let mut members = Vec::new();
    for one in entering {
        members.push(one.await.unwrap());
    }
    told.next(Event::RoomCreate).await;
    for _ in 0..12 {
        told.next(Event::RoomJoin).await;
    }
    told.nothing();
}
