use crate::relay::Relay;
use crate::server::Server;
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;
use tidewire_client::realtime::{Action, Backoff, Event, State, Subscription};
use tidewire_client::{Client, Error};

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Post {
    pub id: String,
    pub title: String,
}

/// A server with public posts, and a client whose way to it can be cut.
pub struct World {
    pub server: Server,
    pub relay: Relay,
    pub client: Client,
}

pub async fn world() -> World {
    let mut server = Server::start().await;
    // started anew it is found where it was
    server.config.http = server.address();
    server.collection("posts", &["title"], json!({})).await;
    let relay = Relay::start(server.address()).await;
    let client = Client::new(format!("http://{}", relay.address)).unwrap();
    let quick = Backoff { base: Duration::from_millis(5), cap: Duration::from_millis(50) };
    client.realtime().set_backoff(quick);
    World { server, relay, client }
}

impl World {
    pub async fn create(&self, title: &str) -> String {
        self.server.create("posts", json!({ "title": title })).await["id"].as_str().unwrap().to_owned()
    }

    /// Cuts the connection and waits until there is another one.
    pub async fn reconnect(&self) {
        let mut state = self.client.realtime().state();
        let before = state.borrow_and_update().clone();
        self.relay.cut();
        let is_new = |state: &State| matches!(state, State::Connected { .. }) && *state != before;
        state.wait_for(is_new).await.unwrap();
    }
}

/// An event as short text: `create a`, `live`, `reset retention`, `gap`.
pub fn short(event: &Result<Event<Post>, Error>) -> String {
    match event {
        Ok(Event::Record { action, record, .. }) => format!("{action} {}", record.title),
        Ok(Event::Live { .. }) => "live".to_owned(),
        Ok(Event::Reset { reason, .. }) => format!("reset {reason}"),
        Ok(Event::Gap) => "gap".to_owned(),
        Ok(other) => format!("{other:?}"),
        Err(error) => format!("error {error}"),
    }
}

pub async fn hear(subscription: &mut Subscription<Post>, count: usize) -> Vec<String> {
    let mut heard = Vec::new();
    for _ in 0..count {
        heard.push(short(&subscription.next().await.unwrap()));
    }
    heard
}

/// The titles of created posts.
pub async fn hear_titles(subscription: &mut Subscription<Post>, count: usize) -> Vec<String> {
    let mut titles = Vec::new();
    while titles.len() < count {
        match subscription.next().await.unwrap().unwrap() {
            Event::Record { action: Action::Create, record, .. } => titles.push(record.title),
            other => panic!("{other:?}"),
        }
    }
    titles
}
