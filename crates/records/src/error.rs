use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use tidewire_auth::PasswordError;
use tidewire_hooks::Unsettled;
use tidewire_store::StoreError;

/// One fault of one field; codes and texts are PocketBase's, other dialects translate them.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldError {
    pub code: &'static str,
    pub message: String,
    pub params: Map<String, Json>,
}

impl FieldError {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), params: Map::new() }
    }

    pub fn with(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.params.insert(name.to_owned(), value.into());
        self
    }

    pub fn required() -> Self {
        Self::new("validation_required", "Cannot be blank.")
    }

    pub fn mismatch() -> Self {
        Self::new("validation_values_mismatch", "Values don't match.")
    }

    pub fn not_unique() -> Self {
        Self::new("validation_not_unique", "Value must be unique.")
    }
}

/// Faults by field name; nested for lists and objects.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    Field(FieldError),
    Nested(FieldErrors),
}

/// Faults by field name or by stringified index.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldErrors(pub BTreeMap<String, Fault>);

impl FieldErrors {
    pub fn one(field: &str, error: FieldError) -> Self {
        let mut errors = Self::default();
        errors.add(field, error);
        errors
    }

    /// The first fault of a field is the one that is told.
    pub fn add(&mut self, field: &str, error: FieldError) {
        self.0.entry(field.to_owned()).or_insert(Fault::Field(error));
    }

    /// `Err(Invalid)` if there is any fault.
    pub fn check(self) -> Result<(), RecordError> {
        if self.0.is_empty() { Ok(()) } else { Err(RecordError::Invalid(self)) }
    }
}

/// Why an operation on records or collections was refused.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// no such record, or its rule does not hold
    #[error("not found")]
    NotFound,
    /// the rule is null and the asker is no superuser
    #[error("only superusers can perform this action")]
    SuperusersOnly,
    /// the create rule does not hold
    #[error("the create rule does not hold")]
    RuleFailed,
    #[error("invalid data")]
    Invalid(FieldErrors),
    /// a required relation of another record points here
    #[error("part of a required relation")]
    Referenced,
    /// a filter, sort, page or body that cannot be understood
    #[error("bad request: {0}")]
    BadRequest(String),
    /// "Only superusers can filter by @request." and the like
    #[error("{0}")]
    Forbidden(String),
    /// something that Tidewire does not do yet
    #[error("not supported: {0}")]
    Unsupported(&'static str),
    /// a hook refused the write
    #[error("{message}")]
    Refused { status: u16, message: String },
    /// a password could not be hashed or checked now
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for RecordError {
    fn from(error: StoreError) -> Self {
        let StoreError::Unsettled(reason) = error else { return Self::Store(error) };
        let status = if reason == Unsettled::TooMany { 400 } else { 503 };
        Self::Refused { status, message: reason.to_string() }
    }
}
