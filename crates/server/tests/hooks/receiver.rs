//! A receiver of hooks over HTTP that answers as it is told and notes what it heard.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response};
use serde_json::Value as Json;
use std::sync::{Arc, Mutex};
use tokio::sync::{Notify, mpsc};

#[derive(Clone, Debug)]
pub enum Reply {
    Answer(u16, String),
    /// none, until it is let go
    Never,
}

pub struct Heard {
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Heard {
    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> String {
        self.headers[name].to_str().unwrap().to_owned()
    }
}

pub struct Receiver {
    pub url: String,
    heard: mpsc::UnboundedReceiver<Heard>,
    shared: Arc<Shared>,
}

struct Shared {
    /// the last one is for all further requests
    replies: Mutex<Vec<Reply>>,
    heard: mpsc::UnboundedSender<Heard>,
    let_go: Notify,
}

impl Receiver {
    pub async fn start() -> Self {
        let (heard, hearing) = mpsc::unbounded_channel();
        let replies = Mutex::new(vec![Reply::Answer(200, String::new())]);
        let shared = Arc::new(Shared { replies, heard, let_go: Notify::new() });
        let routes = Router::new().fallback(answer).with_state(shared.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { url, heard: hearing, shared }
    }

    pub fn reply(&self, replies: impl IntoIterator<Item = Reply>) {
        *self.shared.replies.lock().unwrap() = replies.into_iter().collect();
    }

    pub fn let_go(&self) {
        self.shared.let_go.notify_waiters();
    }

    pub async fn next(&mut self) -> Heard {
        self.heard.recv().await.unwrap()
    }

    pub fn try_next(&mut self) -> Option<Heard> {
        self.heard.try_recv().ok()
    }

    pub fn is_quiet(&mut self) -> bool {
        self.heard.try_recv().is_err()
    }
}

async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let let_go = shared.let_go.notified();
    let reply = {
        let mut replies = shared.replies.lock().unwrap();
        if replies.len() > 1 { replies.remove(0) } else { replies[0].clone() }
    };
    shared.heard.send(Heard { headers, body }).ok();
    let (status, text) = match reply {
        Reply::Answer(status, text) => (status, text),
        Reply::Never => {
            let_go.await;
            (200, String::new())
        }
    };
    Response::builder().status(status).body(Body::from(text)).unwrap()
}
