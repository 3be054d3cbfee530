use serde_json::{Map, Value as Json};

/// What a handler can do besides changing its occasion. In a before-hook of a record all of it belongs to the transaction
/// of that record.
pub trait Hands {
    /// The answer of the act: a record, a list, or null.
    fn act(&mut self, act: Act) -> Result<Json, ActError>;

    /// What the handler was called for is broken off and will be done again, so how this call ends is of no account.
    fn broken_off(&self) -> bool {
        false
    }
}

/// Hands for where nothing can be done.
#[derive(Clone, Copy, Debug)]
pub struct NoHands;

/// With `rules`, records are read and written as the user of the occasion may; without, everything is allowed.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    Get {
        collection: String,
        id: String,
        rules: bool,
    },
    List {
        collection: String,
        filter: String,
        sort: String,
        page: u64,
        per_page: u64,
        rules: bool,
    },
    Create {
        collection: String,
        data: Map<String, Json>,
        rules: bool,
    },
    Update {
        collection: String,
        id: String,
        data: Map<String, Json>,
        rules: bool,
    },
    Delete {
        collection: String,
        id: String,
        rules: bool,
    },
    /// to everyone who is subscribed to exactly this topic
    Publish {
        topic: String,
        data: Json,
    },
    /// to the members of a room
    Say {
        room: String,
        data: Json,
    },
    /// to everyone on the project's broadcast
    Broadcast {
        event: String,
        data: Json,
    },
    /// a setting by its path, e.g. `meta.appName`; secrets are not told
    Setting {
        path: String,
    },
}

/// Why an act was not done.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct ActError {
    pub status: u16,
    pub message: String,
    /// faults by field, or null
    pub data: Json,
}

impl ActError {
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), data: Json::Null }
    }
}

impl Hands for NoHands {
    fn act(&mut self, _: Act) -> Result<Json, ActError> {
        Err(ActError::new(503, "nothing can be read, written or published here"))
    }
}
