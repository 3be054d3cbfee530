//! The hooks that SnackBase documents, written in JavaScript, with the arguments that it names.

use crate::server::Server;
use crate::told::Told;
use crate::websocket::Socket;
use crate::world::World;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tidewire_hooks::{Event, Limits, NoHands};
use tidewire_outbound::{Client, Policy};
use tidewire_scripts::{Options, Scripts};

/// The scripts, their folder, and what they were told.
struct Scripted {
    told: Told,
    _scripts: Scripts,
    _folder: TempDir,
}

fn scripted(text: &str) -> Scripted {
    scripted_within(Limits::default(), text)
}

fn scripted_within(limits: Limits, text: &str) -> Scripted {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("realtime.js"), text).unwrap();
    let told = Told::within(limits, &[Event::RecordBeforeCreate]);
    let client = Client::new(Policy::default());
    let options = Options { time: limits.time, ..Options::new(folder.path()) };
    let runtime = tokio::runtime::Handle::current();
    let hands = Arc::new(|| Box::new(NoHands) as _);
    let scripts = Scripts::start(told.hooks.clone(), options, client, runtime, hands).unwrap();
    Scripted { told, _scripts: scripts, _folder: folder }
}

/// Each writes a record of what it was told.
const NOTES: &str = r#"
const note = (event, e, more = {}) => records("notes").create({ title: JSON.stringify({
    event, connection_id: e.connection_id, user_id: e.user_id, account_id: e.account_id, ...more,
}) });
onRealtimeConnect((e) => { note("connect", e) });
onRealtimeSubscribe((e) => { note("subscribe", e, { collection: e.collection }) });
onRealtimeUnsubscribe((e) => { note("unsubscribe", e, { collection: e.collection }) });
onRealtimeMessage((e) => { note("message", e, { action: e.message.action }) });
onRealtimeDisconnect((e) => { note("disconnect", e, { code: e.code }) });
"#;

#[tokio::test]
async fn all_five_hooks_of_snackbase_are_told_in_order() {
    let mut scripted = scripted(NOTES);
    let server = Server::start_with(|config| config.hooks = scripted.told.hooks.clone()).await;
    server.collection("notes", &["title"], json!({})).await;
    let (user, token) = server.user("a").await;
    scripted.told.next(Event::RecordBeforeCreate).await;
    let mut socket = Socket::connect(&server, &token).await;
    socket.subscribe(json!({ "collection": "posts" })).await;
    socket.send_json(json!({ "action": "unsubscribe", "collection": "posts" })).await;
    assert_eq!(socket.frame().await.json()["type"], "unsubscribed");
    socket.send_frame(0x88, &1000_u16.to_be_bytes()).await;
    let mut ids = Vec::new();
    for (event, name, value) in [
        ("connect", "", json!(null)),
        ("message", "action", json!("subscribe")),
        ("subscribe", "collection", json!("posts")),
        ("message", "action", json!("unsubscribe")),
        ("unsubscribe", "collection", json!("posts")),
        ("disconnect", "code", json!(1000)),
    ] {
        let written = scripted.told.next(Event::RecordBeforeCreate).await;
        let note: Json = serde_json::from_str(written["record"]["title"].as_str().unwrap()).unwrap();
        let expected = (&json!(event), &json!(user), &json!("default"));
        assert_eq!((&note["event"], &note["user_id"], &note["account_id"]), expected);
        assert_eq!(note.get(name).cloned().unwrap_or_default(), value, "{note}");
        ids.push(note["connection_id"].clone());
    }
    assert!(ids.iter().all(|id| *id == ids[0] && id.is_string()), "{ids:?}");
}

const MAY: &str = r#"
onRealtimeConnect((e) => { if (e.user_agent === "bad") e.abort("no\nrobots", 403) });
onRealtimeSubscribe((e) => { e.operations = ["create"]; e.filter = "title = 'public'" }, { collection: "posts" });
onRealtimeMessage((e) => e.message.action === "whoami" ? { reply: { you: e.user_id } } : undefined);
onRoomJoin((e) => { if (e.user_id === "eve") e.abort("not eve", 403) });
onRoomMessage((e) => { e.data = { text: e.data, room: e.room } });
onSignInBefore((e) => { if (e.identity === "eve@example.com") throw new ForbiddenError("not eve") });
"#;

#[tokio::test]
async fn scripts_refuse_narrow_and_reply() {
    let scripted = scripted(MAY);
    let world = World::start_with(|config| config.hooks = scripted.told.hooks.clone()).await;
    let server = &world.server;
    server.collection("posts", &["title"], json!({})).await;
    let (user, token) = server.user("a").await;
    let target = format!("/api/v1/realtime/ws?token={token}");
    let mut bad = Socket::open(server.address(), &target, "User-Agent: bad\r\n").await;
    bad.expect_close(1008, "no robots").await;
    let mut socket = Socket::connect(server, &token).await;
    socket.send_json(json!({ "action": "whoami" })).await;
    assert_eq!(socket.frame().await.json(), json!({ "you": user }));
    socket.subscribe(json!({ "collection": "posts" })).await;
    for title in ["private", "public"] {
        let record = server.create("posts", json!({ "title": title })).await;
        server.delete("posts", record["id"].as_str().unwrap()).await;
    }
    assert_eq!(socket.heard_short().await, ["posts.create public"]);
    let body = json!({ "identity": "eve@example.com", "password": "x" });
    let answer = server.post("/api/collections/users/auth-with-password", "", body).await;
    assert_eq!((answer.status, answer.json()["message"].as_str()), (403, Some("Not eve.")));
    let create = |user: &str| json!({ "user_id": user, "action": "create" });
    let (_, refused) = world.enter("/realtime/rooms/lobby", create("eve")).await;
    assert_eq!(refused, json!({ "error": "not eve" }));
    let (mut ann, _) = world.enter("/realtime/rooms/lobby", create("ann")).await;
    ann.send(r#"{"type":"message","content":"hi"}"#).await;
    assert_eq!(ann.json().await["content"], json!({ "text": "hi", "room": "lobby" }));
}

/// Takes longer than a hook may that asks for no time.
const SLOW: &str = r#"
const wait = () => { const end = Date.now() + 60; while (Date.now() < end) {} };
onRealtimeMessage((e) => { if (e.message.action === "ask") { wait(); return { reply: { late: false } } } }, { timeout: 50 });
onRealtimeMessage((e) => { if (e.message.action === "hurry") { wait(); return { reply: { late: false } } } });
"#;

#[tokio::test]
async fn a_hook_of_a_connection_has_the_time_that_it_asks_for() {
    let limits = Limits { time: Duration::from_millis(20), ..Limits::default() };
    let scripted = scripted_within(limits, SLOW);
    let server = Server::start_with(|config| config.hooks = scripted.told.hooks.clone()).await;
    let (_, token) = server.user("a").await;
    let mut socket = Socket::connect(&server, &token).await;
    socket.send_json(json!({ "action": "hurry" })).await;
    // what nobody answers is passed over: the next answer is that of the next message
    socket.send_json(json!({ "action": "subscribe", "collection": "posts" })).await;
    assert_eq!(socket.frame().await.json()["status"], "subscribed");
    socket.send_json(json!({ "action": "ask" })).await;
    assert_eq!(socket.frame().await.json(), json!({ "late": false }));
}
