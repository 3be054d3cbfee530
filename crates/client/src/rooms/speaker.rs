use crate::Error;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot};

/// so many wait to be written at most; who says more waits
pub(crate) const WAITING: usize = 64;

/// A frame on its way, and who waits until it is written.
pub(crate) struct Saying {
    pub(crate) frame: String,
    pub(crate) done: oneshot::Sender<Result<(), Error>>,
}

/// Speaks in a room, from any task. Clones speak in the same one; they keep nobody in it.
#[derive(Clone, Debug)]
pub struct Speaker {
    sayings: mpsc::Sender<Saying>,
    /// the key of a frame that has what is said
    payload: &'static str,
}

#[derive(Serialize)]
struct Content<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    content: &'a RawValue,
}

#[derive(Serialize)]
struct Data<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    data: &'a RawValue,
}

impl Speaker {
    pub(crate) fn new(sayings: mpsc::Sender<Saying>, payload: &'static str) -> Self {
        Self { sayings, payload }
    }

    /// Says something to everybody in the room, this client included. Returns when it is on its way: all hear it in one order, and a
    /// server that does not pass it on says so as an error among the events. While the connection is lost this fails at once with
    /// [`Error::Lost`], so that nothing is said late; once the room was left, with [`Error::Closed`].
    pub async fn say<T: Serialize + ?Sized>(&self, data: &T) -> Result<(), Error> {
        let frame = self.frame(data)?;
        let (done, answer) = oneshot::channel();
        self.sayings.send(Saying { frame, done }).await.map_err(|_| Error::Closed)?;
        answer.await.unwrap_or(Err(Error::Closed))
    }

    fn frame<T: Serialize + ?Sized>(&self, data: &T) -> Result<String, Error> {
        let fault = |error: serde_json::Error| Error::Invalid(format!("this cannot be said: {error}"));
        let said = serde_json::value::to_raw_value(data).map_err(fault)?;
        match self.payload {
            "content" => serde_json::to_string(&Content { kind: "message", content: &said }),
            _ => serde_json::to_string(&Data { kind: "message", data: &said }),
        }
        .map_err(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_under_the_key_of_its_place() {
        for (payload, expected) in [
            ("content", r#"{"type":"message","content":{"a":1.50}}"#),
            ("data", r#"{"type":"message","data":{"a":1.50}}"#),
        ] {
            let (sayings, _) = mpsc::channel(1);
            let raw = RawValue::from_string(r#"{"a":1.50}"#.to_owned()).unwrap();
            assert_eq!(Speaker::new(sayings, payload).frame(&raw).unwrap(), expected);
        }
    }
}
