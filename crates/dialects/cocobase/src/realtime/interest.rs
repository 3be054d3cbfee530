//! What a socket means to the feed.

use crate::realtime::access::Access;
use crate::realtime::event::{self, ChangeEncoder};
use bytes::Bytes;
use std::sync::Arc;
use tidewire_feed::{ClassSpec, Interest, ResetReason, Topic};
use tidewire_model::{Catalog, Collection, Operations, Principal};
use tidewire_rules::{DocumentFilter, Residual};
use tokio::sync::Notify;

/// What a session is told besides frames.
#[derive(Default)]
pub struct Signals {
    /// definitions, keys or the user have changed: what was allowed may not be any more
    pub changed: Notify,
    /// changes were missed for good, and the client knows no frame that says so
    pub missed: Notify,
}

/// A collection of a project, with a filter.
pub struct CollectionInterest {
    /// as it was when the watch began
    pub collection: Arc<Collection>,
    pub access: Access,
    pub filter: DocumentFilter,
    /// what user code leaves: operations, and filters that take away
    pub operations: Operations,
    pub narrowed: Vec<DocumentFilter>,
    /// its frames carry positions, and it is told when changes were missed
    pub cursor: bool,
    pub leave: bool,
    pub signals: Arc<Signals>,
}

/// Of a socket that watches nothing: it only hears that its key may have been revoked.
pub struct KeyInterest {
    pub signals: Arc<Signals>,
}

impl Interest for CollectionInterest {
    fn classes(&self, catalog: &Arc<Catalog>, principal: &Principal) -> Vec<ClassSpec> {
        self.signals.changed.notify_one();
        self.class(catalog, principal).into_iter().collect()
    }

    fn reset(&self, reason: ResetReason, cursor: &str) -> Option<Bytes> {
        if !self.cursor {
            self.signals.missed.notify_one();
            return None;
        }
        Some(event::reset(&self.collection.name, reason, cursor))
    }
}

impl CollectionInterest {
    /// `None` if nothing of it can ever be seen.
    pub fn class(&self, catalog: &Arc<Catalog>, principal: &Principal) -> Option<ClassSpec> {
        // the commit that takes the collection away still tells of its documents
        let collection = catalog.by_id(&self.collection.id).unwrap_or(&self.collection);
        let gate = self.gate(catalog, collection, principal);
        if gate.constant() == Some(false) {
            return None;
        }
        let tenant = self.access.project().clone();
        let topic = Topic::Collection { tenant, collection: self.collection.id.clone() };
        let mut projection = String::from(if self.cursor { "cocobase\0c" } else { "cocobase\0-" });
        projection.push(self.operations.letter());
        let encoder = Arc::new(ChangeEncoder { cursor: self.cursor, operations: self.operations });
        Some(ClassSpec { topic, gate, leave: self.leave, projection, encoder })
    }

    /// What the collection lets this principal read, and the filter lets through.
    pub fn gate(
        &self,
        catalog: &Arc<Catalog>,
        collection: &Arc<Collection>,
        principal: &Principal,
    ) -> Residual {
        let permitted = self.access.permitted(catalog, collection, principal);
        let chosen = permitted.and(self.filter.residual(collection));
        self.narrowed.iter().fold(chosen, |left, filter| left.and(filter.residual(collection)))
    }
}

impl Interest for KeyInterest {
    fn classes(&self, _: &Arc<Catalog>, _: &Principal) -> Vec<ClassSpec> {
        self.signals.changed.notify_one();
        Vec::new()
    }
}
