//! Those who listen with the Rust client, which comes back and goes on by itself.

use crate::http::Caller;
use crate::log::{Fact, Topic};
use crate::readers::{Ear, Heard, pair};
use serde_json::Value as Json;
use std::time::Duration;
use tidewire_client::Client;
use tidewire_client::realtime::{Backoff, Event, Subscribe};

/// Nobody else is there who could be spared by longer ones.
const WAITS: Backoff = Backoff { base: Duration::from_millis(10), cap: Duration::from_millis(100) };

/// Several subscriptions of one client, until the test ends.
pub fn start(client: usize, caller: &Caller, topics: Vec<Topic>, beginning: &str) -> Vec<Heard> {
    let tidewire = Client::new(format!("http://{}", caller.address)).unwrap();
    tidewire.auth().save(tidewire_client::Auth { token: caller.token.clone(), record: Json::Null }).unwrap();
    tidewire.realtime().set_backoff(WAITS);
    let (ears, heard): (Vec<Ear>, _) = topics.into_iter().map(|topic| pair(client, topic)).unzip();
    for ear in ears {
        let subscribe = wanted(&tidewire, &ear.topic).since(beginning).patient();
        tokio::spawn(listen(subscribe, ear));
    }
    heard
}

fn wanted(client: &Client, topic: &Topic) -> Subscribe<Json> {
    match topic {
        Topic::All(collection) => client.collection(*collection).subscribe("*"),
        Topic::One(collection, id) => client.collection(*collection).subscribe(id),
        Topic::Kind(collection, _) => {
            client.collection(*collection).subscribe("*").filter(topic.filter().unwrap())
        }
        Topic::Said(topic) => client.realtime().subscribe(*topic),
    }
}

async fn listen(subscribe: Subscribe<Json>, ear: Ear) {
    let mut subscription = subscribe.await.unwrap();
    while let Some(event) = subscription.next().await {
        let fact = fact(&ear.topic, event.unwrap());
        ear.facts.send_modify(|facts| facts.push(fact));
    }
}

fn fact(topic: &Topic, event: Event<Json>) -> Fact {
    let (action, id, data, cursor) = match event {
        Event::Record { action, record, cursor } => {
            (action.as_str(), record["id"].as_str().unwrap().to_owned(), record, cursor)
        }
        Event::Message { data, cursor } => ("message", topic.path(), data, cursor),
        other => panic!("{topic:?}: {other:?}"),
    };
    Fact { cursor: cursor.unwrap(), action: action.to_owned(), id, revision: data["n"].as_i64().unwrap() }
}
