//! What SnackBase does not have: filters, cursors, snapshots, records that leave.

use crate::server::Server;
use crate::sse::Events;
use crate::websocket::{Frame, Socket, short};
use serde_json::{Value as Json, json};

async fn server() -> (Server, String) {
    let server = Server::start().await;
    let fields = json!([{ "name": "status", "type": "text" }]);
    server.collection("posts", &["title"], json!({ "fields": fields })).await;
    let (_, token) = server.user("a").await;
    (server, token)
}

async fn create(server: &Server, title: &str) -> String {
    let record = server.create("posts", json!({ "title": title, "status": "draft" })).await;
    record["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn nothing_is_added_unless_asked_for() {
    let (server, token) = server().await;
    let mut socket = Socket::listen(&server, &token, &["posts"]).await;
    create(&server, "one").await;
    let event = socket.frame().await.json();
    assert_eq!(event.as_object().unwrap().len(), 3, "{event}");
}

#[tokio::test]
async fn filters_narrow_and_leaving_is_a_delete() {
    let (server, token) = server().await;
    let wanted =
        json!({ "collection": "posts", "filter": "status IN ('live', 'hot') && title != ''", "leave": true });
    let (mut plain, mut leaving) =
        (Socket::connect(&server, &token).await, Socket::connect(&server, &token).await);
    plain.subscribe(json!({ "collection": "posts", "filter": "status = 'live'" })).await;
    leaving.subscribe(wanted).await;
    let id = create(&server, "one").await;
    server.update("posts", &id, json!({ "status": "live" })).await;
    server.update("posts", &id, json!({ "status": "draft" })).await;
    server.update("posts", &id, json!({ "title": "two" })).await;
    assert_eq!(plain.heard_short().await, ["posts.update one"]);
    let heard = leaving.heard().await;
    assert_eq!(heard.iter().map(short).collect::<Vec<_>>(), ["posts.update one", "posts.delete"]);
    assert_eq!(heard[1]["data"], json!({ "id": id }));
}

#[tokio::test]
async fn a_socket_goes_on_after_a_cursor_across_a_restart() {
    let (mut server, token) = server().await;
    let mut socket = Socket::connect(&server, &token).await;
    let answer = socket.subscribe(json!({ "collection": "posts", "cursor": true })).await;
    assert!(answer["cursor"].is_string(), "{answer}");
    create(&server, "one").await;
    let cursor = socket.frame().await.json()["cursor"].clone();
    create(&server, "two").await;
    drop(socket);
    server.restart().await;
    create(&server, "three").await;
    let mut socket = Socket::connect(&server, &token).await;
    socket.subscribe(json!({ "collection": "posts", "since": cursor })).await;
    create(&server, "four").await;
    let heard = socket.next(3).await;
    let expected = ["posts.create two", "posts.create three", "posts.create four"];
    assert_eq!(heard.iter().map(short).collect::<Vec<_>>(), expected);
    assert!(socket.heard().await.is_empty());

    let forged = Socket::connect(&server, &token).await;
    check_reset(forged, "invalid_cursor").await;
}

async fn check_reset(mut socket: Socket, reason: &str) {
    socket.subscribe(json!({ "collection": "posts", "since": "forged" })).await;
    let reset = socket.frame().await.json();
    assert_eq!((&reset["type"], &reset["reason"]), (&json!("reset"), &json!(reason)));
    assert!(reset["cursor"].is_string() && reset["collection"] == "posts", "{reset}");
}

#[tokio::test]
async fn a_snapshot_comes_before_changes() {
    let (server, token) = server().await;
    for title in ["one", "two"] {
        create(&server, title).await;
    }
    let mut socket = Socket::connect(&server, &token).await;
    socket.subscribe(json!({ "collection": "posts", "snapshot": true })).await;
    create(&server, "three").await;
    let heard = socket.next(4).await;
    assert!(socket.heard().await.is_empty());
    let mut titles: Vec<String> = heard.iter().map(short).collect();
    titles[..2].sort();
    let expected = ["posts.snapshot one", "posts.snapshot two", "posts.live", "posts.create three"];
    assert_eq!(titles, expected);
    let cursors: Vec<bool> = heard.iter().map(|frame| frame["cursor"].is_string()).collect();
    assert_eq!(cursors, [false, false, true, true]);
    let data = |frame: &Json| frame["data"].as_object().map(|data| data.contains_key("title"));
    assert_eq!(data(&heard[0]), Some(true));
}

#[tokio::test]
async fn an_event_source_resumes_by_itself() {
    let (mut server, token) = server().await;
    let query = format!("collection=posts&cursor=true&token={token}");
    let mut events = Events::open(&server, &query, "").await;
    create(&server, "one").await;
    let (id, event) = events.event().await;
    assert_eq!(short(&event), "posts.create one");
    assert!(event["cursor"].is_null(), "{event}");
    drop(events);
    create(&server, "two").await;
    server.restart().await;
    create(&server, "three").await;
    let last = format!("Last-Event-ID: {}\r\n", id.unwrap());
    let mut events = Events::open(&server, &query, &last).await;
    create(&server, "four").await;
    for title in ["two", "three", "four"] {
        assert_eq!(short(&events.event().await.1), format!("posts.create {title}"));
    }
    let mut events = Events::open(&server, &query, "Last-Event-ID: forged\r\n").await;
    let reset = events.chunk().await;
    assert!(reset.starts_with("id: ") && reset.contains("\r\nevent: reset\r\n"), "{reset}");
}

#[tokio::test]
async fn wrong_extras_are_told() {
    let (server, token) = server().await;
    let mut socket = Socket::connect(&server, &token).await;
    for key in ["filter", "since", "snapshot", "cursor", "leave"] {
        socket.send_json(json!({ "action": "subscribe", "collection": "posts", key: [1] })).await;
        assert_eq!(socket.frame().await, Frame::Text(format!("{{\"error\":\"Invalid {key}\"}}")));
    }
}
