//! CocoBase filters: `field_op=value` pairs with OR groups, judged on the JSON values of a record.

mod condition;
mod grammar;
mod lookup;
mod operator;
mod text;

use crate::node::{Node, Test};
use crate::residual::Residual;
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tidewire_model::Collection;

pub(crate) use condition::Condition;
pub use condition::{DOCUMENT_TEST, DocumentTest, ValueForm};
pub(crate) use lookup::{Lookup, System, canonical, canonical_texts, is_plain};
pub use text::shown_time;

/// keys of one filter
const MAX_KEYS: usize = 64;
/// bytes of one value
const MAX_VALUE: usize = 4096;
/// bytes of one key
const MAX_KEY: usize = 1024;

/// A CocoBase filter that was read, not yet bound to a collection:
///
/// ```
/// # use tidewire_rules::DocumentFilter;
/// let filters = serde_json::json!({"status": "active", "[or]age_gte": 18, "[or]vip": true});
/// let filter = DocumentFilter::from_json(filters.as_object().unwrap()).unwrap();
/// // `filter.residual(&collection)` is what a subscription's gate takes
/// assert!(!filter.is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DocumentFilter {
    all: Vec<Clause>,
    /// one of each group must hold
    groups: BTreeMap<Box<str>, Vec<Clause>>,
}

/// One key with its value.
#[derive(Clone, Debug, PartialEq)]
struct Clause {
    any: bool,
    parts: Vec<(Box<str>, Arc<Condition>)>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentFilterError {
    #[error("more than {MAX_KEYS} filters")]
    TooMany,
    #[error("a filter key is longer than {MAX_KEY} bytes")]
    LongKey,
    #[error("a filter value is longer than {MAX_VALUE} bytes")]
    LongValue,
}

impl DocumentFilter {
    /// The `filters` object of a watch socket. Null values are ignored.
    pub fn from_json(filters: &Map<String, Json>) -> Result<Self, DocumentFilterError> {
        let mut filter = Self::default();
        for (key, value) in filters {
            filter.add(key, value)?;
        }
        Ok(filter)
    }

    /// Pairs of a query string, without those that mean something else there; a key may come several times.
    pub fn from_pairs<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, DocumentFilterError> {
        let mut filter = Self::default();
        for (key, value) in pairs {
            filter.add(key, &Json::from(value))?;
        }
        Ok(filter)
    }

    /// True if it holds for every record.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty() && self.groups.is_empty()
    }

    /// The filter as a condition on the records of `collection`, open or typed. Hidden fields are missing.
    pub fn residual(&self, collection: &Arc<Collection>) -> Residual {
        let clause = |clause: &Clause| clause.node(collection);
        let groups = self.groups.values().map(|group| Node::some(group.iter().map(clause)));
        let node = Node::all(self.all.iter().map(clause).chain(groups));
        Residual::new(node, collection.clone())
    }

    fn add(&mut self, key: &str, value: &Json) -> Result<(), DocumentFilterError> {
        if value.is_null() {
            return Ok(());
        }
        if key.len() > MAX_KEY {
            return Err(DocumentFilterError::LongKey);
        }
        if self.all.len() + self.groups.values().map(Vec::len).sum::<usize>() >= MAX_KEYS {
            return Err(DocumentFilterError::TooMany);
        }
        let key = grammar::Key::parse(key);
        let mut parts = Vec::with_capacity(key.parts.len());
        for part in key.parts {
            let condition = Condition::new(part.operator, value);
            if condition.size() > MAX_VALUE {
                return Err(DocumentFilterError::LongValue);
            }
            parts.push((part.field.into(), Arc::new(condition)));
        }
        let clause = Clause { any: key.any, parts };
        match key.group {
            Some(group) => self.groups.entry(group.into()).or_default().push(clause),
            None => self.all.push(clause),
        }
        Ok(())
    }
}

impl Clause {
    fn node(&self, collection: &Arc<Collection>) -> Node {
        let parts = self.parts.iter().map(|(name, condition)| test(collection, name, condition));
        if self.any { Node::some(parts) } else { Node::all(parts) }
    }
}

fn test(collection: &Arc<Collection>, name: &str, condition: &Arc<Condition>) -> Node {
    let (lookup, guard) = Lookup::new(collection, name);
    if let Some(value) = lookup.constant() {
        return Node::Const(condition.matches(value.as_ref()));
    }
    let test = Test::Document { lookup: Arc::new(lookup), condition: condition.clone() };
    Node::all(std::iter::once(Node::Test(Box::new(test))).chain(guard))
}
