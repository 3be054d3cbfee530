//! What both servers hold before the load: users and collections, one for each rule.

use std::net::SocketAddr;
use std::sync::OnceLock;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::http::Connection;
use crate::load::{Request, Ticket};
use crate::marker::Mark;
use crate::server::Server;
use crate::setup::{Setup, sign_in};

/// Owners in the rows that tell several apart.
pub const OWNERS: usize = 10;
/// Rows of the collection that is viewed and listed.
pub const SHELF: usize = 1000;
/// Different values of `kind`.
pub const KINDS: usize = 100;
/// The API key of the project that CocoBase's sockets work in.
pub const KEY: &str = "bench-key-0123456789";
/// What makes an event about 420 bytes long.
const BODY: usize = 100;

/// A signed-in user.
pub struct User {
    pub id: String,
    pub token: String,
}

pub struct World {
    pub address: SocketAddr,
    pub users: Vec<User>,
    shelved: OnceLock<()>,
}

/// A record to be written: what stands in it besides its mark.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    pub collection: &'a str,
    pub kind: usize,
    pub owner: usize,
    /// bytes of its text
    pub body: usize,
}

impl<'a> Record<'a> {
    pub fn of(collection: &'a str) -> Self {
        Record { collection, kind: 0, owner: 0, body: BODY }
    }
}

impl World {
    pub fn build(server: &Server) -> Result<Self> {
        let root = Setup::open(server.address, &server.token)?;
        let users_id = root.wait(root.client.collections().get_one("users"))?["id"].clone();
        for (name, rule) in [
            ("shelf", ""),
            ("public", ""),
            ("other", ""),
            ("live", ""),
            ("signed", "@request.auth.id != \"\""),
            ("owned", "owner = @request.auth.id"),
        ] {
            root.wait(root.client.collections().create(&collection(name, rule, &users_id)))?;
        }
        let mut users = Vec::new();
        for at in 0..OWNERS {
            let email = format!("user{at}@example.com");
            let body =
                json!({"email": email, "password": "user-password", "passwordConfirm": "user-password"});
            let made: tidewire_client::Record = root.wait(root.client.collection("users").create(&body))?;
            let token = sign_in(server.address, "users", &email, "user-password")?;
            users.push(User { id: made.id, token });
        }
        Ok(World { address: server.address, users, shelved: OnceLock::new() })
    }

    /// Fills the collection that is viewed, updated and listed, the first time it is asked for.
    pub fn fill_shelf(&self) -> Result<()> {
        if self.shelved.get().is_some() {
            return Ok(());
        }
        let guest = Setup::open(self.address, "")?;
        let shelf = guest.client.collection("shelf");
        for at in 0..SHELF {
            let kind = at % KINDS;
            let mut body = self.body(&format!("shelf {at}"), Record { kind, ..Record::of("shelf") });
            body["id"] = json!(shelf_id(at));
            guest.wait(shelf.create::<Value>(&body))?;
        }
        let _ = self.shelved.set(());
        self.check_shelf(&mut Connection::open(self.address, "")?)
    }

    /// One request of each kind whose answer is looked into, so that a fast wrong answer is not measured.
    fn check_shelf(&self, guest: &mut Connection) -> Result<()> {
        let found = guest.json("GET", &list(7), &Value::Null)?;
        let (count, expected) = (found["items"].as_array().map(Vec::len), SHELF / KINDS);
        if found["totalItems"] != expected || count != Some(expected) {
            bail!("the list holds {found}");
        }
        let viewed = guest.json("GET", &shelf_path(7), &Value::Null)?;
        if viewed["kind"] != "k7" {
            bail!("the record is {viewed}");
        }
        Ok(())
    }

    /// The request that creates a record with the ticket's mark.
    pub fn create(&self, record: Record<'_>, ticket: Ticket, fans_out: u64) -> Request {
        let Ticket { writer, sequence, time } = ticket;
        let mark = Mark { writer, key: record.kind as u8, sequence, time }.text();
        Request {
            method: "POST",
            path: format!("/api/collections/{}/records", record.collection),
            body: self.body(&mark, record).to_string(),
            fans_out,
        }
    }

    /// The request that says the same on a custom topic.
    pub fn publish(&self, record: Record<'_>, ticket: Ticket, fans_out: u64) -> Request {
        let Ticket { writer, sequence, time } = ticket;
        let mark = Mark { writer, key: record.kind as u8, sequence, time }.text();
        let body = json!({"topic": record.collection, "data": self.body(&mark, record)});
        Request { method: "POST", path: "/api/pubsub/publish".to_owned(), body: body.to_string(), fans_out }
    }

    fn body(&self, mark: &str, record: Record<'_>) -> Value {
        let owner = &self.users[record.owner % self.users.len()].id;
        let text = "abcdefghij".repeat(record.body / 10);
        json!({"mark": mark, "kind": format!("k{}", record.kind), "owner": owner, "body": text})
    }
}

pub fn shelf_path(at: usize) -> String {
    format!("/api/collections/shelf/records/{}", shelf_id(at % SHELF))
}

fn shelf_id(at: usize) -> String {
    format!("{at:015}")
}

/// The first page of one kind, with the total counted, as the SDKs' `getList` asks for it.
pub fn list(kind: usize) -> String {
    let filter = percent_encoded(&format!("(kind='k{}')", kind % KINDS));
    format!("/api/collections/shelf/records?page=1&perPage=30&filter={filter}")
}

/// A topic with options in its query.
pub fn topic(collection: &str, query: &Value) -> String {
    let options = percent_encoded(&json!({ "query": query }).to_string());
    format!("{collection}/*?options={options}")
}

fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte.is_ascii_alphanumeric() {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

fn collection(name: &str, rule: &str, users: &Value) -> Value {
    json!({
        "name": name, "type": "base", "listRule": rule, "viewRule": rule, "createRule": "", "updateRule": "",
        "fields": [
            {"name": "mark", "type": "text"},
            {"name": "kind", "type": "text"},
            {"name": "owner", "type": "relation", "collectionId": users, "maxSelect": 1},
            {"name": "body", "type": "text", "max": 100_000},
            {"name": "created", "type": "autodate", "onCreate": true},
            {"name": "updated", "type": "autodate", "onCreate": true, "onUpdate": true},
        ],
    })
}
