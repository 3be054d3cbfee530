use crate::facts::Facts;
use crate::place::place;
use crate::residual::Residual;
use crate::resolve::Resolver;
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
pub struct Rule {
    expr: Arc<Expr>,
    catalog: Arc<Catalog>,
    tenant: TenantId,
    collection: Arc<Collection>,
    audience: Audience,
    personal: Option<Box<str>>,
}

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

impl ResolveError {
    /// What PocketBase says to a client whose filter or sort has such a text in it, even if it cannot be parsed.
    pub fn of_client_text(text: &str) -> Option<Self> {
        if text.contains("@collection.") {
            Some(Self::CollectionForbidden)
        } else if text.contains("@request.") {
            Some(Self::RequestForbidden)
        } else {
            None
        }
    }
}

impl Rule {
    pub fn resolve(
        expr: &Expr,
        catalog: &Arc<Catalog>,
        tenant: &TenantId,
        collection: &Arc<Collection>,
        audience: Audience,
    ) -> Result<Self, ResolveError> {
        if audience == Audience::Client && expr.mentions_collection {
            return Err(ResolveError::CollectionForbidden);
        }
        if audience == Audience::Client && expr.mentions_request {
            return Err(ResolveError::RequestForbidden);
        }
        let mut rule = Self {
            expr: Arc::new(expr.clone()),
            catalog: catalog.clone(),
            tenant: tenant.clone(),
            collection: collection.clone(),
            audience,
            personal: None,
        };
        rule.personal = rule.resolved(&Facts::default())?.1;
        Ok(rule)
    }

    /// A field of personal data that it reads: whoever sees that masked must not filter by it.
    pub fn personal(&self) -> Option<&str> {
        self.personal.as_deref()
    }

    /// Replaces everything that `facts` decide by constants and folds. Two principals for whom the rule comes to the
    /// same get equal residuals: that is what makes them one class.
    ///
    /// A path of `@request.auth.` that the principal's collection does not allow makes it hold for no record.
    pub fn bind(&self, facts: &Facts) -> Residual {
        self.resolved(facts).map_or_else(|_| Residual::never(), |(residual, _)| residual)
    }

    fn resolved(&self, facts: &Facts) -> Result<(Residual, Option<Box<str>>), ResolveError> {
        let mut resolver = Resolver::new(&self.catalog, &self.tenant, &self.collection, self.audience, facts);
        let node = resolver.expression(&self.expr)?;
        let residual = Residual::new(place(node, resolver.joins), self.collection.clone());
        Ok((residual, resolver.personal))
    }
}
