//! What may be done with records and collections, by whom: rules, validation, defaults, modifiers, cascades, expand, and
//! what of a record its reader may see. Shared by all dialects; knows no HTTP and no wire format but a record's JSON.

pub(crate) mod access;
pub mod account;
pub mod app_user;
pub mod asker;
pub mod bootstrap;
pub mod collections;
pub mod create;
pub mod delete;
pub(crate) mod draft;
pub mod error;
pub(crate) mod excerpt;
pub(crate) mod expand;
pub(crate) mod fields;
pub mod formulas;
pub mod gate;
pub mod hooks;
pub mod internal;
pub mod key;
pub mod list;
pub mod mask;
pub mod normalise;
pub mod open;
pub mod pattern;
pub mod personal;
pub mod prepare;
pub(crate) mod rule;
pub(crate) mod save;
pub mod secret;
pub mod settings;
pub mod show;
pub(crate) mod sight;
pub mod sign_in;
pub mod update;
pub mod upsert;
pub mod user;
pub mod validate;
pub mod view;

pub use asker::Asker;
pub use error::{FieldError, FieldErrors, RecordError};
pub use prepare::{Body, Prepared};
