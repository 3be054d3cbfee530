use crate::rooms::Refusal;
use serde_json::Value as Json;
use std::time::Duration;

/// Why something did not work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// the server answered, and said no
    #[error("{message} ({status}, {url})")]
    Response {
        status: u16,
        /// its `message`, or the reason phrase if it sent none
        message: String,
        /// what it sent, `Null` if that was no JSON: `data` has the fault of each field
        body: Json,
        url: String,
        /// after which the server wants to be asked again
        retry_after: Option<Duration>,
    },
    /// no answer: no connection, no name, a timeout, a connection that broke
    #[error("no answer from {url}: {source}")]
    Transport {
        url: String,
        #[source]
        source: reqwest::Error,
    },
    /// the answer is not what was asked for
    #[error("the answer of {url} cannot be read: {reason}")]
    Decode { url: String, reason: String },
    /// a field of a record is not of the type that was asked for
    #[error("the field {name:?} cannot be read: {reason}")]
    Field { name: String, reason: String },
    /// what was asked cannot be sent: a wrong address, header or value
    #[error("{0}")]
    Invalid(String),
    /// nobody was signed in through a provider
    #[error("nobody was signed in: {0}")]
    OAuth2(String),
    /// the auth store cannot be read or written
    #[error("the auth store cannot be used: {0}")]
    Store(#[from] std::io::Error),
    /// a room's server let nobody in, or did not pass on what was said
    #[error("{message} ({url})")]
    Refused { refusal: Refusal, message: String, url: String },
    /// a stream of events was not had, or ended
    #[error("the connection was lost: {0}")]
    Lost(String),
    /// a subscription or the client was closed
    #[error("closed")]
    Closed,
}

impl Error {
    /// The status of the answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Response { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Code and message of the fault that the server found in a field.
    pub fn field(&self, name: &str) -> Option<(&str, &str)> {
        let Self::Response { body, .. } = self else { return None };
        let fault = &body["data"][name];
        Some((fault["code"].as_str()?, fault["message"].as_str()?))
    }

    /// Whether the same may work a moment later.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Response { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
            Self::Transport { source, .. } => !source.is_builder(),
            Self::Refused { refusal, .. } => refusal.is_temporary(),
            Self::Lost(_) => true,
            _ => false,
        }
    }
}
