//! Rules that read other records: what the store said counts until something that it read changes.

use crate::metrics::value;
use crate::server::Server;
use crate::stream::Stream;
use serde_json::{Value as Json, json};

const RULE: &str = "team.members_via_team.person ?= @request.auth.id";

struct World {
    server: Server,
    team: String,
    streams: [Stream; 2],
    posts: u32,
}

impl World {
    /// Ann and Bob listen to the posts of their teams.
    async fn start() -> (Self, [String; 2]) {
        let server = Server::start().await;
        let ((ann, ann_token), (bob, bob_token)) = (server.user("ann").await, server.user("bob").await);
        let relation = |name: &str, to: &str| json!({ "name": name, "type": "relation", "collectionId": to, "maxSelect": 1, "cascadeDelete": true });
        let teams = server.collection("teams", &["title"], json!({})).await;
        let badges = server.collection("badges", &["title"], json!({})).await;
        let fields =
            [relation("team", &teams), relation("person", "_pb_users_auth_"), relation("badge", &badges)];
        server.collection("members", &[], json!({ "fields": fields })).await;
        let more = json!({ "listRule": RULE, "fields": [relation("team", &teams)] });
        server.collection("posts", &["title"], more).await;
        let team = server.create("teams", json!({ "title": "t" })).await["id"].as_str().unwrap().to_owned();
        let streams =
            [server.listen(&ann_token, &["posts/*"]).await, server.listen(&bob_token, &["posts/*"]).await];
        (Self { server, team, streams, posts: 0 }, [ann, bob])
    }

    async fn questions(&self) -> f64 {
        let answer = self.server.request("GET", "/metrics", "", String::new()).await;
        value(&answer.body, "tidewire_questions_total")
    }

    async fn create(&self, collection: &str, body: Json) -> String {
        self.server.create(collection, body).await["id"].as_str().unwrap().to_owned()
    }

    async fn join(&self, person: &str, badge: &str) -> String {
        self.create("members", json!({ "team": self.team, "person": person, "badge": badge })).await
    }

    /// A new post of the team: who of both hears it, and how many questions that took.
    async fn post(&mut self) -> ([bool; 2], f64) {
        let before = self.questions().await;
        self.posts += 1;
        let title = self.posts.to_string();
        self.create("posts", json!({ "title": title, "team": self.team })).await;
        self.server.mark().await;
        let mut heard = [false; 2];
        for (stream, heard) in self.streams.iter_mut().zip(&mut heard) {
            let lines = stream.short_until_mark().await;
            *heard = !lines.is_empty();
            assert!(!*heard || lines == format!("create {title}"), "{lines}");
        }
        (heard, self.questions().await - before)
    }
}

#[tokio::test]
async fn what_was_answered_counts_until_something_that_it_read_changes() {
    let (mut world, [ann, bob]) = World::start().await;
    let badge = world.create("badges", json!({ "title": "b" })).await;
    assert_eq!(world.post().await, ([false, false], 2.0));
    let of_ann = world.join(&ann, "").await;
    assert_eq!(world.post().await, ([true, false], 2.0));
    assert_eq!(world.post().await, ([true, false], 0.0));
    world.join(&bob, &badge).await;
    assert_eq!(world.post().await, ([true, true], 2.0));
    // what the rule does not read
    world.create("badges", json!({ "title": "c" })).await;
    assert_eq!(world.post().await, ([true, true], 0.0));
    world.server.delete("members", &of_ann).await;
    assert_eq!(world.post().await, ([false, true], 2.0));
    // the membership goes with the badge
    world.server.delete("badges", &badge).await;
    assert_eq!(world.post().await, ([false, false], 2.0));
    world.join(&ann, "").await;
    assert_eq!(world.post().await, ([true, false], 2.0));
    // new definitions, and no record of them changes
    let more = json!({ "fields": [{ "name": "note", "type": "text" }] });
    world.server.collection("others", &[], more).await;
    assert_eq!(world.post().await, ([true, false], 2.0));
    // and in one transaction with what it decides about
    let requests = json!({ "requests": [
        { "method": "POST", "url": "/api/collections/members/records", "body": { "team": world.team, "person": bob } },
        { "method": "POST", "url": "/api/collections/teams/records", "body": { "title": "u" } },
    ]});
    let settings = json!({ "batch": { "enabled": true } }).to_string();
    let enabled = world.server.request("PATCH", "/api/settings", &world.server.token, settings).await;
    assert_eq!(enabled.status, 200, "{}", enabled.body);
    let answer = world.server.post("/api/batch", &world.server.token, requests).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(world.post().await, ([true, true], 2.0));
    assert_eq!(world.post().await, ([true, true], 0.0));
}
