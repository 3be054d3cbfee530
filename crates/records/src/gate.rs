//! Rule and filter of a live subscription as one residual.

use crate::Asker;
use std::sync::Arc;
use tidewire_model::{Catalog, Collection};
use tidewire_rules::Residual;

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
    let _ = (catalog, collection, which, asker, filter);
    unimplemented!()
}
