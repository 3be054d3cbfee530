//! Those who listen over connections that break, and come back with the last cursor of each subscription.

use crate::http::{Caller, Event, Stream};
use crate::log::{Fact, Topic};
use serde_json::{Value as Json, json};
use std::io::{Error, ErrorKind};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Long after nothing breaks any more.
const PATIENCE: Duration = Duration::from_secs(60);
/// Before a client connects again.
const PAUSE: Duration = Duration::from_millis(10);

/// What one subscription heard, from the beginning.
pub struct Heard {
    pub client: usize,
    pub topic: Topic,
    facts: watch::Receiver<Vec<Fact>>,
}

impl Heard {
    /// All that was heard up to the first fact with this number.
    pub async fn until(&mut self, number: i64) -> Vec<Fact> {
        let there = |facts: &Vec<Fact>| facts.last().is_some_and(|fact| fact.revision == number);
        let waiting = self.facts.wait_for(there);
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(facts) => facts.unwrap().clone(),
            Err(_) => panic!("client {} did not hear the end of {:?}", self.client, self.topic),
        }
    }
}

/// A client with several subscriptions on one stream.
pub struct Reader {
    caller: Caller,
    topics: Vec<Ear>,
    /// where each begins that has heard nothing
    beginning: Arc<str>,
}

/// One subscription, and what it heard.
pub struct Ear {
    pub topic: Topic,
    pub facts: watch::Sender<Vec<Fact>>,
}

impl Reader {
    /// Listens until the test ends.
    pub fn start(client: usize, caller: Caller, topics: Vec<Topic>, beginning: &str) -> Vec<Heard> {
        let (ears, heard) = topics.into_iter().map(|topic| pair(client, topic)).unzip();
        let reader = Self { caller, topics: ears, beginning: beginning.into() };
        tokio::spawn(reader.run());
        heard
    }

    async fn run(self) {
        loop {
            // it broke: what it was told before is kept
            let _ = self.listen().await;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// One connection from its beginning to its end.
    async fn listen(&self) -> Result<(), Error> {
        let mut stream = self.caller.stream().await?;
        let names: Vec<String> = self.topics.iter().map(|ear| ear.name(&self.beginning)).collect();
        self.subscribe(&mut stream, &names).await?;
        while let Some(event) = stream.next().await {
            assert_ne!(event.name, "reset", "{}", event.data);
            let place = names.iter().position(|name| *name == event.name).expect("an event of another topic");
            let ear = &self.topics[place];
            ear.facts.send_modify(|facts| facts.push(ear.fact(event)));
        }
        Err(ErrorKind::UnexpectedEof.into())
    }

    async fn subscribe(&self, stream: &mut Stream, names: &[String]) -> Result<(), Error> {
        let greeting = stream.next().await.ok_or(ErrorKind::UnexpectedEof)?;
        let greeting: Json = serde_json::from_str(&greeting.data).unwrap();
        let body = json!({ "clientId": greeting["clientId"], "subscriptions": names });
        match self.caller.send("POST", "/api/realtime", &body).await? {
            (204, _) => Ok(()),
            // the stream has gone meanwhile, or the request was cut
            (404 | 408, _) => Err(ErrorKind::UnexpectedEof.into()),
            other => panic!("a subscription was refused: {other:?}"),
        }
    }
}

/// A subscription, and how others see it.
pub fn pair(client: usize, topic: Topic) -> (Ear, Heard) {
    let (sender, facts) = watch::channel(Vec::new());
    (Ear { topic: topic.clone(), facts: sender }, Heard { client, topic, facts })
}

impl Ear {
    /// The topic with its options, as events repeat it.
    fn name(&self, beginning: &str) -> String {
        let facts = self.facts.borrow();
        let since = facts.last().map_or(beginning, |fact| fact.cursor.as_str());
        let mut query = json!({ "since": since });
        if let Some(filter) = self.topic.filter() {
            query["filter"] = filter.into();
        }
        format!("{}?options={}", self.topic.path(), json!({ "query": query }))
    }

    fn fact(&self, event: Event) -> Fact {
        let data: Json = serde_json::from_str(&event.data).unwrap();
        let (action, id, number) = match &self.topic {
            Topic::Said(topic) => ("message", *topic, &data["n"]),
            _ => (
                data["action"].as_str().unwrap(),
                data["record"]["id"].as_str().unwrap(),
                &data["record"]["n"],
            ),
        };
        let (action, id) = (action.to_owned(), id.to_owned());
        Fact { cursor: event.id, action, id, revision: number.as_i64().unwrap() }
    }
}
