//! CocoBase's sockets.

use crate::socket::{Heard, Kind, Socket};
use crate::told::{REALTIME, Told, on, same, without};
use crate::world::World;
use serde_json::{Value as Json, json};
use tidewire_hooks::{Event, HookError};

const WATCH: &str = "/realtime/collections/posts";
const BROADCAST: &str = "/realtime/broadcast";
const ROOM: &str = "/realtime/rooms/lobby";

async fn start(told: &Told) -> World {
    let world = World::start_with(|config| config.hooks = told.hooks.clone()).await;
    world.server.collection("posts", &["title"], json!({})).await;
    world
}

fn first(user: &str) -> Json {
    json!({ "user_id": user, "user_name": user, "action": "create" })
}

#[tokio::test]
async fn every_socket_from_first_to_last() {
    for (path, topic, collection, filter, operations) in [
        (WATCH, "collection", json!("posts"), json!({ "title": "x" }), json!(["create", "update", "delete"])),
        (BROADCAST, "broadcast", json!(null), json!(null), json!([])),
        (ROOM, "room", json!(null), json!(null), json!([])),
    ] {
        let mut told = Told::of(&REALTIME);
        let world = start(&told).await;
        let mut frame = first("ann");
        frame["filters"] = json!({ "title": "x" });
        let (mut socket, _) = world.enter(path, frame).await;
        socket.send("ping").await;
        let said = json!({ "type": "message", "content": 1, "data": 1, "api_key": world.key });
        socket.send(&said.to_string()).await;
        socket.send_as(Kind::Close, b"\x0f\xa1later").await;
        let who =
            json!({ "user_id": null, "account_id": world.project, "transport": "ws", "ip": "127.0.0.1" });
        let with = |more: Json| {
            let mut all = who.clone();
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            all
        };
        let mut all = Vec::new();
        for (event, expected) in [
            (
                Event::RealtimeConnect,
                with(json!({ "user_agent": "", "path": path, "token_type": "api_key" })),
            ),
            (
                Event::RealtimeSubscribe,
                with(
                    json!({ "topic": topic, "collection": collection, "operations": operations, "filter": filter }),
                ),
            ),
            // without the key
            (
                Event::RealtimeMessage,
                with(json!({ "message": { "type": "message", "content": 1, "data": 1 } })),
            ),
            (Event::RealtimeUnsubscribe, with(json!({ "topic": topic, "collection": collection }))),
            (Event::RealtimeDisconnect, with(json!({ "code": 4001, "reason": "later" }))),
        ] {
            let fields = told.next(event).await;
            let varying: &[&str] = match event {
                Event::RealtimeSubscribe => &["connection_id", "options"],
                Event::RealtimeDisconnect => &["connection_id", "duration_ms"],
                _ => &["connection_id"],
            };
            assert_eq!(without(fields.clone(), varying), expected, "{path} {}", event.name());
            all.push(fields);
        }
        same("connection_id", &all);
        told.nothing();
    }
}

#[tokio::test]
async fn refusals_are_one_frame_and_a_close() {
    for event in [Event::RealtimeConnect, Event::RealtimeSubscribe] {
        for path in [WATCH, BROADCAST, ROOM] {
            let mut told = Told::of(&REALTIME);
            on(&told.hooks, event, false, |_, _| Err(HookError::abort(403, "not \"you\"\r\n")));
            let world = start(&told).await;
            let (mut socket, answer) = world.enter(path, first("ann")).await;
            assert_eq!(answer, json!({ "error": "not \"you\"\r\n" }), "{path}");
            assert_eq!(socket.next().await, Heard::Close(1008), "{path}");
            drop(socket);
            told.next(Event::RealtimeConnect).await;
            if event == Event::RealtimeSubscribe {
                told.next(Event::RealtimeSubscribe).await;
                let last = told.next(Event::RealtimeDisconnect).await;
                assert_eq!((&last["code"], &last["reason"]), (&json!(1008), &json!("not \"you\"\r\n")));
            }
            let mut world = world;
            world.server.stop().await;
            told.nothing();
        }
    }
}

#[tokio::test]
async fn messages_are_refused_answered_or_let_through() {
    let told = Told::of(&[]);
    told.on(Event::RealtimeMessage, |e| match e.fields["message"]["type"].as_str() {
        Some("dance") => {
            e.reply = Some(json!({ "type": "dancing" }));
            Ok(())
        }
        Some("message") if e.fields["message"]["content"] == "bad" => {
            Err(HookError::abort(400, "mind your words"))
        }
        _ => Ok(()),
    });
    let world = start(&told).await;
    let (mut socket, _) = world.enter(ROOM, first("ann")).await;
    for (message, answer) in [
        (json!({ "type": "dance" }), json!({ "type": "dancing" })),
        (json!({ "type": "sing" }), json!({ "error": "Unknown message type" })),
        (json!({ "type": "message", "content": "bad" }), json!({ "error": "mind your words" })),
        (json!({ "type": "ping" }), json!({ "type": "pong" })),
    ] {
        socket.send(&message.to_string()).await;
        assert_eq!(socket.json().await, answer, "{message}");
    }
    socket.send(r#"{"type":"message","content":"good"}"#).await;
    assert_eq!(socket.json().await["content"], "good");
    let (mut watching, _) = world.enter(WATCH, json!({})).await;
    watching.send(r#"{"type":"dance"}"#).await;
    assert_eq!(watching.json().await, json!({ "type": "dancing" }));
}

/// However a socket ends.
#[tokio::test]
async fn goodbyes_say_why() {
    for (how, path, code, reason) in [
        ("lost", ROOM, 1006, "the client is gone"),
        ("stop", BROADCAST, 1012, "the server stops"),
        ("key", ROOM, 1008, "Invalid API key"),
        ("collection", WATCH, 1008, "Collection not found or access denied"),
        ("slow", ROOM, 1013, "the client reads too slowly"),
    ] {
        let mut told = Told::of(&[Event::RealtimeDisconnect]);
        let mut world = World::start_with(|config| {
            config.hooks = told.hooks.clone();
            config.realtime.outbox = 64 * 1024;
            config.connections.unsent = 16 * 1024;
        })
        .await;
        world.server.collection("posts", &["title"], json!({})).await;
        let key = world.key("acme", &[]).await;
        let (socket, _) = world.enter_as(&key, path, first("ann")).await;
        let mut loud = None;
        match how {
            "lost" => drop(socket),
            "stop" => world.server.stop().await,
            "key" => world.revoke_keys(&[]).await,
            "collection" => {
                let path = "/api/collections/posts";
                let answer = world.server.request("DELETE", path, &world.server.token, String::new()).await;
                assert_eq!(answer.status, 204, "{}", answer.body);
            }
            _ => loud = Some(flood(&world, socket).await),
        }
        let last = told.next(Event::RealtimeDisconnect).await;
        assert_eq!((&last["code"], &last["reason"]), (&json!(code), &json!(reason)), "{how}");
        drop(loud);
    }
}

/// Says more than the other reads.
async fn flood(world: &World, mut silent: Socket) -> Socket {
    let (mut loud, _) = world.enter(ROOM, first("bob")).await;
    let message = json!({ "type": "message", "content": "x".repeat(32 * 1024) }).to_string();
    loop {
        loud.send(&message).await;
        if loud.json().await["type"] == "user_left" {
            break;
        }
    }
    assert_eq!(silent.rest().await.last(), Some(&Heard::Close(1013)));
    loud
}

#[tokio::test]
async fn a_user_with_a_token_is_named() {
    let mut told = Told::of(&[Event::RealtimeConnect]);
    let world = start(&told).await;
    let body = json!({ "email": "a@example.com", "password": crate::server::PASSWORD });
    let answer = world.call("POST", "/auth-collections/signup", &body).await.json();
    let (id, token) = (answer["user"]["id"].clone(), answer["access_token"].clone());
    assert!(id.is_string(), "{answer}");
    let (_socket, _): (Socket, _) = world.enter(ROOM, json!({ "token": token, "action": "create" })).await;
    let connect = told.next(Event::RealtimeConnect).await;
    assert_eq!((&connect["user_id"], &connect["token_type"]), (&id, &json!("user")));
}
