//! Rule and filter of a live subscription as one residual.

use crate::rule::{Bound, bind, bind_text};
use crate::{Asker, Body};
use std::sync::Arc;
use tidewire_model::{Catalog, Collection, Language};
use tidewire_rules::{Audience, Residual};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    List,
    View,
}

/// Which records this asker may see through a subscription. A null rule, or a filter that cannot be resolved, is `never`.
pub fn gate(
    catalog: &Arc<Catalog>,
    collection: &Arc<Collection>,
    which: Which,
    asker: &Asker,
    filter: &str,
) -> Residual {
    let rule = match which {
        Which::List => collection.rules.list.as_deref(),
        Which::View => collection.rules.view.as_deref(),
    };
    let permitted = match bind(catalog, collection, asker, rule, &Body::new()) {
        Ok(Bound::Open) => Residual::always(),
        Ok(Bound::If(residual)) => residual,
        Ok(Bound::Broken) | Err(_) => return Residual::never(),
    };
    if !asker.is_superuser()
        && asker.language == Language::PocketBase
        && (filter.contains("@collection.") || sorts_by_request(asker))
    {
        return Residual::never();
    }
    if filter.is_empty() {
        return permitted;
    }
    match bind_text(catalog, collection, asker, Audience::Realtime, filter, &Body::new()) {
        Ok(chosen) => permitted.and(chosen),
        Err(_) => Residual::never(),
    }
}

/// A `sort` option means nothing live, yet it voids a subscription as it voids a list.
fn sorts_by_request(asker: &Asker) -> bool {
    asker.query.get("sort").is_some_and(|sort| sort.contains("@request.") || sort.contains("@collection."))
}
