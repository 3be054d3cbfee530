//! What handlers do: they write records, publish, and speak in rooms and on broadcasts.

use crate::server::Server;
use crate::told::{Told, on};
use crate::world::World;
use serde_json::{Value as Json, json};
use tidewire_hooks::{Act, Event, Hands, HookError, Occasion};

const ROOM: &str = "/realtime/rooms/lobby";

/// Does the act that a message of a client asks for, and replies what came of it.
fn obedient(told: &Told) {
    on(&told.hooks, Event::RealtimeMessage, false, |e: &mut Occasion, hands: &mut dyn Hands| {
        let message = &e.fields["message"];
        let (room, data) = (message["room"].as_str().unwrap_or_default().to_owned(), message["what"].clone());
        let act = match message["do"].as_str() {
            Some("say") => Act::Say { room, data },
            Some("broadcast") => Act::Broadcast { event: room, data },
            Some(name @ ("create" | "create-as-user")) => {
                let data = data.as_object().cloned().unwrap_or_default();
                Act::Create { collection: room, data, rules: name == "create-as-user" }
            }
            _ => return Ok(()),
        };
        e.reply = Some(match hands.act(act) {
            Ok(_) => json!({ "type": "done" }),
            Err(error) => json!({ "type": "done", "status": error.status }),
        });
        Err(HookError::Failed("seen by the log only".to_owned()))
    });
}

#[tokio::test]
async fn the_server_speaks_in_rooms_and_to_a_project() {
    let told = Told::of(&[]);
    obedient(&told);
    let world = World::start_with(|config| config.hooks = told.hooks.clone()).await;
    let other = world.another_project().await;
    let create = json!({ "user_id": "ann", "user_name": "Ann", "action": "create", "room_title": "Lobby" });
    let (mut ann, _) = world.enter(ROOM, create.clone()).await;
    let (mut everybody, _) = world.enter("/realtime/broadcast", json!({})).await;
    let (mut stranger, _) = world.enter_as(&other.key, "/realtime/broadcast", json!({})).await;
    let act = |what: Json| json!({ "type": "x", "content": "and then", "do": what["do"], "room": what["room"], "what": what["what"] });
    // in the order in which it was said: before what the client says itself
    ann.send(&act(json!({ "do": "say", "room": "lobby", "what": { "n": 1.50 } })).to_string()).await;
    let mut frame = Vec::new();
    while frame.len() < 3 {
        frame.push(ann.json().await);
    }
    let said = frame.iter().position(|frame| frame["user_id"] == "server").unwrap();
    let own = frame.iter().position(|frame| frame["user_id"] == "ann").unwrap();
    assert!(said < own, "{frame:?}");
    let mut spoken = frame.swap_remove(said);
    assert!(spoken.as_object_mut().unwrap().remove("timestamp").is_some());
    let expected = json!({
        "type": "message", "user_id": "server", "user_name": "Server", "content": { "n": 1.5 },
        "room_info": { "id": "lobby", "title": "Lobby" },
    });
    assert_eq!(spoken, expected);
    ann.send(&act(json!({ "do": "broadcast", "room": "news", "what": [1] })).to_string()).await;
    let mut spoken = everybody.json().await;
    assert!(spoken.as_object_mut().unwrap().remove("timestamp").is_some());
    assert_eq!(spoken, json!({ "type": "news", "user_id": "server", "user_name": "Server", "data": [1] }));
    // a room of another project, one that does not exist, and what is too much
    let (mut foreign, _) = world.enter_as(&other.key, "/realtime/broadcast", json!({})).await;
    for (what, status) in [
        (json!({ "do": "say", "room": "lobby", "what": "stolen" }), json!(null)),
        (json!({ "do": "say", "room": "nowhere", "what": "x" }), json!(null)),
        (json!({ "do": "broadcast", "room": "", "what": "x" }), json!(400)),
        (json!({ "do": "say", "room": "lobby", "what": "x".repeat(900_000) }), json!(null)),
    ] {
        foreign.send(&act(what.clone()).to_string()).await;
        let frames = foreign.until("done").await;
        assert_eq!(frames.last().unwrap()["status"], status, "{:.80}", what.to_string());
        foreign.until("message").await;
    }
    ann.send(r#"{"type":"ping"}"#).await;
    let rest = ann.until("pong").await;
    assert!(!rest.iter().any(|frame| frame["content"] == "stolen"), "{rest:?}");
    stranger.send("ping").await;
    let rest = stranger.until("pong").await;
    assert!(!rest.iter().any(|frame| frame["type"] == "news"), "{rest:?}");
}

#[tokio::test]
async fn handlers_write_as_the_server_or_as_the_user() {
    let told = Told::of(&[]);
    obedient(&told);
    let server = Server::start_with(|config| config.hooks = told.hooks.clone()).await;
    server.collection("posts", &["title"], json!({ "createRule": null })).await;
    let (_, token) = server.user("a").await;
    let mut socket = crate::websocket::Socket::listen(&server, &token, &["posts"]).await;
    for (how, status, heard) in
        [("create", json!(null), vec!["posts.create x"]), ("create-as-user", json!(403), vec![])]
    {
        socket
            .send_json(json!({ "action": "x", "do": how, "room": "posts", "what": { "title": "x" } }))
            .await;
        let mut told = Vec::new();
        loop {
            let frame = socket.frame().await.json();
            if frame["type"] == "done" {
                assert_eq!(frame["status"], status, "{how}");
                break;
            }
            told.push(crate::websocket::short(&frame));
        }
        told.extend(socket.heard_short().await);
        assert_eq!(told, heard, "{how}");
    }
}
