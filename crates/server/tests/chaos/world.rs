//! What is written and listened to: two collections, a durable topic, and a record of each collection that stays.

use crate::http::Caller;
use crate::server::{EMAIL, PASSWORD, Server};
use serde_json::{Value as Json, json};

/// The second is for those who are signed in.
pub const COLLECTIONS: [&str; 2] = ["notes", "tasks"];
pub const KINDS: [&str; 3] = ["red", "green", "blue"];
/// of the records that stay
pub const PINNED: &str = "red";
pub const TOPIC: &str = "chaos/said";

pub struct World {
    pub server: Server,
    pub root: Caller,
    pub user: Caller,
    /// ids, as the collections are
    pub pinned: [String; 2],
    /// from which on everything is listened to
    pub beginning: String,
}

impl World {
    pub async fn start() -> Self {
        let server = Server::start().await;
        let mut root = Caller::guest(server.address);
        root.sign_in("_superusers", EMAIL, PASSWORD).await;
        let settings = json!({
            "batch": { "enabled": true, "maxRequests": 50, "timeout": 3 },
            "topics": [{ "prefix": "chaos/", "subscribe": "", "durable": true }],
        });
        root.ok("PATCH", "/api/settings", &settings).await;
        for (name, rule) in COLLECTIONS.into_iter().zip(["", "@request.auth.id != ''"]) {
            root.ok("POST", "/api/collections", &collection(name, rule)).await;
        }
        let user = json!({ "email": "u@example.com", "password": PASSWORD, "passwordConfirm": PASSWORD });
        root.ok("POST", "/api/collections/users/records", &user).await;
        let mut user = Caller::guest(server.address);
        user.sign_in("users", "u@example.com", PASSWORD).await;
        let mut pinned = [String::new(), String::new()];
        for (name, id) in COLLECTIONS.into_iter().zip(&mut pinned) {
            let body = json!({ "n": 0, "kind": PINNED });
            let made = root.ok("POST", &format!("/api/collections/{name}/records"), &body).await;
            *id = made["id"].as_str().unwrap().to_owned();
        }
        let beginning = beginning(&root, &pinned[1]).await;
        Self { server, root, user, pinned, beginning }
    }

    /// A last word that every subscription hears.
    pub async fn mark(&self, number: i64) {
        for (name, id) in COLLECTIONS.into_iter().zip(&self.pinned) {
            let path = format!("/api/collections/{name}/records/{id}");
            self.root.ok("PATCH", &path, &json!({ "n": number })).await;
        }
        let body = json!({ "topic": TOPIC, "data": { "n": number } });
        self.root.ok("POST", "/api/pubsub/publish", &body).await;
    }
}

fn collection(name: &str, rule: &str) -> Json {
    json!({
        "name": name, "type": "base", "listRule": rule, "viewRule": rule,
        "fields": [
            { "name": "n", "type": "number" },
            { "name": "kind", "type": "text" },
            { "name": "text", "type": "text" },
        ],
    })
}

/// The cursor of an update that nobody else hears.
async fn beginning(root: &Caller, id: &str) -> String {
    let mut stream = root.stream().await.unwrap();
    let greeting: Json = serde_json::from_str(&stream.next().await.unwrap().data).unwrap();
    let topic = format!("tasks/{id}");
    let body = json!({ "clientId": greeting["clientId"], "subscriptions": [topic] });
    root.ok("POST", "/api/realtime", &body).await;
    root.ok("PATCH", &format!("/api/collections/tasks/records/{id}"), &json!({ "n": 0, "text": "begin" }))
        .await;
    stream.next().await.unwrap().id
}
