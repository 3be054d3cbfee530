use crate::eval::{Answer, Eval};
pub use crate::facet::Facet;
use crate::fold::fold;
use crate::node::Node;
use std::sync::Arc;
use tidewire_model::{Collection, Record, Timestamp, Value};

/// Answer of the in-memory evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    Yes,
    No,
    /// other records decide: ask the store
    Ask,
}

/// What is left of a rule once the request is known: it reads the record, the clock, and at most other records.
#[derive(Clone, Debug)]
pub struct Residual {
    pub(crate) node: Node,
    /// none for a constant
    collection: Option<Arc<Collection>>,
    local: bool,
}

/// `field` must have one of `values` in every record for which the residual holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Equality {
    pub field: Facet,
    pub values: Vec<Value>,
}

impl Residual {
    pub(crate) fn new(node: Node, collection: Arc<Collection>) -> Self {
        let node = fold(node);
        let local = crate::local::is_local(&node);
        Self { node, collection: Some(collection), local }
    }

    pub fn always() -> Self {
        Self { node: Node::Const(true), collection: None, local: true }
    }

    pub fn never() -> Self {
        Self { node: Node::Const(false), collection: None, local: true }
    }

    /// `Some` if it holds for every record, or for none.
    pub fn constant(&self) -> Option<bool> {
        match self.node {
            Node::Const(value) => Some(value),
            _ => None,
        }
    }

    pub fn and(self, other: Self) -> Self {
        self.joined(other, Node::all)
    }

    pub fn or(self, other: Self) -> Self {
        self.joined(other, Node::some)
    }

    fn joined(self, other: Self, join: fn([Node; 2]) -> Node) -> Self {
        let node = join([self.node, other.node]);
        let collection = self.collection.or(other.collection);
        Self { local: crate::local::is_local(&node), node, collection }
    }

    /// The definition that it was resolved with; none for a constant.
    pub(crate) fn collection(&self) -> Option<&Arc<Collection>> {
        self.collection.as_ref()
    }

    /// True if no other record can matter: `eval` never answers `Ask`.
    pub fn is_local(&self) -> bool {
        self.local
    }

    /// Evaluates on one image of a record. `now` is what the time macros mean.
    pub fn eval(&self, record: &Record, now: Timestamp) -> Truth {
        let Some(collection) = &self.collection else {
            return if self.constant() == Some(true) { Truth::Yes } else { Truth::No };
        };
        match Eval::new(record, collection, now).node(&self.node, None) {
            Answer::True => Truth::Yes,
            Answer::Ask => Truth::Ask,
            Answer::False | Answer::Null => Truth::No,
        }
    }

    /// Appends a text that is equal exactly for equal residuals.
    pub fn write_key(&self, out: &mut String) {
        crate::key::write(&self.node, self.collection.as_deref(), out);
    }

    /// A necessary equality to index by, the most selective one that is known; `None` if there is none.
    pub fn equality(&self) -> Option<Equality> {
        crate::equality::equality(&self.node)
    }
}
