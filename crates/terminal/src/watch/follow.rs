//! One subscription that goes on where it was, whatever happens to the connection or to the server.

use super::frames::{Frame, Frames};
use crate::{Failure, Remote};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value as Json, json};
use std::collections::VecDeque;
use std::time::Duration;
use tidewire_client::{Error, Response};

/// Three times a server's heartbeat: a stream that is silent for so long is dead.
const SILENCE: Duration = Duration::from_secs(45);
/// Pauses between attempts: at most the first, twice as much each further time, at most the last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// A cursor that is none: the server answers with the position from which on everything is told. With it even a
/// subscription that has heard nothing yet can go on after a restart.
const NOWHERE: &str = "now";

/// What to subscribe to.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub topic: String,
    /// options of the topic
    pub query: Vec<(&'static str, String)>,
    pub since: Option<String>,
    pub snapshot: bool,
}

/// What comes of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// of a record, or a message: then `action` is "message"
    Event {
        action: String,
        record: Json,
        cursor: String,
    },
    /// the records of a snapshot are complete
    Live {
        cursor: String,
    },
    /// something is missing, and why; from `cursor` on all is there
    Reset {
        reason: String,
        cursor: String,
    },
    Connected {
        again: bool,
    },
    /// there is no connection, and why; it is tried again
    Waiting(String),
}

pub struct Follow {
    remote: Remote,
    wanted: Wanted,
    cursor: Option<String>,
    open: Option<Open>,
    heard: VecDeque<Heard>,
    attempts: u32,
    /// connections so far
    connections: u64,
    /// the server numbers its events
    positions: bool,
}

struct Open {
    response: Response,
    frames: Frames,
    client: String,
    text: String,
    /// the reset that tells the position to begin with is still to come
    begins: bool,
}

/// Why there is no connection.
enum Fault {
    Passing(String),
    Final(Failure),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let passing = error.is_temporary();
        let failure = Failure::from(error);
        if passing { Self::Passing(failure.to_string()) } else { Self::Final(failure) }
    }
}

impl Follow {
    pub fn new(remote: Remote, wanted: Wanted) -> Self {
        let cursor = wanted.since.clone();
        let heard = VecDeque::new();
        Self { remote, wanted, cursor, open: None, heard, attempts: 0, connections: 0, positions: true }
    }

    /// The next of what is heard; may be given up at any await and called again.
    pub async fn next(&mut self) -> Result<Heard, Failure> {
        loop {
            if let Some(heard) = self.heard.pop_front() {
                if let Heard::Event { cursor, .. } | Heard::Live { cursor } | Heard::Reset { cursor, .. } =
                    &heard
                    && !cursor.is_empty()
                {
                    self.cursor = Some(cursor.clone());
                }
                return Ok(heard);
            }
            match &mut self.open {
                Some(_) => self.read().await?,
                None => self.connect().await?,
            }
        }
    }

    async fn read(&mut self) -> Result<(), Failure> {
        let Some(open) = &mut self.open else { return Ok(()) };
        match tokio::time::timeout(SILENCE, open.response.chunk()).await {
            Ok(Ok(Some(bytes))) => {
                for frame in open.frames.feed(&bytes)? {
                    let heard = open.hear(frame, &mut self.positions)?;
                    self.heard.extend(heard);
                }
            }
            Ok(Ok(None)) => self.lose("the server ended the stream"),
            Ok(Err(_)) => self.lose("the connection broke"),
            Err(_) => self.lose("the server is silent"),
        }
        Ok(())
    }

    fn lose(&mut self, reason: &str) {
        self.open = None;
        self.heard.push_back(Heard::Waiting(reason.to_owned()));
    }

    async fn connect(&mut self) -> Result<(), Failure> {
        if self.attempts > 0 {
            tokio::time::sleep(pause(self.attempts)).await;
        }
        self.attempts = self.attempts.saturating_add(1);
        match self.opened().await {
            Ok(open) => {
                let again = self.connections > 0;
                self.connections += 1;
                self.attempts = 0;
                self.heard.push_back(Heard::Connected { again });
                if again && self.cursor.is_none() {
                    let reason = if self.wanted.snapshot { "snapshot_begins_anew" } else { "reconnected" };
                    self.heard.push_back(Heard::Reset { reason: reason.to_owned(), cursor: String::new() });
                }
                self.open = Some(open);
                Ok(())
            }
            Err(Fault::Final(failure)) => Err(failure),
            Err(Fault::Passing(reason)) => {
                self.heard.push_back(Heard::Waiting(reason));
                Ok(())
            }
        }
    }

    async fn opened(&mut self) -> Result<Open, Fault> {
        let request = self.remote.client.send("GET", "api/realtime").header("Accept", "text/event-stream");
        let mut open = Open {
            response: request.stream().await?,
            frames: Frames::default(),
            client: String::new(),
            text: String::new(),
            begins: false,
        };
        let greeted = tokio::time::timeout(SILENCE, open.greet()).await;
        greeted.map_err(|_| Fault::Passing("the server does not greet".to_owned()))??;
        let (text, begins) = self.topic();
        let body = json!({ "clientId": open.client, "subscriptions": [text] });
        match self.remote.client.send("POST", "api/realtime").json(&body).read().await {
            Ok(_) => {}
            // the stream has ended meanwhile, and its client with it
            Err(Error::Response { status: 404, message, .. }) => return Err(Fault::Passing(message)),
            Err(error) => return Err(error.into()),
        }
        Ok(Open { text, begins, ..open })
    }

    /// The topic with its options, and whether it only asks for the position to begin with.
    fn topic(&self) -> (String, bool) {
        let mut query: Map<String, Json> = Map::new();
        for (name, value) in &self.wanted.query {
            query.insert((*name).to_owned(), value.as_str().into());
        }
        let begins = self.cursor.is_none() && !self.wanted.snapshot && self.positions;
        if self.wanted.snapshot {
            query.insert("snapshot".to_owned(), "1".into());
        }
        if let Some(since) = self.cursor.as_deref().or(begins.then_some(NOWHERE)) {
            query.insert("since".to_owned(), since.into());
        }
        if query.is_empty() {
            return (self.wanted.topic.clone(), false);
        }
        let options = json!({ "query": query }).to_string();
        let options = utf8_percent_encode(&options, NON_ALPHANUMERIC);
        (format!("{}?options={options}", self.wanted.topic), begins)
    }
}

impl Open {
    async fn greet(&mut self) -> Result<(), Fault> {
        loop {
            let bytes =
                self.response.chunk().await.map_err(|_| Fault::Passing("the connection broke".to_owned()))?;
            let Some(bytes) = bytes else {
                return Err(Fault::Passing("the server ended the stream".to_owned()));
            };
            let frames = self.frames.feed(&bytes).map_err(Fault::Final)?;
            if let Some(frame) = frames.into_iter().find(|frame| frame.event == "PB_CONNECT") {
                let data: Json = serde_json::from_str(&frame.data).unwrap_or_default();
                data["clientId"].as_str().unwrap_or_default().clone_into(&mut self.client);
                return Ok(());
            }
        }
    }

    fn hear(&mut self, frame: Frame, positions: &mut bool) -> Result<Vec<Heard>, Failure> {
        let is_reset = frame.event == "reset";
        if frame.event != self.text && !is_reset {
            return Ok(Vec::new());
        }
        let data: Json = serde_json::from_str(&frame.data)
            .map_err(|error| Failure::Failed(format!("the server sent an event that is no JSON: {error}")))?;
        let text = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
        if is_reset && frame.event != self.text {
            let (reason, cursor) = (text("reason"), text("cursor"));
            if std::mem::take(&mut self.begins) {
                return Ok(vec![Heard::Live { cursor }]);
            }
            return Ok(vec![Heard::Reset { reason, cursor }]);
        }
        // PocketBase numbers no events: all have the client's id
        *positions &= frame.id != self.client;
        let cursor = if *positions { frame.id } else { String::new() };
        match data["action"].as_str() {
            Some("live") if data.get("record").is_none() => Ok(vec![Heard::Live { cursor: text("cursor") }]),
            Some(action) if data.get("record").is_some() => {
                let action = action.to_owned();
                Ok(vec![Heard::Event { action, record: data["record"].clone(), cursor }])
            }
            _ => Ok(vec![Heard::Event { action: "message".to_owned(), record: data, cursor }]),
        }
    }
}

/// Anything up to the bound, so that those who were cut off together do not come back together.
fn pause(attempts: u32) -> Duration {
    let most = PAUSES.0.saturating_mul(1 << attempts.min(16)).min(PAUSES.1);
    most.mul_f64(rand::random::<f64>())
}
