//! A record's way from the announcement into one PocketBase stream, the dialect's own encoder with it.

use crate::world::TURN;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::Request;
use http_body::Body as _;
use http_body_util::BodyExt as _;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tempfile::TempDir;
use tidewire_model::{Action, Change, Position, Record, TenantId, Timestamp, Value};
use tidewire_server::app::App;
use tidewire_server::config::Config;
use tidewire_server::demo;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

/// A server without sockets, and one stream.
struct Listening {
    runtime: Runtime,
    app: App,
    stream: Body,
    record: Arc<Record>,
    seq: u64,
    _folder: TempDir,
}

pub fn pocketbase() -> Box<dyn FnMut()> {
    let mut listening = Listening::start();
    Box::new(move || listening.turn())
}

impl Listening {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let config = Config::new(([127, 0, 0, 1], 0).into(), folder.path());
        let inside = runtime.enter();
        let app = App::open(&config).expect("a server");
        drop(inside);
        let (stream, record) = runtime.block_on(prepare(&app));
        let seq = app.store.head();
        Self { runtime, app, stream, record, seq, _folder: folder }
    }

    fn turn(&mut self) {
        let seqs = self.seq + 1..=self.seq + TURN;
        let changes: Vec<_> = seqs.map(|seq| change(&self.app, &self.record, seq)).collect();
        self.seq += TURN;
        self.app.feed.announce(changes.into(), Arc::default(), None);
        self.runtime.block_on(self.app.feed.settled());
        assert_eq!(self.frames(), TURN, "events of a turn");
    }

    fn frames(&mut self) -> u64 {
        let mut context = Context::from_waker(Waker::noop());
        let _inside = self.runtime.enter();
        let mut count = 0;
        while let Poll::Ready(Some(Ok(_))) = Pin::new(&mut self.stream).poll_frame(&mut context) {
            count += 1;
        }
        count
    }
}

/// A stream that hears all of the demo's collection, and a record of it.
async fn prepare(app: &App) -> (Body, Arc<Record>) {
    let collection = demo::prepare(&app.store).await.expect("a collection");
    let mut record = Record::empty(collection, TenantId::default());
    for (name, text) in [("id", "r12345678901234"), ("station", "Harbour Mouth"), ("trend", "rising")] {
        record.set(name, Value::text(text));
    }
    app.feed.settled().await;
    let mut stream = ask(app, Request::get("/api/realtime"), Body::empty()).await;
    let greeting = stream.frame().await.and_then(Result::ok).and_then(|frame| frame.into_data().ok());
    let text = String::from_utf8(greeting.expect("a greeting").to_vec()).expect("a text");
    let client = text.split('"').nth(3).expect("an id");
    let wanted = format!("{{\"clientId\":\"{client}\",\"subscriptions\":[\"demo/*\"]}}");
    let request = Request::post("/api/realtime").header("content-type", "application/json");
    let _empty = ask(app, request, Body::from(wanted)).await;
    (stream, Arc::new(record))
}

async fn ask(app: &App, request: http::request::Builder, body: Body) -> Body {
    let peer = ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 1)));
    let request = request.extension(peer).body(body).expect("a request");
    let answer = app.router.clone().oneshot(request).await.expect("an answer");
    assert!(answer.status().is_success(), "{}", answer.status());
    answer.into_body()
}

fn change(app: &App, record: &Arc<Record>, seq: u64) -> Arc<Change> {
    Arc::new(Change {
        position: Position { epoch: app.store.epoch(), seq, offset: seq },
        action: Action::Create,
        collection: record.collection.clone(),
        tenant: TenantId::default(),
        old: None,
        new: Some(record.clone()),
        actor: "".into(),
        at: Timestamp(0),
        transaction: seq,
    })
}
