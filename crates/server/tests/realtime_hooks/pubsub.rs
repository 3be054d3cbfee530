//! BosBase's WebSocket `/api/pubsub`.

use crate::server::Server;
use crate::told::{REALTIME, Told, same};
use crate::websocket::{Frame, Socket};
use serde_json::{Value as Json, json};
use tidewire_hooks::{Event, HookError};

async fn start(told: &Told) -> Server {
    Server::start_with(|config| config.hooks = told.hooks.clone()).await
}

async fn open(server: &Server, token: &str) -> Socket {
    Socket::open(server.address(), "/api/pubsub", &format!("Authorization: {token}\r\n")).await
}

async fn ask(socket: &mut Socket, message: Json) -> Json {
    socket.send_json(message).await;
    socket.frame().await.json()
}

#[tokio::test]
async fn a_socket_from_first_to_last() {
    let mut told = Told::of(&REALTIME);
    let server = start(&told).await;
    let (user, token) = server.user("a").await;
    let mut socket = open(&server, &token).await;
    let ready = socket.frame().await.json();
    for message in [
        json!({ "type": "subscribe", "topic": "jobs/a" }),
        json!({ "type": "subscribe", "topic": "jobs/b" }),
        json!({ "type": "subscribe", "topic": "jobs/c" }),
        json!({ "type": "unsubscribe", "topic": "jobs/a" }),
    ] {
        ask(&mut socket, message).await;
    }
    socket.send_frame(0x88, &1000_u16.to_be_bytes()).await;
    let connect = told.next(Event::RealtimeConnect).await;
    assert_eq!(
        (&connect["user_id"], &connect["path"], &connect["transport"], &connect["connection_id"]),
        (&json!(user), &json!("/api/pubsub"), &json!("ws"), &ready["clientId"])
    );
    let mut all = vec![connect];
    for (event, topic) in [
        (Event::RealtimeMessage, None),
        (Event::RealtimeSubscribe, Some("jobs/a")),
        (Event::RealtimeMessage, None),
        (Event::RealtimeSubscribe, Some("jobs/b")),
        (Event::RealtimeMessage, None),
        (Event::RealtimeSubscribe, Some("jobs/c")),
        (Event::RealtimeMessage, None),
        (Event::RealtimeUnsubscribe, Some("jobs/a")),
        (Event::RealtimeUnsubscribe, Some("jobs/b")),
        (Event::RealtimeUnsubscribe, Some("jobs/c")),
        (Event::RealtimeDisconnect, None),
    ] {
        let fields = told.next(event).await;
        assert_eq!(fields.get("topic").and_then(Json::as_str), topic);
        all.push(fields);
    }
    same("connection_id", &all);
    assert_eq!(all.pop().unwrap()["code"], 1000);
}

#[tokio::test]
async fn refusals_and_replies_are_its_own() {
    let told = Told::of(&[]);
    told.on(Event::RealtimeConnect, |e| {
        if e.fields["user_id"].is_null() { Err(HookError::abort(401, "sign\nin")) } else { Ok(()) }
    });
    told.on(Event::RealtimeSubscribe, |e| {
        if e.fields["topic"] == "secrets" { Err(HookError::abort(403, "no secrets")) } else { Ok(()) }
    });
    told.on(Event::RealtimeMessage, |e| {
        match e.fields["message"]["type"].as_str() {
            Some("publish") => return Err(HookError::abort(403, "be quiet")),
            Some("dance") => e.reply = Some(json!({ "type": "dancing" })),
            _ => {}
        }
        Ok(())
    });
    let server = start(&told).await;
    let (_, token) = server.user("a").await;
    let mut guest = open(&server, "").await;
    assert_eq!(guest.frame().await.json(), json!({ "type": "error", "message": "sign\nin" }));
    assert_eq!(guest.frame().await, Frame::Close(1008, "sign in".to_owned()));
    let mut socket = open(&server, &token).await;
    assert_eq!(socket.frame().await.json()["type"], "ready");
    let error = |message: &str| json!({ "type": "error", "requestId": "r", "message": message });
    for (message, answer) in [
        (json!({ "type": "subscribe", "topic": "secrets" }), error("no secrets")),
        (json!({ "type": "publish", "topic": "x" }), error("be quiet")),
        (json!({ "type": "dance" }), json!({ "type": "dancing" })),
        (json!({ "type": "sing" }), error("unsupported pubsub message type")),
        (json!({ "type": "ping" }), json!({ "type": "pong", "requestId": "r" })),
    ] {
        let mut message = message;
        message["requestId"] = json!("r");
        assert_eq!(ask(&mut socket, message.clone()).await, answer, "{message}");
    }
    server.publish("secrets", json!(1)).await;
    assert_eq!(ask(&mut socket, json!({ "type": "ping" })).await, json!({ "type": "pong" }));
}
