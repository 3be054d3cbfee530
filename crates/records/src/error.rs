use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use tidewire_store::StoreError;

/// One fault of one field; codes and texts are PocketBase's, other dialects translate them.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldError {
    pub code: &'static str,
    pub message: String,
    pub params: Map<String, Json>,
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
    #[error(transparent)]
    Store(#[from] StoreError),
}
