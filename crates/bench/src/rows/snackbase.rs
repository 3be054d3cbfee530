//! SnackBase's WebSockets: one user on all of them, or another on each; a rule that reads the user, or none.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{Home, OURS, Row, Stage, TIMED, WINDOW, drain};
use crate::http::Connection;
use crate::load::{Request, Ticket};
use crate::marker::Mark;
use crate::outcome::{CPU_DELIVERY, DELIVERIES, Outcome, P50, P99};
use crate::plan::Plan;
use crate::server::{EMAIL, PASSWORD as ROOT_PASSWORD, Server};
use crate::socket::{Opening, Socket};
use crate::subscribers::{Feed, Subscribers};
use crate::topic::Topic;

const PASSWORD: &str = "Str0ng!Passw0rd#1";
/// Users that listen where each is another; as many sockets of one user stand beside them.
const USERS: usize = 100;
/// Collections by what their view rule reads.
pub const OPEN: &str = "open_notes";
const PER_USER: &str = "user_notes";

/// Who writes and who listens.
pub struct Account {
    /// of its first user, who writes
    pub token: String,
    listeners: Vec<String>,
}

#[derive(Clone, Copy)]
struct Notes {
    name: &'static str,
    collection: &'static str,
    sockets: usize,
    distinct: bool,
}

pub fn rows(plan: &Plan) -> Vec<Row> {
    let (one_open, one_read) = ("one user, rule without a fact", "one user, rule reads the user");
    let (all_open, all_read) = ("distinct users, rule without a fact", "distinct users, rule reads the user");
    let notes = [
        Notes { name: one_open, collection: OPEN, sockets: plan.crowd, distinct: false },
        Notes { name: one_open, collection: OPEN, sockets: plan.largest(), distinct: false },
        Notes { name: one_read, collection: PER_USER, sockets: plan.crowd, distinct: false },
        Notes { name: one_read, collection: PER_USER, sockets: USERS, distinct: false },
        Notes { name: all_read, collection: PER_USER, sockets: USERS, distinct: true },
        Notes { name: all_open, collection: OPEN, sockets: USERS, distinct: true },
    ];
    let mut rows: Vec<Row> = Vec::new();
    for notes in notes {
        let name = format!("SnackBase, {}, {}", notes.sockets, notes.name);
        if rows.iter().all(|row| row.name != name) {
            let work = move |stage: &Stage| listen(stage, notes);
            rows.push(Row::new(Topic::Sockets, name, OURS, Home::Shared, work));
        }
    }
    rows
}

fn listen(stage: &Stage, notes: Notes) -> Result<Outcome> {
    let host = stage.host()?;
    let account = host.account()?;
    let address = host.server.address;
    let count = notes.sockets;
    let listener = |at: usize| if notes.distinct { &account.listeners[at % USERS] } else { &account.token };
    let feeds = (0..count).map(|at| {
        let socket = account.listen(address, listener(at), notes.collection)?;
        Ok(Feed { stream: socket.reader()?, key: None, copies: 1 })
    });
    let subscribers = Subscribers::over(address, feeds.collect::<Result<_>>()?)?;
    let request = |ticket| note(notes.collection, ticket, count as u64);
    let token = bearer(&account.token);
    let (measured, progress) = stage.full_speed(&subscribers, &token, WINDOW * count as u64, &request)?;
    let (harvest, faults) = drain(subscribers, progress.owed())?;
    let (used, times) = (measured.used, &harvest.tally.times[TIMED]);
    Ok(Outcome::default()
        .with(&DELIVERIES, measured.delivered / used.wall)
        .with(&CPU_DELIVERY, used.server * 1e6 / measured.delivered)
        .with(&P50, times.quantile(0.5))
        .with(&P99, times.quantile(0.99))
        .faults(faults)
        .foreign(used.foreign))
}

impl Account {
    /// An account with one writer and this many listeners.
    pub fn make(server: &Server, listeners: usize) -> Result<Self> {
        let mut guest = Connection::open(server.address, "")?;
        let register = json!({
            "email": "admin@example.com", "password": PASSWORD, "account_name": "Bench", "account_slug": "bench",
        });
        guest.json("POST", "/api/v1/auth/register", &register)?;
        let token = sign_in(&mut guest, "bench", "admin@example.com", PASSWORD)?;
        let root = sign_in(&mut guest, "system", EMAIL, ROOT_PASSWORD)?;
        let mut root = Connection::open(server.address, &bearer(&root))?;
        for (name, rule) in [(OPEN, ""), (PER_USER, "mark != @request.auth.id")] {
            root.json("POST", "/api/v1/collections", &collection(name, rule))?;
        }
        let account = account_id(&mut root)?;
        let listeners = (0..listeners).map(|at| {
            let email = format!("listener{at}@example.com");
            let user = json!({ "email": email, "password": PASSWORD, "account_id": account, "role_id": 2 });
            let made = root.json("POST", "/api/v1/users", &user)?;
            let id = made["id"].as_str().context("no id in the answer")?;
            root.json("POST", &format!("/api/v1/users/{id}/verify"), &json!({}))?;
            sign_in(&mut guest, "bench", &email, PASSWORD)
        });
        Ok(Account { token, listeners: listeners.collect::<Result<_>>()? })
    }

    /// An account for all rows.
    pub fn with_listeners(server: &Server) -> Result<Self> {
        Self::make(server, USERS)
    }

    pub fn listen(&self, address: SocketAddr, token: &str, collection: &str) -> Result<Socket> {
        Socket::open(address, &Self::opening(token, collection))
    }

    fn opening(token: &str, collection: &str) -> Opening {
        Opening {
            path: format!("/api/v1/realtime/ws?token={token}"),
            first: json!({ "action": "subscribe", "collection": collection }),
            confirmed: "\"subscribed\"",
        }
    }

    /// Sockets of the first user that want all notes after the last one.
    pub fn coming_back(&self, address: SocketAddr, count: usize) -> Result<Vec<Opening>> {
        let mut opening = Self::opening(&self.token, OPEN);
        opening.first["cursor"] = true.into();
        let mut socket = Socket::open(address, &opening)?;
        let mut writer = Connection::open(address, &bearer(&self.token))?;
        writer.json("POST", &format!("/api/v1/records/{OPEN}"), &json!({ "mark": "last" }))?;
        let event: Value = serde_json::from_slice(&socket.next()?)?;
        opening.first["since"] = event["cursor"].as_str().context("an event without a cursor")?.into();
        Ok(vec![opening; count])
    }
}

fn account_id(root: &mut Connection) -> Result<Value> {
    let accounts = root.json("GET", "/api/v1/accounts?page_size=100", &Value::Null)?;
    let found = accounts["items"].as_array().into_iter().flatten().find(|account| account["slug"] == "bench");
    Ok(found.context("the account is not listed")?["id"].clone())
}

fn sign_in(guest: &mut Connection, account: &str, email: &str, password: &str) -> Result<String> {
    let body = json!({ "account": account, "email": email, "password": password });
    let answer = guest.json("POST", "/api/v1/auth/login", &body)?;
    Ok(answer["token"].as_str().context("no token in the answer")?.to_owned())
}

pub fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn collection(name: &str, rule: &str) -> Value {
    json!({
        "name": name, "view_rule": rule, "list_rule": rule, "create_rule": "",
        "schema": [{ "name": "mark", "type": "text" }, { "name": "body", "type": "text" }],
    })
}

pub fn note(collection: &str, ticket: Ticket, fans_out: u64) -> Request {
    let Ticket { writer, sequence, time } = ticket;
    let mark = Mark { writer, key: 0, sequence, time }.text();
    Request {
        method: "POST",
        path: format!("/api/v1/records/{collection}"),
        body: json!({ "mark": mark, "body": "abcdefghij".repeat(10) }).to_string(),
        fans_out,
    }
}
