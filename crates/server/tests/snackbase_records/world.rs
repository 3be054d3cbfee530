//! A server in a folder of its own with two accounts, driven without a socket.

use axum::Router;
use axum::body::Body;
use http::{Request, header};
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tidewire_auth::{TokenKind, issue};
use tidewire_model::{Collection, Record, TenantId, Timestamp, Value};
use tidewire_records::{RecordError, account, sign_in, user};
use tidewire_server::app::App;
use tidewire_server::config::Config;
use tidewire_store::{Store, StoreError};
use tower::ServiceExt;

/// One request and what its answer must be.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Case {
    /// method and URL
    #[serde(rename = "do")]
    pub request: String,
    /// `super`, `ann` (acme, sees personal data), `bob` (acme), `eve` (beta), `dan` (default); "" for a guest
    #[serde(rename = "as")]
    pub who: String,
    pub headers: BTreeMap<String, String>,
    pub body: Option<Json>,
    pub status: u16,
    /// the whole body
    pub exact: Option<String>,
    /// parts that must be there, and parts that must not
    pub has: Vec<String>,
    pub not: Vec<String>,
    /// members that must be there with these values
    pub json: Option<Json>,
    /// variables to keep for later cases, by JSON pointer
    pub save: BTreeMap<String, String>,
    /// the changes that the request commits, as "action collection tenant"
    pub events: Option<Vec<String>>,
}

pub struct World {
    app: App,
    router: Router,
    vars: BTreeMap<String, String>,
    tokens: BTreeMap<String, String>,
    _dir: tempfile::TempDir,
}

impl World {
    pub async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let app = App::open(&Config::new(address, dir.path())).unwrap();
        let router = app.router.clone();
        let store = app.store.clone();
        let root = {
            let store = store.clone();
            let made = move || sign_in::upsert_superuser(&store, "root@example.com", "rootroot12").unwrap();
            tokio::task::spawn_blocking(made).await.unwrap()
        };
        let mut world = Self { app, router, vars: BTreeMap::new(), tokens: BTreeMap::new(), _dir: dir };
        world.admit("super", &root);
        for slug in ["acme", "beta"] {
            let account = store.write(move |tx| account::create(tx, slug, slug, None)).await;
            let id = account.map_err(|error: RecordError| error.to_string()).unwrap().id;
            world.vars.insert(slug.to_owned(), id.to_string());
        }
        for (name, account, groups) in [
            ("ann", "acme", &["pii_access"][..]),
            ("bob", "acme", &[]),
            ("eve", "beta", &[]),
            ("dan", "", &[]),
        ] {
            let tenant = world.vars.get(account).map_or_else(TenantId::default, |id| TenantId::new(id));
            let record = make_user(&store, name, tenant, groups).await;
            world.admit(name, &record);
        }
        world
    }

    fn admit(&mut self, name: &str, record: &Record) {
        self.tokens.insert(name.to_owned(), issue(record, TokenKind::Auth, true, None));
        self.vars.insert(name.to_owned(), record.id().to_owned());
    }

    /// Sends it and tells what is wrong with the answer.
    pub async fn check(&mut self, case: &Case) -> Vec<String> {
        let before = self.app.store.head();
        let (status, body) = self.send(case).await;
        next_millisecond();
        let json: Json = serde_json::from_str(&body).unwrap_or(Json::Null);
        let mut faults = Vec::new();
        let mut expect = |holds: bool, what: String| {
            if !holds {
                faults.push(what);
            }
        };
        expect(status == case.status, format!("status {status}"));
        let exact = case.exact.as_ref().map(|text| self.fill(text));
        expect(exact.as_ref().is_none_or(|text| *text == body), format!("not exactly {exact:?}"));
        for part in &case.has {
            expect(body.contains(&self.fill(part)), format!("lacks {part}"));
        }
        for part in &case.not {
            expect(!body.contains(&self.fill(part)), format!("shows {part}"));
        }
        if let Some(expected) = &case.json {
            let expected: Json = serde_json::from_str(&self.fill(&expected.to_string())).unwrap();
            expect(contains(&json, &expected), format!("not {expected}"));
        }
        if let Some(events) = &case.events {
            let (events, found) = (events.iter().map(|event| self.fill(event)), self.changes_after(before));
            expect(events.eq(found.iter().cloned()), format!("changes {found:?}"));
        }
        for (name, pointer) in &case.save {
            let value = json.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
            self.vars.insert(name.clone(), value.to_owned());
        }
        if !faults.is_empty() {
            faults.push(body);
        }
        faults
    }

    async fn send(&self, case: &Case) -> (u16, String) {
        let request = self.fill(&case.request);
        let (method, url) = request.split_once(' ').unwrap();
        let mut builder = Request::builder().method(method).uri(encoded(url));
        if !case.who.is_empty() {
            builder = builder.header(header::AUTHORIZATION, format!("Bearer {}", self.tokens[&case.who]));
        }
        for (name, value) in &case.headers {
            builder = builder.header(name, self.fill(value));
        }
        let body = case.body.as_ref().map(|body| match body {
            Json::String(text) => self.fill(text),
            other => self.fill(&other.to_string()),
        });
        if body.is_some() {
            builder = builder.header(header::CONTENT_TYPE, "application/json");
        }
        let request = builder.body(Body::from(body.unwrap_or_default())).unwrap();
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (parts.status.as_u16(), String::from_utf8_lossy(&body).into_owned())
    }

    fn changes_after(&self, seq: u64) -> Vec<String> {
        let changes = self.app.store.read_here(|snapshot| snapshot.changes_after(seq, 1000)).unwrap();
        let text = |change: &Arc<tidewire_model::Change>| {
            format!("{} {} {}", change.action.as_str(), change.collection.name, change.tenant)
        };
        changes.iter().map(text).collect()
    }

    fn fill(&self, text: &str) -> String {
        self.vars
            .iter()
            .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${{{name}}}"), value))
    }
}

/// What the tables write plainly and URLs cannot hold.
/// Records that one case makes are older than those of the next, also for lists in the order of their dates.
fn next_millisecond() {
    let now = Timestamp::now();
    while Timestamp::now() <= now {
        std::thread::sleep(Duration::from_micros(200));
    }
}

fn encoded(url: &str) -> String {
    [(" ", "%20"), ("<", "%3C"), (">", "%3E"), ("\"", "%22"), ("|", "%7C")]
        .into_iter()
        .fold(url.to_owned(), |url, (plain, code)| url.replace(plain, code))
}

pub fn cases(json: &str) -> Vec<Case> {
    serde_json::from_str(json).unwrap()
}

async fn make_user(
    store: &Store,
    name: &'static str,
    tenant: TenantId,
    groups: &'static [&str],
) -> Arc<Record> {
    let made = store.write(move |tx| {
        let users = tx.catalog().by_id(Collection::USERS_ID).cloned().unwrap();
        let mut record = Record::empty(users, tenant);
        let now = Timestamp::now().to_text();
        for (field, value) in [
            ("id", Value::text(&format!("{name:x<15}"))),
            ("email", Value::text(&format!("{name}@example.com"))),
            ("name", Value::text(&format!("{name} Smith"))),
            // nobody signs in by it
            ("password", Value::text("-")),
            ("tokenKey", Value::text(&name.repeat(15))),
            ("created", Value::text(&now)),
            ("updated", Value::text(&now)),
            ("verified", Value::Bool(true)),
        ] {
            record.set(field, value);
        }
        user::set_groups(&mut record, groups);
        tx.insert(record, "")
    });
    made.await.map_err(|error: StoreError| error.to_string()).unwrap()
}

/// True if `part` is `whole` with members of objects left out.
fn contains(whole: &Json, part: &Json) -> bool {
    match (whole, part) {
        (Json::Object(whole), Json::Object(part)) => {
            part.iter().all(|(name, value)| whole.get(name).is_some_and(|found| contains(found, value)))
        }
        (Json::Array(whole), Json::Array(part)) => {
            whole.len() == part.len() && whole.iter().zip(part).all(|(whole, part)| contains(whole, part))
        }
        (Json::Number(whole), Json::Number(part)) => whole.as_f64() == part.as_f64(),
        _ => whole == part,
    }
}
