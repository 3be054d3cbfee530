//! What a key, and a user with it, may read.

use crate::call::{Deed, permits};
use crate::collection;
use std::sync::Arc;
use tidewire_model::{Catalog, Collection, Principal, TenantId};
use tidewire_records::Asker;
use tidewire_records::gate::{self, Which};
use tidewire_records::key::Opened;
use tidewire_rules::Residual;

/// A project as one of its keys opens it.
#[derive(Clone)]
pub struct Access {
    pub key: Arc<Opened>,
}

impl Access {
    pub fn project(&self) -> &TenantId {
        self.key.tenant()
    }

    /// A collection of documents, by name or else by id.
    pub fn find(&self, catalog: &Catalog, path: &str) -> Option<Arc<Collection>> {
        collection::find(catalog, self.project(), path).filter(|found| self.key.covers_collection(found))
    }

    /// Roles say who reads an open collection, rules who reads a typed one; a secret key alone is its project's owner,
    /// whom rules do not concern.
    pub fn permitted(
        &self,
        catalog: &Arc<Catalog>,
        collection: &Arc<Collection>,
        principal: &Principal,
    ) -> Residual {
        if collection.open {
            let permitted = permits(collection, Deed::Read, principal);
            return if permitted { Residual::always() } else { Residual::never() };
        }
        if self.key.is_secret() && principal.identity().is_none() {
            return Residual::always();
        }
        let (principal, tenant) = (principal.clone(), self.project().clone());
        let asker = Asker { principal, tenant, context: "realtime", ..Asker::default() };
        gate::gate(catalog, collection, Which::List, &asker, "")
    }
}
