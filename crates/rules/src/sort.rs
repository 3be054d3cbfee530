use crate::rule::Audience;
use std::sync::Arc;
use tidewire_model::{Catalog, Collection, TenantId};

/// A resolved sort list: `-created,+title,rel.name,@random,@rowid,field:lower,json.path`.
#[derive(Clone, Debug, Default)]
pub struct Sort {}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct SortError(pub String);

impl Sort {
    pub fn resolve(
        text: &str,
        catalog: &Arc<Catalog>,
        tenant: &TenantId,
        collection: &Arc<Collection>,
        audience: Audience,
    ) -> Result<Self, SortError> {
        let _ = (text, catalog, tenant, collection, audience);
        unimplemented!()
    }
}
