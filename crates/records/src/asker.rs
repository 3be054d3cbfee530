use crate::prepare::Body;
use std::collections::BTreeMap;
use std::sync::Arc;
use tidewire_model::{Catalog, Collection, Identity, Language, Principal, Record, TenantId};
use tidewire_rules::Facts;

/// One request as rules see it: who asks, in which tenant, and what `@request.*` reads besides the body.
#[derive(Clone, Debug, Default)]
pub struct Asker {
    pub principal: Principal,
    pub tenant: TenantId,
    /// that filters of this client are written in
    pub language: Language,
    /// `default`, `realtime`, `batch`, `expand`, `password`, …
    pub context: &'static str,
    pub method: String,
    pub query: BTreeMap<String, String>,
    /// names in lower snake case
    pub headers: BTreeMap<String, String>,
}

impl Asker {
    /// The server itself in a tenant: every rule lets it pass.
    pub fn system(catalog: &Catalog, tenant: &TenantId) -> Self {
        let superusers = catalog.by_id(Collection::SUPERUSERS_ID).cloned().unwrap_or_default();
        let record = Arc::new(Record::empty(superusers, TenantId::default()));
        let identity = Identity { record, superuser: true, tenant: tenant.clone(), expires_at: None };
        let principal = Principal::Known(Arc::new(identity));
        Self { principal, tenant: tenant.clone(), context: "default", ..Self::default() }
    }

    pub fn is_superuser(&self) -> bool {
        self.principal.is_superuser()
    }

    /// What rules may read of this request, with the body as it is after modifiers.
    pub fn facts(&self, body: &Body) -> Facts {
        Facts {
            context: self.context.into(),
            method: self.method.as_str().into(),
            principal: self.principal.clone(),
            query: self.query.clone(),
            headers: self.headers.clone(),
            body: body.clone(),
        }
    }

    /// The same asker while relations are expanded.
    pub(crate) fn expanding(&self) -> Self {
        Self { context: "expand", ..self.clone() }
    }
}
