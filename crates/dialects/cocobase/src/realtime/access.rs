//! What a key, and a user with it, may read.

use std::sync::Arc;
use tidewire_model::{Catalog, Collection, CollectionKind, Principal, TenantId};
use tidewire_records::gate::{self, Which};
use tidewire_records::key::Opened;
use tidewire_records::{Asker, app_user};
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

    /// A collection of documents, by name or else by id. People are no documents: an auth collection of the instance does
    /// not stand in the way of a project's own of the same name.
    pub fn find<'a>(&self, catalog: &'a Catalog, path: &str) -> Option<&'a Arc<Collection>> {
        let named = catalog.by_name(self.project(), path).filter(|collection| *collection.name == *path);
        let found = named.or_else(|| catalog.by_id(path))?;
        let is_document = found.kind == CollectionKind::Base && !found.name.starts_with('_');
        (is_document && !found.is_foreign(self.project()) && self.key.covers_collection(found))
            .then_some(found)
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
            let named = &collection.permissions.read;
            let roles = principal.record().map_or_else(Vec::new, |user| app_user::roles(user));
            let permitted = named.is_empty() || named.iter().any(|role| roles.contains(&&**role));
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
