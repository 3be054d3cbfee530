//! Rows of SnackBase's WebSockets: one user on all of them, or another on each; a rule that reads the user, or none.

use std::sync::atomic::Ordering;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::http::Connection;
use crate::load::{Load, Progress, Request};
use crate::marker::Mark;
use crate::meter::resident;
use crate::rows::{Run, WINDOW, WRITERS, drain, refuse_failures};
use crate::server::{EMAIL, PASSWORD as ROOT_PASSWORD};
use crate::socket::Socket;
use crate::subscribers::{Feed, Subscribers};
use crate::table::{Better, Outcome};

const PASSWORD: &str = "Str0ng!Passw0rd#1";
/// Users that listen where each is another; as many sockets of one user stand beside them.
const USERS: usize = 300;
/// Collections by what their view rule reads.
const OPEN: &str = "open_notes";
const PER_USER: &str = "user_notes";

/// Who writes and who listens.
struct Account {
    /// of its first user, who writes
    token: String,
    listeners: Vec<String>,
}

impl Run<'_> {
    pub fn snackbase(&self) -> Result<Vec<Outcome>> {
        let account = self.account()?;
        let count = self.plan.subscribers;
        let mut outcomes = self.idle_sockets(&account)?;
        for (name, collection, sockets, distinct) in [
            ("one user, rule without a fact", OPEN, count, false),
            ("one user, rule reads the user", PER_USER, count, false),
            ("one user, rule reads the user", PER_USER, USERS, false),
            ("distinct users, rule reads the user", PER_USER, USERS, true),
            ("distinct users, rule without a fact", OPEN, USERS, true),
        ] {
            outcomes.extend(self.notes(&account, name, collection, sockets, distinct)?);
        }
        Ok(outcomes)
    }

    /// Memory of subscribed sockets to which nothing is sent.
    fn idle_sockets(&self, account: &Account) -> Result<Vec<Outcome>> {
        let before = resident(self.server.pid())?;
        let sockets = (0..self.plan.idle).map(|_| self.listen(&account.token, OPEN));
        let sockets = sockets.collect::<Result<Vec<_>>>()?;
        let grown = resident(self.server.pid())? - before;
        drop(sockets);
        Ok(vec![Outcome::new(
            "idle WebSocket, on a fresh server",
            "KiB RSS each",
            Better::Lower,
            grown / self.plan.idle as f64,
        )])
    }

    fn notes(
        &self,
        account: &Account,
        name: &str,
        collection: &str,
        sockets: usize,
        distinct: bool,
    ) -> Result<Vec<Outcome>> {
        let listener = |at: usize| if distinct { &account.listeners[at % USERS] } else { &account.token };
        let feeds = (0..sockets).map(|at| {
            let socket = self.listen(listener(at), collection)?;
            Ok(Feed { stream: socket.reader()?, key: None, copies: 1 })
        });
        let subscribers = Subscribers::over(feeds.collect::<Result<_>>()?)?;
        let request = |writer, sequence| note(collection, writer, sequence, sockets as u64);
        let window = WINDOW * sockets as u64;
        let may_go =
            |progress: &Progress| progress.owed.load(Ordering::Relaxed) < subscribers.delivered() + window;
        let token = bearer(&account.token);
        let load = Load { token: &token, ..self.load(WRITERS, &request, &may_go) };
        let ((used, delivered), _, progress) = load.run(|_| self.measure(|| subscribers.delivered()))?;
        refuse_failures(name, &progress)?;
        let faults = drain(subscribers, &progress)?;
        let row = format!("{sockets} WebSockets, {name}");
        let outcome = |unit, better, value| {
            Outcome::new(&row, unit, better, value).disturbed(used.foreign).faults(faults)
        };
        Ok(vec![
            outcome("deliveries/s", Better::Higher, delivered / used.wall),
            outcome("server µs CPU each", Better::Lower, used.server * 1e6 / delivered),
        ])
    }

    fn listen(&self, token: &str, collection: &str) -> Result<Socket> {
        let path = format!("/api/v1/realtime/ws?token={token}");
        let first = json!({ "action": "subscribe", "collection": collection });
        Socket::open(self.server.address, &path, &first, "subscribed")
    }

    /// An account with one writer and many listeners.
    fn account(&self) -> Result<Account> {
        let address = self.server.address;
        let mut guest = Connection::open(address, "")?;
        let register = json!({
            "email": "admin@example.com", "password": PASSWORD, "account_name": "Bench", "account_slug": "bench",
        });
        guest.json("POST", "/api/v1/auth/register", &register)?;
        let token = sign_in(&mut guest, "bench", "admin@example.com", PASSWORD)?;
        let root = sign_in(&mut guest, "system", EMAIL, ROOT_PASSWORD)?;
        let mut root = Connection::open(address, &bearer(&root))?;
        for (name, rule) in [(OPEN, ""), (PER_USER, "mark != @request.auth.id")] {
            root.json("POST", "/api/v1/collections", &collection(name, rule))?;
        }
        let account = account_id(&mut root)?;
        let mut listeners = Vec::with_capacity(USERS);
        for at in 0..USERS {
            let email = format!("listener{at}@example.com");
            let user = json!({ "email": email, "password": PASSWORD, "account_id": account, "role_id": 2 });
            let made = root.json("POST", "/api/v1/users", &user)?;
            let id = made["id"].as_str().context("no id in the answer")?;
            root.json("POST", &format!("/api/v1/users/{id}/verify"), &json!({}))?;
            listeners.push(sign_in(&mut guest, "bench", &email, PASSWORD)?);
        }
        Ok(Account { token, listeners })
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

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn collection(name: &str, rule: &str) -> Value {
    json!({
        "name": name, "view_rule": rule, "list_rule": rule, "create_rule": "",
        "schema": [{ "name": "mark", "type": "text" }, { "name": "body", "type": "text" }],
    })
}

fn note(collection: &str, writer: u8, sequence: u32, fans_out: u64) -> Request {
    let mark = Mark { writer, key: 0, sequence }.text();
    Request {
        method: "POST",
        path: format!("/api/v1/records/{collection}"),
        body: json!({ "mark": mark, "body": "abcdefghij".repeat(12) }).to_string(),
        fans_out,
    }
}
