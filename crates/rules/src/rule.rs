use crate::facts::Facts;
use crate::residual::Residual;
use crate::syntax::Expr;
use std::sync::Arc;
use tidewire_model::{Catalog, Collection, TenantId};

/// Whose expression it is: that decides which names may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// an API rule of the collection's owner: hidden fields, `@request.*` and `@collection.*` are open
    Rule,
    /// a filter or sort of a superuser's request
    Superuser,
    /// a filter or sort of anybody else: no hidden fields; related collections must be listable
    Client,
    /// a realtime filter: as `Client`, also for superusers; `@request.auth.*` is open
    Realtime,
}

/// An expression whose names are resolved against one collection of one catalog.
#[derive(Clone, Debug)]
pub struct Rule {}

/// Texts as PocketBase words them, without a final dot.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ResolveError {
    #[error("{0}")]
    Invalid(String),
    /// a client's filter or sort names `@request.`
    #[error("Only superusers can filter by @request.")]
    RequestForbidden,
    /// a client's filter or sort names `@collection.`
    #[error("Only superusers can filter by @collection.")]
    CollectionForbidden,
}

impl Rule {
    pub fn resolve(
        expr: &Expr,
        catalog: &Arc<Catalog>,
        tenant: &TenantId,
        collection: &Arc<Collection>,
        audience: Audience,
    ) -> Result<Self, ResolveError> {
        let _ = (expr, catalog, tenant, collection, audience);
        unimplemented!()
    }

    /// Replaces everything that `facts` decide by constants and folds. Two principals for whom the rule comes to the
    /// same get equal residuals: that is what makes them one class.
    pub fn bind(&self, facts: &Facts) -> Residual {
        let _ = facts;
        unimplemented!()
    }
}
