//! Rule and filter of a live subscription as one residual.

use crate::rule::{Bound, bind, bind_text, resolve};
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

/// What a filter of the server's own code lets through, written in the language of the asker. It may read hidden fields; one
/// that cannot be resolved is `never`.
pub fn narrow(
    catalog: &Arc<Catalog>,
    collection: &Arc<Collection>,
    asker: &Asker,
    filters: &[Box<str>],
) -> Residual {
    filters.iter().fold(Residual::always(), |narrow, filter| {
        let audience = Audience::Superuser;
        let resolved = resolve(catalog, collection, &asker.tenant, audience, asker.language, filter);
        match resolved {
            Ok(rule) => narrow.and(rule.bind(&asker.facts(&Body::new()))),
            Err(error) => {
                tracing::error!(%error, %filter, collection = &*collection.name, "a hook's filter is no filter");
                Residual::never()
            }
        }
    })
}

/// A `sort` option means nothing live, yet it voids a subscription as it voids a list.
fn sorts_by_request(asker: &Asker) -> bool {
    asker.query.get("sort").is_some_and(|sort| sort.contains("@request.") || sort.contains("@collection."))
}
