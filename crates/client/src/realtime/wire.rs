use crate::realtime::GREETING;
use crate::realtime::event::Item;
use crate::realtime::parser::{Frame, Parser};
use crate::realtime::position::Position;
use crate::realtime::reach::Reach;
use crate::realtime::task::{End, Task};
use crate::{Client, Error};
use reqwest::{Method, Response};
use serde::Deserialize;
use serde_json::json;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::Instant;

const PATH: &str = "api/realtime";
/// of the answer that sets topics: the position from which on all is told
const CURSOR: &str = "tidewire-cursor";
/// for the answer's head and the greeting
const OPENING: Duration = Duration::from_secs(20);
/// Tidewire sends something every 15 seconds
const SILENCE: Duration = Duration::from_secs(45);
/// PocketBase says nothing on a quiet stream, and ends it after 5 minutes
const LONG_SILENCE: Duration = Duration::from_secs(330);

/// An open stream of events.
pub(crate) struct Live {
    response: Response,
    parser: Parser,
    frames: Vec<Frame>,
    pub(crate) client_id: String,
    /// its data
    pub(crate) greeting: String,
    url: String,
    posting: Option<Posting>,
    /// topics that are set are sent one by one: one of them was refused
    is_careful: bool,
    /// the server has cursors
    resumes: bool,
    reach: Reach,
    has_posted: bool,
    heard: Instant,
}

type Sent = Result<Option<String>, Error>;

/// A request that sets the topics, and which of them are new in it.
struct Posting {
    answer: Pin<Box<dyn Future<Output = Sent> + Send>>,
    new: Vec<String>,
    /// of its connection
    is_first: bool,
}

/// A connection that is not there any more.
pub(crate) struct Lost {
    pub(crate) error: Error,
    pub(crate) was_connected: bool,
}

impl Lost {
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self.error {
            Error::Response { retry_after, .. } => retry_after,
            _ => None,
        }
    }
}

/// What woke the loop.
enum Woken {
    Nothing,
    Chunk(Result<Option<bytes::Bytes>, reqwest::Error>),
    Sent(Sent),
    Silent,
}

impl Live {
    /// Connects and waits for the greeting.
    pub(crate) async fn open(client: &Client) -> Result<Self, Lost> {
        let opened = tokio::time::timeout(OPENING, Self::connect(client)).await;
        let url = || format!("{}{PATH}", client.inner.url);
        opened
            .unwrap_or_else(|_| Err(Error::Lost(format!("{} did not greet in time", url()))))
            .map_err(|error| Lost { error, was_connected: false })
    }

    async fn connect(client: &Client) -> Result<Self, Error> {
        let url = format!("{}{PATH}", client.inner.url);
        let request = client.request(Method::GET, PATH).header("Accept", "text/event-stream").endless();
        let mut response = request.send().await?;
        let (mut parser, mut frames) = (Parser::default(), Vec::new());
        while frames.is_empty() {
            let chunk =
                response.chunk().await.map_err(|source| Error::Transport { url: url.clone(), source })?;
            let chunk = chunk.ok_or_else(|| Error::Lost(format!("{url} ended before its greeting")))?;
            parser.feed(&chunk, &mut frames).map_err(|_| too_long(&url))?;
        }
        let greeting = frames.remove(0);
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Connected {
            client_id: String,
        }
        let fault =
            || Error::Decode { url: url.clone(), reason: format!("no greeting: {:?}", greeting.name) };
        if greeting.name != GREETING {
            return Err(fault());
        }
        let Connected { client_id } = serde_json::from_str(&greeting.data).map_err(|_| fault())?;
        let greeting = greeting.data;
        Ok(Self {
            response,
            parser,
            frames,
            client_id,
            greeting,
            url,
            posting: None,
            is_careful: false,
            resumes: false,
            reach: Reach::default(),
            has_posted: false,
            heard: Instant::now(),
        })
    }

    /// Tells what comes until the stream ends or nobody listens.
    pub(crate) async fn serve(&mut self, task: &mut Task) -> End {
        let end = self.follow(task).await;
        if let Some(place) = self.reach.complete() {
            task.entries.iter_mut().for_each(|entry| entry.cover(place));
        }
        end
    }

    async fn follow(&mut self, task: &mut Task) -> End {
        loop {
            if let Err(error) = self.hand_out(task) {
                return self.lost(error);
            }
            if task.entries.is_empty() {
                return End::Unwanted;
            }
            if task.is_changed && self.posting.is_none() {
                self.post(task);
            }
            let done = match self.wait(task).await {
                Woken::Nothing => Ok(()),
                Woken::Chunk(chunk) => self.read(chunk),
                Woken::Sent(sent) => self.sent(task, sent),
                Woken::Silent => Err(Error::Lost(format!("{} is silent", self.url))),
            };
            if let Err(error) = done {
                return self.lost(error);
            }
        }
    }

    fn lost(&self, error: Error) -> End {
        End::Lost(Lost { error, was_connected: true })
    }

    /// While a subscription is full nothing is read: the server keeps what comes.
    async fn wait(&mut self, task: &mut Task) -> Woken {
        let silence = if self.resumes { SILENCE } else { LONG_SILENCE };
        let is_free = task.stalled.is_empty();
        let full = task.stalled.front();
        tokio::select! {
            Some(command) = task.commands.recv() => {
                task.apply(command);
                Woken::Nothing
            }
            Ok(()) = task.auth.changed() => {
                task.look_at_auth();
                Woken::Nothing
            }
            sent = async { match &mut self.posting { Some(posting) => posting.answer.as_mut().await, None => std::future::pending().await } } => {
                Woken::Sent(sent)
            }
            room = async { match full { Some((sink, item)) => sink.ready(item).await, None => std::future::pending().await } } => {
                if let Some((sink, item)) = task.stalled.pop_front() && let Some(room) = room {
                    sink.push(item, room);
                }
                self.heard = Instant::now();
                Woken::Nothing
            }
            chunk = self.response.chunk(), if is_free => Woken::Chunk(chunk),
            () = tokio::time::sleep_until(self.heard + silence), if is_free => Woken::Silent,
        }
    }

    fn read(&mut self, chunk: Result<Option<bytes::Bytes>, reqwest::Error>) -> Result<(), Error> {
        let chunk = chunk.map_err(|source| Error::Transport { url: self.url.clone(), source })?;
        let chunk = chunk.ok_or_else(|| Error::Lost(format!("{} ended", self.url)))?;
        self.heard = Instant::now();
        self.parser.feed(&chunk, &mut self.frames).map_err(|_| too_long(&self.url))
    }

    fn hand_out(&mut self, task: &mut Task) -> Result<(), Error> {
        for frame in std::mem::take(&mut self.frames) {
            if frame.name == "reset" {
                reset(task, &frame)?;
                continue;
            }
            // a real PocketBase's ids name the client
            let cursor = frame.id.as_deref().filter(|id| *id != self.client_id && !id.is_empty());
            let mut is_event = false;
            for index in 0..task.entries.len() {
                if task.entries[index].text.as_deref() == Some(&frame.name) {
                    let item = task.entries[index].take(&frame, cursor);
                    is_event |= matches!(item, Item::Record { .. } | Item::Message { .. });
                    task.hand_out(index, item);
                }
            }
            if is_event
                && let Some(cursor) = cursor
                && let Some(place) = self.reach.hear(cursor)
            {
                task.entries.iter_mut().for_each(|entry| entry.cover(&place));
            }
        }
        Ok(())
    }

    /// Sends the whole set, as the protocol wants it.
    fn post(&mut self, task: &mut Task) {
        task.is_changed = false;
        task.token.clone_from(&task.auth.borrow_and_update().token);
        let mut new = Vec::new();
        let mut topics: Vec<String> = task.entries.iter().filter_map(|entry| entry.text.clone()).collect();
        for entry in task.entries.iter_mut().filter(|entry| entry.text.is_none() && !entry.is_greeting()) {
            if self.is_careful && !new.is_empty() {
                task.is_changed = true;
                break;
            }
            let mut text = entry.topic.text(entry.cursor.as_deref(), 0);
            let mut copy = 0;
            // what the server has already it does not begin anew
            while (entry.cursor.is_some() || entry.topic.snapshot) && topics.contains(&text) {
                copy += 1;
                text = entry.topic.text(entry.cursor.as_deref(), copy);
            }
            entry.text = Some(text.clone());
            topics.push(text.clone());
            new.push(text);
        }
        topics.sort_unstable();
        topics.dedup();
        let request = task.client.request(Method::POST, PATH);
        let request = request.json(&json!({ "clientId": self.client_id, "subscriptions": topics }));
        let answer = Box::pin(async move {
            let answer = request.send().await?;
            Ok(answer.headers().get(CURSOR).and_then(|value| Some(value.to_str().ok()?.to_owned())))
        });
        let is_first = !std::mem::replace(&mut self.has_posted, true);
        self.posting = Some(Posting { answer, new, is_first });
    }

    /// An error if the connection is of no use any more.
    fn sent(&mut self, task: &mut Task, sent: Sent) -> Result<(), Error> {
        let Some(Posting { new, is_first, .. }) = self.posting.take() else { return Ok(()) };
        match sent {
            Ok(cursor) => {
                self.resumes |= cursor.is_some();
                task.attempt = 0;
                confirm(task, &new, cursor.as_deref(), is_first);
                Ok(())
            }
            Err(error) if new.is_empty() || !is_refusal(&error) => Err(error),
            Err(error) => {
                self.refused(task, &new, error);
                Ok(())
            }
        }
    }

    /// One of these topics was refused; of several it must be found out which.
    fn refused(&mut self, task: &mut Task, new: &[String], error: Error) {
        let is_new = |text: &Option<String>| text.as_ref().is_some_and(|text| new.contains(text));
        task.is_changed = true;
        if new.len() > 1 {
            self.is_careful = true;
            for entry in task.entries.iter_mut().filter(|entry| is_new(&entry.text)) {
                entry.text = None;
            }
            return;
        }
        let mut error = Some(error);
        for index in 0..task.entries.len() {
            if !is_new(&task.entries[index].text) {
                continue;
            }
            let refusal = error.take().and_then(|error| task.entries[index].refuse(error));
            if let Some(refusal) = refusal {
                let old = task.entries[index].was_set;
                if old {
                    task.hand_out(index, Item::Refused(refusal));
                }
            }
            task.entries[index].ears.clear();
        }
        task.sweep();
    }
}

/// The server has set the topics, these among them for the first time on this connection.
fn confirm(task: &mut Task, new: &[String], cursor: Option<&str>, is_first: bool) {
    for index in 0..task.entries.len() {
        let entry = &mut task.entries[index];
        if !entry.text.as_ref().is_some_and(|text| new.contains(text)) {
            if entry.is_set {
                entry.prove(cursor);
            }
        } else if entry.confirm(cursor, is_first) {
            task.hand_out(index, Item::Gap);
        }
    }
    // of a topic that went on from a position of its own the next answer tells when all is in one order again
    task.is_changed |= cursor.is_some_and(|cursor| Position::of(cursor).is_some())
        && task
            .entries
            .iter()
            .any(|entry| entry.is_set && !entry.is_greeting() && entry.covered_after.is_none());
}

fn reset(task: &mut Task, frame: &Frame) -> Result<(), Error> {
    #[derive(Deserialize)]
    struct Reset {
        topic: String,
    }
    // a custom topic may have this name too; then it has no topic in it
    let Ok(Reset { topic }) = serde_json::from_str(&frame.data) else { return Ok(()) };
    for index in 0..task.entries.len() {
        if task.entries[index].text.as_deref() == Some(&topic) {
            let item = task.entries[index].reset(&frame.data);
            task.hand_out(index, item);
        }
    }
    Ok(())
}

/// Whether the server says no to a topic. A client that it does not know any more, and one that became somebody else, must
/// connect anew.
fn is_refusal(error: &Error) -> bool {
    let Error::Response { status, message, .. } = error else { return false };
    // it does not know the client any more, it came another way, or was somebody else
    let is_about_client = *status == 404
        || ["client id", "realtime client", "authorization don't match"]
            .iter()
            .any(|text| message.contains(text));
    (400..500).contains(status) && !error.is_temporary() && !is_about_client
}

fn too_long(url: &str) -> Error {
    Error::Decode { url: url.to_owned(), reason: "an event is too long".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_about_the_client_and_not_about_a_topic_is_no_refusal() {
        for (status, message, expected) in [
            (400, "Something went wrong while processing your request.", true),
            (403, "The request was refused.", true),
            (400, "Invalid realtime client.", false),
            (404, "Missing or invalid client id.", false),
            (403, "The current and the previous request authorization don't match.", false),
            (429, "Too many requests.", false),
            (500, "Broken.", false),
        ] {
            let error = Error::Response {
                status,
                message: message.to_owned(),
                body: json!({}),
                url: String::new(),
                retry_after: None,
            };
            assert_eq!(is_refusal(&error), expected, "{message}");
        }
    }
}
