//! The `expand` option: which references are replaced by the records they name.

use crate::error::ApiError;
use crate::field_type::FieldType;
use http::StatusCode;
use std::collections::BTreeMap;
use tidewire_model::{Collection, Field};

const DEPTH_MAX: usize = 3;
/// Paths in one option; more are ignored.
const PATHS_MAX: usize = 50;

/// Names to expand, each with what to expand below it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expansion(BTreeMap<Box<str>, Expansion>);

impl Expansion {
    /// `a,b.c`; the first name of each path must be a reference of the collection.
    pub fn read(collection: &Collection, text: &str) -> Result<Self, ApiError> {
        let mut tree = Self::default();
        let paths = text.split(',').map(str::trim).filter(|path| !path.is_empty());
        for path in paths.take(PATHS_MAX) {
            let name = path.split('.').next().unwrap_or(path);
            if !collection.field(name).is_some_and(is_expandable) {
                let message = format!("Field '{name}' is not a reference field");
                return Err(ApiError::message(StatusCode::BAD_REQUEST, "Invalid expand field", &message));
            }
            let mut at = &mut tree;
            for name in path.split('.').take(DEPTH_MAX) {
                at = at.0.entry(name.into()).or_default();
            }
        }
        Ok(tree)
    }

    pub fn names(&self) -> impl Iterator<Item = (&str, &Self)> {
        self.0.iter().map(|(name, below)| (&**name, below))
    }
}

fn is_expandable(field: &Field) -> bool {
    !field.hidden && matches!(FieldType::of(field), FieldType::Reference | FieldType::User)
}
