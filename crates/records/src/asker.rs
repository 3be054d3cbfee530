use std::collections::BTreeMap;
use tidewire_model::{Principal, TenantId};

/// One request as rules see it: who asks, in which tenant, and what `@request.*` reads besides the body.
#[derive(Clone, Debug, Default)]
pub struct Asker {
    pub principal: Principal,
    pub tenant: TenantId,
    /// `default`, `realtime`, `batch`, `expand`, `password`, …
    pub context: &'static str,
    pub method: String,
    pub query: BTreeMap<String, String>,
    /// names in lower snake case
    pub headers: BTreeMap<String, String>,
}
