//! SnackBase's WebSocket and event stream.

use crate::server::{Answer, Server};
use crate::told::{REALTIME, Told, on, same, without};
use crate::websocket::{Frame, Socket};
use serde_json::{Value as Json, json};
use tidewire_hooks::{Event, HookError};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

const AGENT: &str = "User-Agent: test/1\r\n";

pub async fn start(told: &Told) -> Server {
    let server = Server::start_with(|config| config.hooks = told.hooks.clone()).await;
    server.collection("posts", &["title", "status"], json!({})).await;
    server
}

async fn socket(server: &Server, token: &str) -> Socket {
    Socket::open(server.address(), &format!("/api/v1/realtime/ws?token={token}"), AGENT).await
}

/// A stream, once it has greeted, or the answer in its place.
async fn stream(server: &Server, query: &str) -> Result<TcpStream, Answer> {
    let path = format!("/api/v1/realtime/subscribe?{query}");
    let mut reader = BufReader::new(TcpStream::connect(server.address()).await.unwrap());
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n{AGENT}\r\n");
    reader.get_mut().write_all(request.as_bytes()).await.unwrap();
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head).await.unwrap();
    }
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    if status == 200 {
        let mut greeting = String::new();
        while !greeting.ends_with(": ok\r\n") {
            reader.read_line(&mut greeting).await.unwrap();
        }
        return Ok(reader.into_inner());
    }
    let mut body = String::new();
    reader.read_to_string(&mut body).await.unwrap();
    Err(Answer { status, head, body })
}

#[tokio::test]
async fn a_websocket_from_first_to_last() {
    let mut told = Told::of(&REALTIME);
    let server = start(&told).await;
    let (user, token) = server.user("a").await;
    let mut socket = socket(&server, &token).await;
    let subscribe = json!({
        "action": "subscribe", "collection": "posts", "operations": ["delete", "create"], "filter": "title = 'x'",
    });
    for message in [subscribe.clone(), subscribe.clone(), json!({ "action": "nonsense" })] {
        socket.send_json(message).await;
    }
    // no objects
    for text in ["[1]", "no json", "\"text\""] {
        socket.send(text).await;
    }
    let unsubscribe = json!({ "action": "unsubscribe", "collection": "posts" });
    for message in [unsubscribe.clone(), unsubscribe.clone(), subscribe.clone()] {
        socket.send_json(message).await;
    }
    socket.send_frame(0x88, b"\x0f\xa0bye").await;

    let who = json!({ "user_id": user, "account_id": "default", "transport": "ws", "ip": "127.0.0.1" });
    let with = |more: Json| {
        let mut all = who.clone();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let connect = with(json!({ "user_agent": "test/1", "path": "/api/v1/realtime/ws", "token_type": "jwt" }));
    let message = |message: &Json| (Event::RealtimeMessage, with(json!({ "message": message })));
    let begin = with(json!({
        "collection": "posts", "topic": null, "operations": ["create", "delete"], "filter": "title = 'x'",
        "options": { "since": "", "snapshot": false, "cursor": false, "leave": false },
    }));
    let end = with(json!({ "collection": "posts", "topic": null }));
    let mut all = Vec::new();
    for (event, expected) in [
        (Event::RealtimeConnect, connect),
        message(&subscribe),
        (Event::RealtimeSubscribe, begin.clone()),
        message(&subscribe),
        (Event::RealtimeSubscribe, begin.clone()),
        message(&json!({ "action": "nonsense" })),
        message(&unsubscribe),
        (Event::RealtimeUnsubscribe, end.clone()),
        message(&unsubscribe),
        message(&subscribe),
        (Event::RealtimeSubscribe, begin),
        (Event::RealtimeUnsubscribe, end),
    ] {
        let fields = told.next(event).await;
        assert_eq!(without(fields.clone(), &["connection_id"]), expected, "{}", event.name());
        all.push(fields);
    }
    let last = told.next(Event::RealtimeDisconnect).await;
    assert!(last["duration_ms"].is_u64(), "{last}");
    let goodbye = without(last.clone(), &["connection_id", "duration_ms"]);
    assert_eq!(goodbye, with(json!({ "code": 4000, "reason": "bye" })));
    all.push(last);
    assert_eq!(same("connection_id", &all).as_str().unwrap().len(), 36);
    told.nothing();
}

#[tokio::test]
async fn a_stream_from_first_to_last() {
    let mut told = Told::of(&REALTIME);
    let server = start(&told).await;
    let (user, token) = server.user("a").await;
    let query = format!("token={token}&collection=posts&collection=notes:create&collection=posts:update");
    drop(stream(&server, &query).await);
    let connect = told.next(Event::RealtimeConnect).await;
    assert_eq!(
        without(connect, &["connection_id"]),
        json!({
            "user_id": user, "account_id": "default", "transport": "sse", "ip": "127.0.0.1", "user_agent": "test/1",
            "path": "/api/v1/realtime/subscribe", "token_type": "jwt",
        })
    );
    for (name, operations) in [("posts", json!(["update"])), ("notes", json!(["create"]))] {
        let fields = told.next(Event::RealtimeSubscribe).await;
        assert_eq!((&fields["collection"], &fields["operations"]), (&json!(name), &operations));
    }
    assert_eq!(told.short().await, ["unsubscribe posts", "unsubscribe notes", "disconnect"]);
}

#[tokio::test]
async fn who_may_not_connect_is_told_why() {
    let long = "\u{e9}".repeat(100);
    let cut = "\u{e9}".repeat(61);
    for (outcome, stop_on_error, refused) in [
        (HookError::abort(403, "not you"), false, Some((403, "not you", "not you"))),
        (
            HookError::abort(451, "a\r\nSet-Cookie: b\n"),
            false,
            Some((451, "a\r\nSet-Cookie: b\n", "a  Set-Cookie: b ")),
        ),
        (HookError::abort(418, &*long), false, Some((418, &*long, &*cut))),
        (HookError::abort(200, ""), false, Some((400, "", ""))),
        (HookError::Failed("on purpose".to_owned()), true, Some((500, "A hook failed.", "A hook failed."))),
        (HookError::Failed("on purpose".to_owned()), false, None),
    ] {
        let mut told = Told::of(&REALTIME);
        on(&told.hooks, Event::RealtimeConnect, stop_on_error, move |_, _| Err(outcome.clone()));
        let server = start(&told).await;
        let (_, token) = server.user("a").await;
        let mut socket = socket(&server, &token).await;
        let stream = stream(&server, &format!("token={token}")).await;
        match refused {
            Some((status, text, reason)) => {
                socket.expect_close(1008, reason).await;
                let answer = stream.unwrap_err();
                assert_eq!((answer.status, answer.json()), (status, json!({ "detail": text })));
                assert!(!answer.head.contains("Set-Cookie"), "{}", answer.head);
            }
            None => {
                socket.subscribe(json!({ "collection": "posts" })).await;
                stream.unwrap();
            }
        }
        let mut told_of = vec![told.next(Event::RealtimeConnect).await["transport"].clone()];
        if refused.is_none() {
            continue;
        }
        told_of.push(told.next(Event::RealtimeConnect).await["transport"].clone());
        told_of.sort_by_key(Json::to_string);
        assert_eq!(told_of, ["sse", "ws"]);
        let mut server = server;
        server.stop().await;
        told.nothing();
    }
}

#[tokio::test]
async fn a_refused_subscription_does_not_begin() {
    let mut told = Told::of(&REALTIME);
    told.on(Event::RealtimeSubscribe, |e| {
        if e.fields["collection"] == "secrets" {
            Err(HookError::abort(451, "no \"secrets\""))
        } else {
            Ok(())
        }
    });
    let server = start(&told).await;
    server.collection("secrets", &["title"], json!({})).await;
    let (_, token) = server.user("a").await;
    let mut socket = socket(&server, &token).await;
    socket.send_json(json!({ "action": "subscribe", "collection": "secrets" })).await;
    assert_eq!(socket.frame().await.json(), json!({ "error": "no \"secrets\"" }));
    socket.subscribe(json!({ "collection": "posts" })).await;
    server.create("secrets", json!({ "title": "s" })).await;
    server.create("posts", json!({ "title": "p" })).await;
    assert_eq!(socket.heard_short().await, ["posts.create p"]);
    // the limit of a hundred collections does not count it
    socket.send_json(json!({ "action": "unsubscribe", "collection": "secrets" })).await;
    assert_eq!(socket.frame().await.json()["type"], "unsubscribed");
    drop(socket);
    let short = told.short().await;
    let ends = ["unsubscribe fence", "message", "unsubscribe posts", "disconnect"];
    assert!(short.ends_with(&ends.map(str::to_owned)), "{short:?}");
    let refused =
        stream(&server, &format!("token={token}&collection=posts&collection=secrets")).await.unwrap_err();
    assert_eq!((refused.status, refused.json()), (451, json!({ "detail": "no \"secrets\"" })));
    let expected = ["connect", "subscribe posts", "subscribe secrets", "disconnect"];
    assert_eq!(told.short().await, expected);
}

#[tokio::test]
async fn messages_are_refused_answered_or_let_through() {
    let told = Told::of(&[]);
    told.on(Event::RealtimeMessage, |e| {
        match e.fields["message"]["action"].as_str() {
            Some("whoami") => e.reply = Some(json!({ "you": e.fields["user_id"].is_string() })),
            Some("unsubscribe") => return Err(HookError::abort(403, "you stay")),
            Some("ping") => e.reply = Some(json!({ "before": "pong" })),
            Some("break") => return Err(HookError::Failed("on purpose".to_owned())),
            _ => {}
        }
        Ok(())
    });
    let server = start(&told).await;
    let (_, token) = server.user("a").await;
    let mut socket = socket(&server, &token).await;
    socket.subscribe(json!({ "collection": "posts" })).await;
    for (message, answers) in [
        (json!({ "action": "whoami" }), vec![json!({ "you": true })]),
        (json!({ "action": "unsubscribe", "collection": "posts" }), vec![json!({ "error": "you stay" })]),
        (json!({ "action": "ping" }), vec![json!({ "before": "pong" }), json!({ "type": "pong" })]),
        (json!({ "action": "break" }), vec![]),
        (json!({ "action": "unknown" }), vec![]),
        (json!({ "action": "subscribe" }), vec![json!({ "error": "Missing collection" })]),
    ] {
        socket.send_json(message.clone()).await;
        for answer in answers {
            assert_eq!(socket.frame().await.json(), answer, "{message}");
        }
    }
    server.create("posts", json!({ "title": "still here" })).await;
    assert_eq!(socket.frame().await.json()["data"]["title"], "still here");
}

/// However a connection ends.
#[tokio::test]
async fn goodbyes_say_why() {
    for (how, ws, sse) in [
        ("client", (1000, ""), None),
        ("silent", (1005, ""), None),
        ("lost", (1006, "the client is gone"), Some((1001, "the client is gone"))),
        ("fault", (1007, ""), None),
        ("binary", (1003, ""), None),
        ("revoked", (1008, "the sign-in was revoked"), Some((1008, "the sign-in was revoked"))),
        ("stop", (1012, "the server stops"), Some((1012, "the server stops"))),
    ] {
        let mut told = Told::of(&[Event::RealtimeDisconnect]);
        let mut server = start(&told).await;
        let (user, token) = server.user("a").await;
        let mut socket = socket(&server, &token).await;
        socket.subscribe(json!({ "collection": "posts" })).await;
        let mut streaming = match sse {
            Some(_) => Some(stream(&server, &format!("token={token}")).await.unwrap()),
            None => None,
        };
        match how {
            "client" => socket.send_frame(0x88, &1000_u16.to_be_bytes()).await,
            "silent" => socket.send_frame(0x88, b"").await,
            "fault" => socket.send_frame(0x81, b"\xff\xff").await,
            "binary" => socket.send_frame(0x82, b"\xff\xff").await,
            "revoked" => server.delete("users", &user).await,
            "stop" => server.stop().await,
            _ => {
                drop(socket);
                streaming = None;
            }
        }
        let mut expected: Vec<_> = [Some(ws), sse].into_iter().flatten().collect();
        while !expected.is_empty() {
            let told = told.next(Event::RealtimeDisconnect).await;
            let place = expected.iter().position(|(code, reason)| {
                told["code"] == *code && (told["reason"] == *reason || reason.is_empty())
            });
            expected.remove(place.unwrap_or_else(|| panic!("{how}: {told}")));
        }
        drop(streaming);
    }
}

#[tokio::test]
async fn a_token_that_runs_out_ends_it() {
    let mut told = Told::of(&[Event::RealtimeDisconnect]);
    let server = Server::start_with(|config| {
        config.hooks = told.hooks.clone();
        config.snackbase.lifetimes.access = 1;
    })
    .await;
    let (user, _) = server.user("a").await;
    server.update("users", &user, json!({ "verified": true })).await;
    let body = json!({ "account": "default", "email": "a@example.com", "password": crate::server::PASSWORD });
    let answer = server.post("/api/v1/auth/login", "", body).await;
    let token = answer.json()["token"].as_str().unwrap_or_else(|| panic!("{}", answer.body)).to_owned();
    let mut socket = socket(&server, &token).await;
    socket.expect_close(1008, "Token expired").await;
    let told = told.next(Event::RealtimeDisconnect).await;
    assert_eq!((&told["code"], &told["reason"]), (&json!(1008), &json!("the token has expired")));
}

#[tokio::test]
async fn nobody_is_followed_whom_nobody_asked_about() {
    let told = Told::of(&[]);
    let server = start(&told).await;
    let (_, token) = server.user("a").await;
    let mut early = socket(&server, &token).await;
    early.subscribe(json!({ "collection": "posts" })).await;
    // whoever registers later is told of those who come later
    told.on(Event::RealtimeSubscribe, |_| Err(HookError::abort(403, "no")));
    early.subscribe(json!({ "collection": "others" })).await;
    let mut late = socket(&server, &token).await;
    late.send_json(json!({ "action": "subscribe", "collection": "posts" })).await;
    assert_eq!(late.frame().await, Frame::Text(r#"{"error":"no"}"#.to_owned()));
}

#[tokio::test]
async fn keys_are_told_from_tokens() {
    let mut told = Told::of(&[Event::RealtimeConnect]);
    let server = start(&told).await;
    let body = json!({ "name": "test" });
    let authorization = format!("Bearer {}", server.token);
    let answer = server.post("/api/v1/admin/api-keys", &authorization, body).await;
    let key = answer.json()["key"].as_str().unwrap_or_else(|| panic!("{}", answer.body)).to_owned();
    let _socket = socket(&server, &key).await;
    let connect = told.next(Event::RealtimeConnect).await;
    assert_eq!((&connect["token_type"], &connect["account_id"]), (&json!("api_key"), &system()));
}

/// The account of superadmins.
fn system() -> Json {
    json!(tidewire_records::account::SYSTEM_ID)
}
