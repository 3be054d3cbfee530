//! Watching a collection.

use crate::socket::{Heard, Socket};
use crate::world::World;
use serde_json::{Value as Json, json};

const POSTS: &str = "/realtime/collections/posts";

async fn world() -> World {
    let world = World::start().await;
    let more = json!({ "fields": [
        { "name": "n", "type": "number" },
        { "name": "tags", "type": "json" },
        { "name": "secret", "type": "text", "hidden": true },
    ] });
    world.server.collection("posts", &["title", "owner"], more).await;
    world
}

/// Event and title or id of the next frame.
async fn brief(socket: &mut Socket) -> (String, String) {
    let frame = socket.json().await;
    let name =
        frame["data"]["title"].as_str().or(frame["data"]["id"].as_str()).unwrap_or_default().to_owned();
    (frame["event"].as_str().unwrap_or_else(|| panic!("{frame}")).to_owned(), name)
}

#[tokio::test]
async fn every_write_is_one_frame_flat_and_nested() {
    let world = world().await;
    let (mut socket, connected) = world.enter(POSTS, json!({})).await;
    assert_eq!(connected, json!({ "event": "connected", "collection_id": "posts" }));
    let id = world.create("posts", json!({ "title": "a", "n": 1, "tags": [1], "secret": "s" })).await;
    let mut created = socket.json().await;
    let data = created["data"].as_object_mut().unwrap();
    let collection = data.remove("collection_id").unwrap();
    for name in ["created_at", "updated_at"] {
        let time = data.remove(name).unwrap();
        assert!(time.as_str().unwrap().ends_with("+00:00"), "{time}");
    }
    let fields = json!({ "title": "a", "owner": "", "n": 1, "tags": [1] });
    let mut data = fields.clone();
    data["data"] = fields;
    data["id"] = json!(id);
    assert_eq!(created, json!({ "event": "create", "collection_id": "posts", "data": data }));
    world.update("posts", &id, json!({ "n": 2, "secret": "t", "title": "a" })).await;
    let updated = socket.json().await;
    assert_eq!(updated["event"], "update");
    assert_eq!((&updated["data"]["n"], &updated["data"]["data"]["n"]), (&json!(2), &json!(2)));
    assert_eq!(updated["old_data"], json!({ "n": 1 }));
    world.update("posts", &id, json!({})).await;
    assert_eq!(socket.json().await["old_data"], json!({}));
    world.delete("posts", &id).await;
    let deleted = json!({ "event": "delete", "collection_id": "posts", "data": { "id": id } });
    assert_eq!(socket.json().await, deleted);
    let by_id = format!("/realtime/collections/{}", collection.as_str().unwrap());
    let (_, connected) = world.enter(&by_id, json!({})).await;
    assert_eq!(connected["collection_id"], collection);
}

#[tokio::test]
async fn filters_hold_on_the_new_state_and_on_the_last_of_a_delete() {
    let world = world().await;
    let filters = json!({ "owner": "me", "[or]n_gte": 5, "[or]title_startswith": "A", "x": null });
    let (mut socket, connected) = world.enter(POSTS, json!({ "filters": filters })).await;
    assert_eq!(connected["filters"], filters);
    let (mut all, connected) = world.enter(POSTS, json!({ "filters": {} })).await;
    assert!(connected.get("filters").is_none(), "{connected}");
    let (mut leaving, _) = world.enter(POSTS, json!({ "filters": filters, "leave": true })).await;
    world.create("posts", json!({ "title": "b", "owner": "me", "n": 4 })).await;
    world.create("posts", json!({ "title": "a1", "owner": "you" })).await;
    let a2 = world.create("posts", json!({ "title": "a2", "owner": "me" })).await;
    let c = world.create("posts", json!({ "title": "c", "owner": "me", "n": 5 })).await;
    world.update("posts", &c, json!({ "n": 0 })).await;
    world.delete("posts", &c).await;
    world.delete("posts", &a2).await;
    let pair = |event: &str, name: &str| (event.to_owned(), name.to_owned());
    for expected in [pair("create", "a2"), pair("create", "c"), pair("delete", &a2)] {
        assert_eq!(brief(&mut socket).await, expected);
    }
    for expected in [pair("create", "a2"), pair("create", "c"), pair("leave", &c), pair("delete", &a2)] {
        assert_eq!(brief(&mut leaving).await, expected);
    }
    for title in ["b", "a1", "a2", "c"] {
        assert_eq!(brief(&mut all).await, pair("create", title));
    }
}

#[tokio::test]
async fn projects_do_not_see_each_other() {
    let world = world().await;
    let other = world.another_project().await;
    let (mut stranger, _) = world.enter_as(&other.key, POSTS, json!({})).await;
    world.create("posts", json!({ "title": "ours" })).await;
    world.server.create("posts", json!({ "title": "the default tenant's" })).await;
    stranger.send(r#"{"type":"ping"}"#).await;
    assert_eq!(stranger.json().await, json!({ "type": "pong" }));
}

#[tokio::test]
async fn only_pings_are_answered() {
    let world = world().await;
    let (mut socket, _) = world.enter(POSTS, json!({})).await;
    for ignored in ["x", "{", "[]", r#"{"type":"unsubscribe"}"#, r#"{"api_key":"K","filters":{"a":1}}"#] {
        socket.send(ignored).await;
    }
    socket.send("ping").await;
    assert_eq!(socket.json().await, json!({ "event": "pong" }));
    socket.send(r#"{"type":"ping"}"#).await;
    assert_eq!(socket.json().await, json!({ "type": "pong" }));
}

#[tokio::test]
async fn a_collection_that_goes_takes_its_watchers_along() {
    let world = world().await;
    let (mut socket, _) = world.enter(POSTS, json!({})).await;
    let answer = world.request("DELETE", "/api/collections/posts", Json::Null).await;
    assert_eq!(answer.status, 204, "{}", answer.body);
    let gone = json!({ "error": "Collection not found or access denied" });
    assert_eq!(socket.rest().await, [Heard::Json(gone), Heard::Close(1008)]);
}

#[tokio::test]
async fn rules_hold_for_publishable_keys_and_users() {
    let world = world().await;
    world.server.collection("closed", &["title"], json!({ "listRule": null })).await;
    world.server.collection("known", &["title"], json!({ "listRule": "@request.auth.id != ''" })).await;
    let own = json!({ "listRule": "@request.auth.id != '' && owner = @request.auth.id" });
    world.server.collection("mine", &["title", "owner"], own).await;
    let public = world.key("default", &[]).await;
    for (key, path) in [
        (&public, "closed"),
        (&public, "known"),
        (&public, "mine"),
        (&public, "_superusers"),
        (&world.key, "_superusers"),
        (&world.key, "users"),
        (&world.key, "nothing"),
        (&world.key, "Posts"),
    ] {
        let (mut socket, refused) =
            world.enter_as(key, &format!("/realtime/collections/{path}"), json!({})).await;
        assert_eq!(refused, json!({ "error": "Collection not found or access denied" }), "{path}");
        assert_eq!(socket.rest().await, [Heard::Close(1008)]);
    }
    let (id, token) = world.server.user("ann").await;
    let (mut socket, _) =
        world.enter_as(&public, "/realtime/collections/mine", json!({ "token": token })).await;
    let (mut owner, _) = world.enter("/realtime/collections/closed", json!({})).await;
    world.server.create("mine", json!({ "title": "another's" })).await;
    world.server.create("mine", json!({ "title": "hers", "owner": id })).await;
    world.create("closed", json!({ "title": "seen by the project" })).await;
    assert_eq!(socket.json().await["data"]["title"], "hers");
    assert_eq!(owner.json().await["data"]["title"], "seen by the project");
}

#[tokio::test]
async fn keys_are_good_for_what_they_list_until_they_are_revoked() {
    let world = world().await;
    world.server.collection("other", &["title"], json!({})).await;
    let key = world.key("acme", &["posts"]).await;
    let (_, refused) = world.enter_as(&key, "/realtime/collections/other", json!({})).await;
    assert_eq!(refused, json!({ "error": "Collection not found or access denied" }));
    let (mut watching, connected) = world.enter_as(&key, POSTS, json!({})).await;
    assert_eq!(connected["event"], "connected");
    let (mut speaking, _) = world.enter_as(&key, "/realtime/broadcast", json!({})).await;
    world.revoke_keys(&["posts"]).await;
    let gone = json!({ "error": "Invalid API key", "error_detail": "Project not found" });
    for socket in [&mut watching, &mut speaking] {
        assert_eq!(socket.rest().await, [Heard::Json(gone.clone()), Heard::Close(1008)]);
    }
}

#[tokio::test]
async fn who_comes_back_is_replayed_what_it_missed() {
    let world = world().await;
    let (mut socket, connected) = world.enter(POSTS, json!({ "cursor": true })).await;
    assert!(connected["cursor"].is_string(), "{connected}");
    world.create("posts", json!({ "title": "a" })).await;
    let cursor = socket.json().await["cursor"].clone();
    drop(socket);
    world.create("posts", json!({ "title": "b" })).await;
    world.create("posts", json!({ "title": "c" })).await;
    let (mut socket, connected) = world.enter(POSTS, json!({ "since": cursor })).await;
    assert_eq!(connected["recovered"], true, "{connected}");
    for title in ["b", "c"] {
        assert_eq!(socket.json().await["data"]["title"], title);
    }
    let (_, connected) = world.enter(POSTS, json!({ "since": "nonsense" })).await;
    assert_eq!((&connected["recovered"], &connected["reason"]), (&json!(false), &json!("invalid_cursor")));
}

#[tokio::test]
async fn a_snapshot_comes_before_what_changes() {
    let world = world().await;
    world.create("posts", json!({ "title": "a", "n": 1 })).await;
    world.create("posts", json!({ "title": "b", "n": 2 })).await;
    let first = json!({ "snapshot": true, "filters": { "n_gt": 1 } });
    let (mut socket, connected) = world.enter(POSTS, first).await;
    assert_eq!(connected["event"], "connected");
    world.create("posts", json!({ "title": "c", "n": 3 })).await;
    let frames = socket.until("create").await;
    let seen: Vec<(&Json, &Json)> =
        frames.iter().map(|frame| (&frame["event"], &frame["data"]["title"])).collect();
    let expected = [("snapshot", json!("b")), ("live", Json::Null), ("create", json!("c"))];
    assert_eq!(seen.len(), expected.len(), "{frames:?}");
    for ((event, title), (expected_event, expected_title)) in seen.iter().zip(&expected) {
        assert_eq!((*event, *title), (&json!(expected_event), expected_title), "{frames:?}");
    }
    assert_eq!(frames[0]["data"]["data"]["title"], "b");
}
