//! A server in a folder of its own, driven without a socket.

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, header};
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use tidewire_auth::{Attempts, Passwords};
use tidewire_feed::{Answered, Asked, Feed, Log, Lookup};
use tidewire_model::{Change, Epoch, Seq};
use tidewire_snackbase::realtime::{Options as RealtimeOptions, Realtime};
use tidewire_snackbase::{App, Lifetimes, routes};
use tidewire_store::{Committed, Options, Store, StoreError};
use tower::ServiceExt;

/// Two accounts with a user each, and a superadmin.
pub const SETUP: &str = include_str!("setup.json");

const SUPERADMIN: (&str, &str) = ("root@example.com", "Str0ng!Passw0rd#1");

/// One request and what its answer must be.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Case {
    /// method and URL
    #[serde(rename = "do")]
    pub request: String,
    /// the variable that holds the bearer token
    #[serde(rename = "as")]
    pub who: String,
    pub headers: BTreeMap<String, String>,
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
    /// keys of the answer in their order, separated by spaces
    pub keys: Option<String>,
    /// headers of the answer, null for absent
    pub out: BTreeMap<String, Option<String>>,
    /// variables to keep for later cases, by JSON pointer
    pub save: BTreeMap<String, String>,
    /// the answer is our own, not SnackBase's
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
    pub vars: BTreeMap<String, String>,
    _dir: tempfile::TempDir,
}

impl World {
    /// A new store with a superadmin.
    pub async fn new(attempts: Attempts) -> Self {
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
        let (email, password) = SUPERADMIN;
        tidewire_records::sign_in::upsert_superuser(&store, email, password).unwrap();
        let log = Arc::new(StoreLog(store.clone()));
        let feed = Feed::start(log.clone(), log, store.catalog(), tidewire_feed::Options::new([7; 32]));
        let _ = announced.set(feed.clone());
        let router = routes(App {
            store: store.clone(),
            feed,
            passwords: Passwords::new(2, 64),
            events: tidewire_connection::events::Events::new(store.clone()),
            attempts: Arc::new(attempts),
            realtime: Arc::new(Realtime::new(RealtimeOptions::default())),
            lifetimes: Lifetimes::default(),
            origins: Arc::from(["http://localhost:3000".to_owned()]),
        });
        Self { router, store, vars: BTreeMap::new(), _dir: dir }
    }

    pub async fn send(&self, case: &Case) -> Answer {
        let request = self.fill(&case.request);
        let (method, url) = request.split_once(' ').unwrap();
        let mut builder = Request::builder().method(method).uri(url);
        if !case.who.is_empty() {
            builder = builder.header(header::AUTHORIZATION, format!("Bearer {}", self.vars[&case.who]));
        }
        for (name, value) in &case.headers {
            builder = builder.header(name, self.fill(value));
        }
        let body = case.body.as_ref().map(|body| self.fill(&body_text(body)));
        if body.is_some() {
            builder = builder.header(header::CONTENT_TYPE, "application/json");
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
        if let Some(keys) = &case.keys {
            let places: Vec<_> =
                keys.split(' ').map(|key| answer.body.find(&format!("\"{key}\":"))).collect();
            expect(places.iter().all(Option::is_some) && places.is_sorted(), format!("keys {keys}"));
        }
        for (name, value) in &case.out {
            let found = answer.header(name);
            expect(&found == value, format!("header {name}: {found:?}"));
        }
        for (name, pointer) in &case.save {
            let json = answer.json();
            let value = match json.pointer(pointer) {
                Some(Json::String(text)) => text.clone(),
                Some(other) => other.to_string(),
                None => String::new(),
            };
            self.vars.insert(name.clone(), value);
        }
        if !faults.is_empty() {
            faults.push(answer.body);
        }
        faults
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
