//! Groups that are made and joined over REST while their members listen.

use crate::accounts::{User, World};
use serde_json::{Value as Json, json};

/// What is done with the group of this name; the other user listens, the first one is an admin.
#[derive(Clone, Copy, Debug)]
enum Step {
    Join,
    Leave,
    Rename(&'static str),
    Remove,
}

struct Group<'a> {
    world: &'a World,
    path: String,
}

impl<'a> Group<'a> {
    async fn make(world: &'a World, name: &str) -> Self {
        let (status, made) = world.by(&world.acme, "POST", "/api/v1/groups", json!({ "name": name })).await;
        assert_eq!(status, 201, "{made}");
        Self { world, path: format!("/api/v1/groups/{}", made["id"].as_str().unwrap()) }
    }

    async fn take(&self, step: Step) {
        let member = &self.world.other.id;
        let users = format!("{}/users", self.path);
        let (method, path, body) = match step {
            Step::Join => ("POST", users, json!({ "user_id": member })),
            Step::Leave => ("DELETE", format!("{users}/{member}"), Json::Null),
            Step::Rename(name) => ("PATCH", self.path.clone(), json!({ "name": name })),
            Step::Remove => ("DELETE", self.path.clone(), Json::Null),
        };
        let (status, answer) = self.world.by(&self.world.acme, method, &path, body).await;
        assert!(status < 300, "{step:?}: {status} {answer}");
    }
}

async fn world() -> World {
    let world = World::start().await;
    world.change_user(&world.acme, json!({ "accountRole": "admin" })).await;
    world
}

#[tokio::test]
async fn rules_read_the_groups_of_the_moment() {
    let world = world().await;
    let fields = json!([{ "name": "title", "type": "text" }]);
    let rule = "@has_group('Editors')";
    world.collection("posts", fields, json!({ "view_rule": rule, "list_rule": rule })).await;
    let group = Group::make(&world, "Editors").await;
    let mut socket = world.listen(&world.other, &["posts"]).await;
    for (number, (step, sees)) in [
        (None, false),
        (Some(Step::Join), true),
        (Some(Step::Rename("Writers")), false),
        (Some(Step::Rename("Editors")), true),
        (Some(Step::Leave), false),
        (Some(Step::Join), true),
        (Some(Step::Remove), false),
    ]
    .into_iter()
    .enumerate()
    {
        if let Some(step) = step {
            group.take(step).await;
        }
        let id = world.create(&world.acme, "posts", json!({ "title": "x" })).await;
        let heard = if sees { vec!["posts.create x"] } else { Vec::new() };
        assert_eq!(socket.heard_short().await, heard, "{step:?}");
        let (_, list) = world.by(&world.other, "GET", "/api/v1/records/posts", Json::Null).await;
        assert_eq!(list["total"], if sees { number + 1 } else { 0 }, "{step:?}");
        let (status, _) =
            world.by(&world.other, "GET", &format!("/api/v1/records/posts/{id}"), Json::Null).await;
        assert_eq!(status, if sees { 200 } else { 404 }, "{step:?}");
    }
}

#[tokio::test]
async fn masks_follow_the_group_of_those_who_see_personal_data() {
    let world = world().await;
    let fields = json!([
        { "name": "ssn", "type": "text", "pii": true, "mask_type": "ssn" },
        { "name": "end", "type": "computed", "expression": "substring(ssn, 8)" },
    ]);
    world.collection("people", fields, json!({})).await;
    let group = Group::make(&world, "pii_access").await;
    let mut socket = world.listen(&world.other, &["people"]).await;
    for (step, open) in [
        (None, false),
        (Some(Step::Join), true),
        (Some(Step::Rename("others")), false),
        (Some(Step::Rename("pii_access")), true),
        (Some(Step::Leave), false),
    ] {
        if let Some(step) = step {
            group.take(step).await;
        }
        let id = world.create(&world.acme, "people", json!({ "ssn": "123-45-6789" })).await;
        let (ssn, end) = if open { ("123-45-6789", "6789") } else { ("***-**-****", "****") };
        let event = socket.frame().await.json();
        assert_eq!((&event["data"]["ssn"], event["data"].get("end")), (&json!(ssn), None), "{step:?}");
        let path = format!("/api/v1/records/people/{id}");
        let (_, record) = world.by(&world.other, "GET", &path, Json::Null).await;
        assert_eq!((&record["ssn"], &record["end"]), (&json!(ssn), &json!(end)), "{step:?}");
        let filtered = "/api/v1/records/people?filter=ssn%20~%20'123%25'";
        let (status, _) = world.by(&world.other, "GET", filtered, Json::Null).await;
        assert_eq!(status, if open { 200 } else { 400 }, "{step:?}");
    }
}

#[tokio::test]
async fn who_is_no_admin_cannot_join_those_who_see_personal_data() {
    let world = world().await;
    let group = Group::make(&world, "pii_access").await;
    let users = format!("{}/users", group.path);
    let body = json!({ "user_id": world.other.id });
    assert_eq!(world.by(&world.other, "POST", &users, body).await.0, 403);
}

#[tokio::test]
async fn subscriptions_cannot_filter_by_what_is_masked() {
    let world = world().await;
    let server = &world.server;
    let fields = json!([
        { "name": "title", "type": "text" },
        { "name": "ssn", "type": "text", "pii": true, "mask_type": "full" },
        { "name": "loud", "type": "computed", "expression": "upper(title)", "return_type": "text" },
    ]);
    world.collection("people", fields, json!({})).await;
    let (id, token) = server.user("d").await;
    let by_mask = topic("people/*", "ssn = 'abc'");
    let by_title = topic("people/*", "title = 'x' && loud = 'X'");
    let mut theirs = server.listen(&token, &[&by_mask]).await;
    let mut open = server.listen(&token, &[&by_title]).await;
    let mut ours = world.listen(&User { id, token, account: "default".to_owned() }, &[]).await;
    ours.subscribe(json!({ "collection": "people", "filter": "ssn = 'abc'" })).await;
    server.create("people", json!({ "title": "x", "ssn": "abc" })).await;
    server.mark().await;
    assert_eq!(theirs.short_until_mark().await, "");
    assert_eq!(open.short_until_mark().await, "create x");
    assert_eq!(ours.heard_short().await, [""; 0]);
}

/// A topic of the other dialect with a filter.
fn topic(name: &str, filter: &str) -> String {
    format!("{name}?options={}", json!({ "query": { "filter": filter } }))
}
