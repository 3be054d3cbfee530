//! A server in a folder of its own, driven without a socket.

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, header};
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use tidewire_auth::Passwords;
use tidewire_feed::{Answered, Asked, Feed, Log, Lookup};
use tidewire_model::{Change, Epoch, Seq};
use tidewire_pocketbase::{App, routes};
use tidewire_store::{Committed, Options, Store, StoreError};
use tower::ServiceExt;

pub const SETUP: &str = include_str!("setup.json");

const SUPERUSER: (&str, &str) = ("root@example.com", "rootroot12");

/// One request and what its answer must be.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Case {
    /// method and URL
    #[serde(rename = "do")]
    pub request: String,
    /// whose token: `super`, `user`, `other`; with `-bearer` behind it the scheme is written
    #[serde(rename = "as")]
    pub who: String,
    pub headers: BTreeMap<String, String>,
    #[serde(rename = "type")]
    pub content_type: Option<String>,
    /// text as it is, other JSON is written
    pub body: Option<Json>,
    pub status: u16,
    /// the whole body
    pub exact: Option<String>,
    /// parts that must be there, and parts that must not
    pub has: Vec<String>,
    pub not: Vec<String>,
    /// members that must be there with these values
    pub json: Option<Json>,
    /// headers of the answer, null for absent
    pub out: BTreeMap<String, Option<String>>,
    /// variables to keep for later cases, by JSON pointer
    pub save: BTreeMap<String, String>,
    /// the changes that the request commits, as "action collection"
    pub events: Option<Vec<String>>,
    /// the answer is our own, not PocketBase's
    pub ours: bool,
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or(Json::Null)
    }

    /// A header's values, joined.
    pub fn header(&self, name: &str) -> Option<String> {
        let values: Vec<&str> =
            self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }
}

pub struct World {
    router: Router,
    pub store: Store,
    /// what cases saved
    vars: BTreeMap<String, String>,
    /// of those who signed in; also variables, if nothing else has their name
    tokens: BTreeMap<String, String>,
    _dir: tempfile::TempDir,
}

impl World {
    /// A new store with a superuser.
    pub async fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let announced: Arc<OnceLock<Feed>> = Arc::default();
        let announcing = announced.clone();
        let announce = move |committed: Committed| {
            if let Some(feed) = announcing.get() {
                feed.announce(committed.changes, committed.messages, committed.catalog);
            }
        };
        let store = Store::open(dir.path(), Options::default(), Box::new(announce)).unwrap();
        tidewire_records::bootstrap::bootstrap(&store).unwrap();
        let (email, password) = SUPERUSER;
        tidewire_records::sign_in::upsert_superuser(&store, email, password).unwrap();
        let log = Arc::new(StoreLog(store.clone()));
        let feed = Feed::start(log.clone(), log, store.catalog(), tidewire_feed::Options::new([7; 32]));
        let _ = announced.set(feed.clone());
        let router = routes(App::new(store.clone(), feed, Passwords::new(2, 64)));
        let mut world = Self { router, store, vars: BTreeMap::new(), tokens: BTreeMap::new(), _dir: dir };
        world.sign_in("super", "_superusers", email, password).await;
        world
    }

    /// The same with these requests sent by the superuser, and two users signed in.
    pub async fn with(setup: &str) -> Self {
        let mut world = Self::empty().await;
        for mut case in cases(setup) {
            case.who = "super".into();
            case.status = 200;
            let faults = world.check(&case).await;
            assert!(faults.is_empty(), "{}: {faults:?}", case.request);
        }
        world
    }

    pub async fn sign_in(&mut self, name: &str, collection: &str, identity: &str, password: &str) {
        let body = serde_json::json!({ "identity": identity, "password": password });
        let request = format!("POST /api/collections/{collection}/auth-with-password");
        let answer = self.send(&Case { request, body: Some(body), ..Case::default() }).await;
        let token = answer.json()["token"].as_str().unwrap_or_default().to_owned();
        assert!(!token.is_empty(), "cannot sign in as {identity}: {}", answer.body);
        self.tokens.insert(name.to_owned(), token);
    }

    /// What later cases may be sent `as`.
    pub fn keep_token(&mut self, name: &str, token: &str) {
        self.tokens.insert(name.to_owned(), token.to_owned());
    }

    pub async fn send(&self, case: &Case) -> Answer {
        let request = self.fill(&case.request);
        let (method, url) = request.split_once(' ').unwrap();
        let mut builder = Request::builder().method(method).uri(url);
        if let Some(name) = case.who.strip_suffix("-bearer") {
            builder = builder.header(header::AUTHORIZATION, format!("Bearer {}", self.tokens[name]));
        } else if !case.who.is_empty() {
            builder = builder.header(header::AUTHORIZATION, &self.tokens[&case.who]);
        }
        for (name, value) in &case.headers {
            builder = builder.header(name, self.fill(value));
        }
        let body = case.body.as_ref().map(|body| self.fill(&body_text(body)));
        let content_type = case.content_type.as_deref().unwrap_or("application/json");
        if body.is_some() && !content_type.is_empty() {
            builder = builder.header(header::CONTENT_TYPE, content_type);
        }
        let request = builder.body(Body::from(body.unwrap_or_default())).unwrap();
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    /// Sends it and tells what is wrong with the answer.
    pub async fn check(&mut self, case: &Case) -> Vec<String> {
        let before = self.store.head();
        let answer = self.send(case).await;
        let mut faults = Vec::new();
        let mut expect = |holds: bool, what: String| {
            if !holds {
                faults.push(what);
            }
        };
        expect(answer.status == case.status, format!("status {}", answer.status));
        let exact = case.exact.as_ref().map(|text| self.fill(text));
        expect(exact.is_none_or(|text| text == answer.body), "another body".into());
        for part in &case.has {
            expect(answer.body.contains(&self.fill(part)), format!("lacks {part}"));
        }
        for part in &case.not {
            expect(!answer.body.contains(&self.fill(part)), format!("shows {part}"));
        }
        if let Some(json) = &case.json {
            let json = serde_json::from_str(&self.fill(&json.to_string())).unwrap();
            expect(contains(&answer.json(), &json), format!("not {json}"));
        }
        for (name, value) in &case.out {
            let found = answer.header(name);
            expect(&found == value, format!("header {name}: {found:?}"));
        }
        if let Some(events) = &case.events {
            let found = self.changes_after(before);
            expect(&found == events, format!("changes {found:?}"));
        }
        for (name, pointer) in &case.save {
            let json = answer.json();
            let value = json.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
            self.vars.insert(name.clone(), value.to_owned());
        }
        if !faults.is_empty() {
            faults.push(answer.body);
        }
        faults
    }

    fn changes_after(&self, seq: Seq) -> Vec<String> {
        let changes = self.store.read_here(|snapshot| snapshot.changes_after(seq, 1000)).unwrap();
        changes
            .iter()
            .map(|change| format!("{} {}", change.action.as_str(), change.collection.name))
            .collect()
    }

    fn fill(&self, text: &str) -> String {
        self.vars
            .iter()
            .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${{{name}}}"), value))
    }
}

pub fn cases(json: &str) -> Vec<Case> {
    serde_json::from_str(json).unwrap()
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

fn body_text(body: &Json) -> String {
    match body {
        Json::String(text) => text.clone(),
        other => other.to_string(),
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
