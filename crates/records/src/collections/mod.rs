//! Definitions: defaults, validation, import. Superusers only; the caller checks that.
//!
//! `RecordError::BadRequest` of these functions carries the sentence that PocketBase's clients are shown.

pub(crate) mod auth_options;
mod create;
pub(crate) mod defaults;
mod delete;
mod draft;
pub(crate) mod fault;
mod fields;
mod import;
pub(crate) mod index;
mod rule;
mod save;
mod show;
mod templates;
mod update;
mod validate;
mod validate_auth;
mod validate_field;
mod validate_indexes;
mod validate_oauth2;

pub use crate::expand::is_unique;
pub use create::create;
pub use delete::delete;
pub use import::import;
pub use rule::{RuleFault, RuleOf, check_rule};
pub use save::save;
pub use show::{scaffold, show};
pub use update::update;

#[cfg(test)]
mod tests;
