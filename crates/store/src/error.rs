use tidewire_hooks::Unsettled;
use tidewire_model::MessageError;

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StoreError {
    /// a second server on the same folder
    #[error("the data folder is in use by another server")]
    Locked,
    /// a UNIQUE index refused the write; the fields it spans
    #[error("value must be unique: {fields:?}")]
    NotUnique { fields: Vec<String> },
    /// an index text that cannot be read, or that does not fit its collection or the stored data
    #[error("invalid index `{index}`: {reason}")]
    BadIndex { index: String, reason: String },
    #[error("no such collection: {0}")]
    NoCollection(String),
    /// an update or delete of a record that is not stored (any more)
    #[error("no such record: {0}")]
    NoRecord(String),
    #[error("the message is not published: {0}")]
    BadMessage(#[from] MessageError),
    /// more messages than allowed are under way to subscribers
    #[error("too many messages are waiting to be delivered")]
    TooManyMessages,
    /// what hooks elsewhere are asked about the write does not come to an end
    #[error("{0}")]
    Unsettled(Unsettled),
    /// the caller's own job panicked; its work is undone
    #[error("the job panicked")]
    Panicked,
    #[error("the store is closed")]
    Closed,
    #[error("database error: {0}")]
    Database(String),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.to_string())
    }
}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        Self::Database(error.to_string())
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Database(error.to_string())
    }
}
