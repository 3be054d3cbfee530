use crate::Error;
use crate::realtime::queue::Sender;
use crate::realtime::topic::Topic;
use tokio::sync::oneshot;

/// What handles of a stream tell its task.
#[derive(Debug)]
pub(crate) enum Command {
    Begin(Box<Begin>),
    End(u64),
    /// all that it matches
    Forget(Which),
}

/// A new subscription.
#[derive(Debug)]
pub(crate) struct Begin {
    pub(crate) id: u64,
    pub(crate) topic: Topic,
    pub(crate) since: Option<String>,
    /// waits for a server that is not there yet
    pub(crate) is_patient: bool,
    pub(crate) sink: Sender,
    pub(crate) done: oneshot::Sender<Result<Taken, Error>>,
}

/// The server has taken a subscription.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    /// it numbers its events
    pub(crate) has_positions: bool,
}

/// Subscriptions by what they listen to.
#[derive(Debug)]
pub(crate) enum Which {
    All,
    /// of this topic, whatever its options
    Topic(String),
    Prefix(String),
}

impl Which {
    pub(crate) fn has(&self, topic: &str) -> bool {
        match self {
            Self::All => true,
            Self::Topic(name) => name == topic,
            Self::Prefix(prefix) => topic.starts_with(prefix.as_str()),
        }
    }
}
