//! A server in a folder of its own with two projects, driven without a socket.

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use tidewire_auth::{Attempts, Passwords, TokenKind};
use tidewire_cocobase::{App, realtime, routes};
use tidewire_feed::{Answered, Asked, Feed, Log, Lookup};
use tidewire_model::{Change, Epoch, Seq, TenantId};
use tidewire_records::key::{self, Keys};
use tidewire_records::{RecordError, account, bootstrap, sign_in};
use tidewire_store::{Committed, KeyKind, Options, Store, StoreError};
use tower::ServiceExt;

/// One request and what its answer must be.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Case {
    /// method and URL
    #[serde(rename = "do")]
    pub request: String,
    /// `one` unless told otherwise; `watch`: the publishable key of that project, `some`: one for `open1` only, `two`: of
    /// another project, "": none; all else is sent as it is
    pub key: Option<String>,
    /// a token: a variable, or `super`
    pub token: Option<String>,
    pub headers: BTreeMap<String, String>,
    /// text as it is, other JSON is written
    pub body: Option<Json>,
    pub status: u16,
    /// members that must be there with these values; lists as a whole
    pub json: Option<Json>,
    /// the whole of the answer
    pub exact: Option<Json>,
    pub has: Vec<String>,
    pub not: Vec<String>,
    /// headers of the answer, null for absent
    pub out: BTreeMap<String, Option<String>>,
    /// variables to keep for later cases, by JSON pointer
    pub save: BTreeMap<String, String>,
    /// the changes that the request commits, as "action collection"
    pub events: Option<Vec<String>>,
}

pub struct World {
    router: Router,
    store: Store,
    vars: BTreeMap<String, String>,
    _dir: tempfile::TempDir,
}

impl World {
    /// Two projects with their keys, and a typed collection `posts` of the instance.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let announced: Arc<OnceLock<Feed>> = Arc::default();
        let announcing = announced.clone();
        let announce = move |committed: Committed| {
            if let Some(feed) = announcing.get() {
                feed.announce(committed.changes, committed.messages, committed.catalog);
            }
        };
        let store = Store::open(dir.path(), Options::default(), Box::new(announce)).unwrap();
        bootstrap::bootstrap(&store).unwrap();
        let root = sign_in::upsert_superuser(&store, "root@example.com", "rootroot12").unwrap();
        set_up(&store);
        let log = Arc::new(StoreLog(store.clone()));
        let feed = Feed::start(log.clone(), log, store.catalog(), tidewire_feed::Options::new([7; 32]));
        let _ = announced.set(feed.clone());
        let app = App {
            keys: Arc::new(Keys::new(store.clone())),
            store: store.clone(),
            feed,
            passwords: Passwords::new(2, 64),
            events: tidewire_connection::events::Events::new(store.clone()),
            attempts: Arc::new(Attempts::new(None)),
            origins: Arc::new(["https://app.example".to_owned()]),
            realtime: Arc::new(realtime::Realtime::new(realtime::Options::default())),
        };
        let token = tidewire_auth::issue(&root, TokenKind::Auth, true, None);
        let vars = BTreeMap::from([("super".to_owned(), token)]);
        Self { router: routes(app), store, vars, _dir: dir }
    }

    async fn send(&self, case: &Case) -> (u16, HeaderMap, String) {
        let request = self.fill(&case.request);
        let (method, url) = request.split_once(' ').unwrap();
        let mut builder = Request::builder().method(method).uri(url);
        let key = match case.key.as_deref().unwrap_or("one") {
            "one" | "watch" | "some" | "two" => format!("key-of-{}", case.key.as_deref().unwrap_or("one")),
            other => other.to_owned(),
        };
        if !key.is_empty() {
            builder = builder.header("X-API-Key", key);
        }
        if let Some(token) = &case.token {
            let token = self.vars.get(token).unwrap_or(token);
            builder = builder.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in &case.headers {
            builder = builder.header(name, value);
        }
        if !case.headers.contains_key("content-type") {
            builder = builder.header("content-type", "application/json");
        }
        let body = case.body.as_ref().map(|body| match body {
            Json::String(text) => text.clone(),
            other => self.fill(&other.to_string()),
        });
        let request = builder.body(Body::from(body.unwrap_or_default())).unwrap();
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (parts.status.as_u16(), parts.headers, String::from_utf8_lossy(&body).into_owned())
    }

    /// Sends it and tells what is wrong with the answer.
    pub async fn check(&mut self, case: &Case) -> Vec<String> {
        let before = self.store.head();
        let (status, headers, body) = self.send(case).await;
        let found: Json = serde_json::from_str(&body).unwrap_or(Json::Null);
        let mut faults = Vec::new();
        let mut expect = |holds: bool, what: String| {
            if !holds {
                faults.push(what);
            }
        };
        expect(status == case.status, format!("status {status}"));
        let filled = |json: &Json| serde_json::from_str::<Json>(&self.fill(&json.to_string())).unwrap();
        if let Some(json) = case.json.as_ref().map(filled) {
            expect(contains(&found, &json), format!("not {json}"));
        }
        if let Some(json) = case.exact.as_ref().map(filled) {
            expect(found == json, format!("is not {json}"));
        }
        for part in &case.has {
            expect(body.contains(&self.fill(part)), format!("lacks {part}"));
        }
        for part in &case.not {
            expect(!body.contains(&self.fill(part)), format!("shows {part}"));
        }
        for (name, value) in &case.out {
            let sent = headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
            expect(&sent == value, format!("header {name}: {sent:?}"));
        }
        if let Some(events) = &case.events {
            let changes = self.changes_after(before);
            expect(&changes == events, format!("changes {changes:?}"));
        }
        for (name, pointer) in &case.save {
            let value = found.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
            self.vars.insert(name.clone(), value.to_owned());
        }
        if !faults.is_empty() {
            faults.push(body);
        }
        faults
    }

    /// A deleted collection is called by the name that it had.
    fn changes_after(&self, seq: Seq) -> Vec<String> {
        let changes = self.store.read_here(|snapshot| snapshot.changes_after(seq, 1000)).unwrap();
        let name = |change: &Change| change.collection.name.split('@').next().unwrap_or_default().to_owned();
        changes.iter().map(|change| format!("{} {}", change.action.as_str(), name(change))).collect()
    }

    fn fill(&self, text: &str) -> String {
        let fill =
            |text: String, (name, value): (&String, &String)| text.replace(&format!("${{{name}}}"), value);
        self.vars.iter().fold(text.to_owned(), fill)
    }
}

fn set_up(store: &Store) {
    let made = store.write_blocking(|tx| {
        let one = account::create(tx, "one", "One", Some("key-of-one"))?;
        account::create(tx, "two", "Two", Some("key-of-two"))?;
        key::save(tx, &one.id, "key-of-watch", KeyKind::Publishable, Vec::new(), "")?;
        key::save(tx, &one.id, "key-of-some", KeyKind::Secret, vec!["open1".to_owned()], "")?;
        let posts = json!({
            "name": "posts", "type": "base", "listRule": "", "viewRule": "published = true",
            "fields": [
                {"name": "title", "type": "text", "required": true}, {"name": "published", "type": "bool"},
                {"name": "secret", "type": "text", "hidden": true},
                {"name": "created", "type": "autodate", "onCreate": true}],
        });
        let locked = json!({"name": "locked", "type": "base", "fields": [{"name": "t", "type": "text"}]});
        for body in [posts, locked] {
            let Json::Object(body) = body else { continue };
            tidewire_records::collections::create(tx, &TenantId::default(), &body)?;
        }
        Ok::<_, RecordError>(())
    });
    made.unwrap();
}

pub fn cases(json: &str) -> Vec<Case> {
    serde_json::from_str(json).unwrap()
}

/// True if `part` is `whole` with members of objects left out; "*" stands for any text.
fn contains(whole: &Json, part: &Json) -> bool {
    match (whole, part) {
        (Json::Object(whole), Json::Object(part)) => {
            part.iter().all(|(name, value)| whole.get(name).is_some_and(|found| contains(found, value)))
        }
        (Json::Array(whole), Json::Array(part)) => {
            whole.len() == part.len() && whole.iter().zip(part).all(|(whole, part)| contains(whole, part))
        }
        (Json::String(_), Json::String(part)) if part == "*" => true,
        _ => whole == part,
    }
}

struct StoreLog(Store);

impl Log for StoreLog {
    fn epoch(&self) -> Epoch {
        self.0.epoch()
    }

    fn head(&self) -> Seq {
        self.0.head()
    }

    fn floor(&self) -> Seq {
        self.0.floor()
    }

    fn read(&self, after: Seq, limit: usize) -> Vec<Arc<Change>> {
        self.0.read_here(|snapshot| snapshot.changes_after(after, limit)).unwrap()
    }
}

impl Lookup for StoreLog {
    fn ask(&self, asked: &[Asked<'_>]) -> Answered {
        let answers = self.0.read_here(|snapshot| {
            let holds = asked.iter().map(|asked| snapshot.holds(asked.gate, asked.image, &[]).map(Some));
            Ok::<_, StoreError>(Answered { head: snapshot.head()?, holds: holds.collect::<Result<_, _>>()? })
        });
        answers.unwrap()
    }
}
