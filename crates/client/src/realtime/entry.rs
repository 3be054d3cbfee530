use crate::Error;
use crate::realtime::command::{Begin, Taken};
use crate::realtime::event::{Cursor, Item, Refusal};
use crate::realtime::parser::Frame;
use crate::realtime::position::Position;
use crate::realtime::queue::Sender;
use crate::realtime::reach::Place;
use crate::realtime::topic::Topic;
use serde::Deserialize;
use tokio::sync::oneshot;

/// One topic as the server knows it, and who of this client listens to it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) topic: Topic,
    /// as it was sent on this connection
    pub(crate) text: Option<String>,
    /// the server has it on this connection
    pub(crate) is_set: bool,
    taken: Taken,
    /// it was set on an earlier connection
    pub(crate) was_set: bool,
    /// where to go on; the last event's or that of the moment in which it was set
    pub(crate) cursor: Option<Cursor>,
    /// When the connection tells of a change with a higher number, this has heard all before it. `None`: not known, for the event may
    /// have been on its way when this was set.
    pub(crate) covered_after: Option<u64>,
    /// a part of a snapshot has come, and not its end
    pub(crate) in_snapshot: bool,
    pub(crate) ears: Vec<Ear>,
}

/// One subscription of a topic.
#[derive(Debug)]
pub(crate) struct Ear {
    pub(crate) id: u64,
    pub(crate) sink: Sender,
    /// who waits for the server's answer
    pub(crate) done: Option<oneshot::Sender<Result<Taken, Error>>>,
    pub(crate) is_patient: bool,
}

/// What events of the server itself carry.
#[derive(Deserialize)]
struct Note {
    #[serde(default)]
    action: String,
    #[serde(default)]
    reason: String,
    cursor: Option<Cursor>,
}

impl Entry {
    pub(crate) fn new(begin: Begin) -> Self {
        let Begin { id, topic, since, is_patient, sink, done } = begin;
        let ear = Ear { id, sink, done: Some(done), is_patient };
        Self {
            topic,
            text: None,
            is_set: false,
            taken: Taken { has_positions: false },
            was_set: false,
            cursor: since,
            covered_after: None,
            in_snapshot: false,
            ears: vec![ear],
        }
    }

    /// The greeting of each connection: the server does not know it.
    pub(crate) fn is_greeting(&self) -> bool {
        self.topic.name == super::GREETING
    }

    /// Whether a subscription without a beginning of its own may just listen too.
    pub(crate) fn can_take(&self, begin: &Begin) -> bool {
        begin.since.is_none()
            && !begin.topic.snapshot
            && self.topic == begin.topic
            && (self.is_set || self.cursor.is_none())
    }

    pub(crate) fn join(&mut self, begin: Begin) {
        let Begin { id, is_patient, sink, done, .. } = begin;
        let mut ear = Ear { id, sink, done: Some(done), is_patient };
        if self.is_set {
            ear.confirm(self.taken);
        }
        self.ears.push(ear);
    }

    /// The server has taken it; every later commit is told. True if what happened since the last connection is lost.
    pub(crate) fn confirm(&mut self, cursor: Option<&str>, is_first: bool) -> bool {
        let is_back = std::mem::replace(&mut self.was_set, true);
        self.is_set = true;
        if self.cursor.is_none() && !self.topic.snapshot {
            self.cursor = cursor.map(str::to_owned);
            self.prove(cursor);
        }
        if is_first {
            self.covered_after = Some(0);
        }
        self.taken = Taken { has_positions: cursor.is_some() };
        self.ears.iter_mut().for_each(|ear| ear.confirm(self.taken));
        is_back && cursor.is_none()
    }

    /// What comes after this position was committed after this was set, and so is told in order with it.
    pub(crate) fn prove(&mut self, cursor: Option<&str>) {
        let after = cursor.and_then(Position::of).map(|at| at.seq);
        self.covered_after = self.covered_after.or(after);
    }

    /// Moves on with the connection, which has told everything up to there.
    pub(crate) fn cover(&mut self, place: &Place) {
        let is_covered = self.covered_after.is_some_and(|after| place.at.seq > after);
        let own = self.cursor.as_deref().and_then(Position::of);
        if self.is_set && is_covered && !self.in_snapshot && own.is_some_and(|own| place.at.is_after(own)) {
            self.cursor = Some(place.cursor.clone());
        }
    }

    /// What a frame on its topic says; its place becomes this one's.
    pub(crate) fn take(&mut self, frame: &Frame, cursor: Option<&str>) -> Item {
        let cursor = cursor.map(str::to_owned);
        if cursor.is_some() {
            self.cursor.clone_from(&cursor);
            self.covered_after = Some(0);
        }
        let data = frame.data.as_str();
        if !self.topic.has_records {
            return Item::Message { data: data.into(), cursor };
        }
        if self.topic.snapshot
            && let Ok(Note { action, cursor: Some(cursor), .. }) = serde_json::from_str::<Note>(data)
            && action == "live"
        {
            self.in_snapshot = false;
            self.start_at(Some(&cursor));
            return Item::Live { cursor };
        }
        self.in_snapshot |= self.topic.snapshot && cursor.is_none();
        Item::Record { data: data.into(), cursor }
    }

    pub(crate) fn reset(&mut self, data: &str) -> Item {
        let note: Note = serde_json::from_str(data).unwrap_or(Note {
            action: String::new(),
            reason: String::new(),
            cursor: None,
        });
        // all others are followed by a snapshot, and from here on nobody may go on without it
        self.in_snapshot = self.topic.snapshot && note.reason != "snapshot_too_large";
        self.start_at(note.cursor.as_ref());
        Item::Reset { reason: note.reason, cursor: note.cursor }
    }

    /// It is told what comes after this, while other topics may still hear of what was before.
    fn start_at(&mut self, cursor: Option<&Cursor>) {
        self.cursor = cursor.cloned();
        self.covered_after = cursor.and_then(|cursor| Position::of(cursor)).map(|at| at.seq);
    }

    /// The connection is gone. What a snapshot told so far is void.
    pub(crate) fn lose(&mut self) -> Option<Item> {
        self.text = None;
        self.is_set = false;
        self.covered_after = None;
        if std::mem::take(&mut self.in_snapshot) {
            self.cursor = None;
            return Some(Item::Reset { reason: "interrupted".to_owned(), cursor: None });
        }
        None
    }

    /// The server does not take it. Gives what those are told who listened already.
    pub(crate) fn refuse(&mut self, error: Error) -> Option<Refusal> {
        let refusal = Refusal::of(&error)?;
        let mut error = Some(error);
        for ear in &mut self.ears {
            if let Some(done) = ear.done.take() {
                // whoever waited may have gone
                let _ = done.send(Err(error.take().unwrap_or_else(|| refusal.clone().into())));
            }
        }
        Some(refusal)
    }
}

impl Ear {
    fn confirm(&mut self, taken: Taken) {
        if let Some(done) = self.done.take() {
            // whoever waited may have gone
            let _ = done.send(Ok(taken));
        }
    }
}

impl Refusal {
    fn of(error: &Error) -> Option<Self> {
        match error {
            Error::Response { status, message, body, url, .. } => {
                Some(Self { status: *status, message: message.clone(), body: body.clone(), url: url.clone() })
            }
            _ => None,
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let Refusal { status, message, body, url } = refusal;
        Self::Response { status, message, body, url, retry_after: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::realtime::queue::queue;

    #[test]
    fn what_a_reset_promised_is_asked_for_again_when_the_connection_goes_first() {
        for (snapshot, reason, cursor) in [
            (true, "retention", None),
            // these are followed by none
            (true, "snapshot_too_large", Some("new")),
            (false, "retention", Some("new")),
        ] {
            let topic = Topic { name: "posts/*".into(), has_records: true, snapshot, ..Topic::default() };
            let ((sink, _source), (done, _answer)) = (queue(), oneshot::channel());
            let since = Some("old".to_owned());
            let mut entry = Entry::new(Begin { id: 1, topic, since, is_patient: false, sink, done });
            entry.reset(&format!(r#"{{"topic":"posts/*","reason":"{reason}","cursor":"new"}}"#));
            let told = entry.lose();
            let is_interrupted = matches!(told, Some(Item::Reset { reason, .. }) if reason == "interrupted");
            assert_eq!((is_interrupted, entry.cursor.as_deref()), (cursor.is_none(), cursor), "{reason}");
        }
    }
}
