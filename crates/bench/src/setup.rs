//! What both servers hold before the load: users and collections, one for each rule.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::http::Connection;
use crate::server::{Server, sign_in};

/// Owners in the rows that tell several apart.
pub const OWNERS: usize = 10;
/// Rows of the collection that is viewed and listed.
pub const SHELF: usize = 1000;
/// Different values of `kind`.
pub const KINDS: usize = 100;

/// The API key of the project that CocoBase's sockets work in.
pub const KEY: &str = "bench-key-0123456789";

/// A signed-in user.
pub struct User {
    pub id: String,
    pub token: String,
}

pub struct World {
    pub address: SocketAddr,
    pub users: Vec<User>,
}

impl World {
    pub fn build(server: &Server) -> Result<Self> {
        let mut root = Connection::open(server.address, &server.token)?;
        let users_id = root.json("GET", "/api/collections/users", &Value::Null)?["id"].clone();
        for (name, rule) in [
            ("shelf", ""),
            ("public", ""),
            ("signed", "@request.auth.id != \"\""),
            ("owned", "owner = @request.auth.id"),
        ] {
            root.json("POST", "/api/collections", &collection(name, rule, &users_id))?;
        }
        let mut users = Vec::new();
        for at in 0..OWNERS {
            let email = format!("user{at}@example.com");
            let body =
                json!({"email": email, "password": "user-password", "passwordConfirm": "user-password"});
            let made = root.json("POST", "/api/collections/users/records", &body)?;
            let token = sign_in(server.address, "users", &email, "user-password")?;
            users.push(User { id: made["id"].as_str().context("no id")?.to_owned(), token });
        }
        let world = World { address: server.address, users };
        let mut guest = Connection::open(server.address, "")?;
        for at in 0..SHELF {
            let body = world.record(&format!("shelf {at}"), at % KINDS, 0, Some(at));
            guest.send("POST", "/api/collections/shelf/records", &body)?;
        }
        Ok(world)
    }

    /// The body of a write: about 350 bytes on the wire, the mark among them.
    pub fn record(&self, mark: &str, kind: usize, owner: usize, id: Option<usize>) -> String {
        let owner = &self.users[owner % self.users.len()].id;
        let id = id.map(|at| format!("\"id\":\"{at:015}\",")).unwrap_or_default();
        format!(
            "{{{id}\"mark\":\"{mark}\",\"kind\":\"k{kind}\",\"owner\":\"{owner}\",\"body\":\"{}\"}}",
            "abcdefghij".repeat(12)
        )
    }
}

fn collection(name: &str, rule: &str, users: &Value) -> Value {
    json!({
        "name": name, "type": "base", "listRule": rule, "viewRule": rule, "createRule": "",
        "fields": [
            {"name": "mark", "type": "text"},
            {"name": "kind", "type": "text"},
            {"name": "owner", "type": "relation", "collectionId": users, "maxSelect": 1},
            {"name": "body", "type": "text"},
            {"name": "created", "type": "autodate", "onCreate": true},
            {"name": "updated", "type": "autodate", "onCreate": true, "onUpdate": true},
        ],
    })
}
