use crate::{Asker, RecordError};
use std::sync::Arc;
use tidewire_model::{Collection, Record};
use tidewire_store::Snapshot;

/// What to list; page and size are already clamped.
#[derive(Clone, Debug, Default)]
pub struct ListRequest {
    /// from 1
    pub page: u64,
    /// 1 to 1000
    pub per_page: u64,
    pub filter: String,
    pub sort: String,
    pub skip_total: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Page {
    pub items: Vec<Arc<Record>>,
    /// `None` when it was not asked for
    pub total: Option<u64>,
}

/// Records under list rule and filter.
pub fn list(
    snapshot: &Snapshot<'_>,
    asker: &Asker,
    collection: &Arc<Collection>,
    request: &ListRequest,
) -> Result<Page, RecordError> {
    let _ = (snapshot, asker, collection, request);
    unimplemented!()
}

/// How many records list rule and filter let through.
pub fn count(
    snapshot: &Snapshot<'_>,
    asker: &Asker,
    collection: &Arc<Collection>,
    filter: &str,
) -> Result<u64, RecordError> {
    let _ = (snapshot, asker, collection, filter);
    unimplemented!()
}
