use crate::rule::{Bound, bind, bind_text};
use crate::{Asker, Body, RecordError};
use std::sync::Arc;
use tidewire_model::{Collection, Record, Timestamp};
use tidewire_rules::{Audience, Query, Residual, ResolveError, Sort};
use tidewire_store::{Snapshot, StoreError};

/// Fields in one sort list.
const SORT_FIELDS: usize = 8;
/// Bytes of one name in a sort list.
const SORT_FIELD_LENGTH: usize = 255;

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
    let condition = condition(snapshot, asker, collection, &request.filter, &request.sort)?;
    let query = Query::new(collection, &asker.tenant, Timestamp::now());
    let mut query = condition.iter().fold(query, Query::filter);
    if !request.sort.is_empty() {
        query = query.sort(&sort(snapshot, asker, collection, &request.sort)?);
    }
    let offset = request.page.saturating_sub(1).saturating_mul(request.per_page);
    let page = query.clone().page(request.per_page, offset);
    let items = snapshot.select(collection, &page).map_err(|error| refused(error, &condition))?;
    let total = match items.len() as u64 {
        _ if request.skip_total => None,
        // a page that is not full is the last one, and says how many there are
        found if found < request.per_page && (found > 0 || offset == 0) => Some(offset + found),
        _ => Some(snapshot.count(&query).map_err(|error| refused(error, &condition))?),
    };
    Ok(Page { items, total })
}

/// What SQLite cannot answer (too many joins, say) was asked for by rule or filter.
fn refused(error: StoreError, condition: &[Residual]) -> RecordError {
    match error {
        StoreError::Database(reason) if !condition.is_empty() => RecordError::BadRequest(reason),
        other => other.into(),
    }
}

/// How many records list rule and filter let through.
pub fn count(
    snapshot: &Snapshot<'_>,
    asker: &Asker,
    collection: &Arc<Collection>,
    filter: &str,
) -> Result<u64, RecordError> {
    let condition = condition(snapshot, asker, collection, filter, "")?;
    let query = Query::new(collection, &asker.tenant, Timestamp::now());
    let query = condition.iter().fold(query, Query::filter);
    snapshot.count(&query).map_err(|error| refused(error, &condition))
}

/// List rule and filter, those of them that say anything.
fn condition(
    snapshot: &Snapshot<'_>,
    asker: &Asker,
    collection: &Arc<Collection>,
    filter: &str,
    sort: &str,
) -> Result<Vec<Residual>, RecordError> {
    let catalog = snapshot.catalog();
    let mut all = Vec::new();
    match bind(catalog, collection, asker, collection.rules.list.as_deref(), &Body::new())? {
        Bound::Open => {}
        Bound::If(residual) => all.push(residual),
        Bound::Broken => return Err(RecordError::BadRequest("the list rule is invalid".into())),
    }
    if !asker.is_superuser() {
        check_names(filter)?;
        check_names(sort)?;
    }
    if !filter.is_empty() {
        all.push(bind_text(catalog, collection, asker, audience(asker), filter, &Body::new())?);
    }
    Ok(all)
}

/// The bare text decides, also inside of quotes.
fn check_names(text: &str) -> Result<(), RecordError> {
    if text.contains("@collection.") {
        return Err(ResolveError::CollectionForbidden.into());
    }
    if text.contains("@request.") {
        return Err(ResolveError::RequestForbidden.into());
    }
    Ok(())
}

fn sort(
    snapshot: &Snapshot<'_>,
    asker: &Asker,
    collection: &Arc<Collection>,
    text: &str,
) -> Result<Sort, RecordError> {
    let fields = text.split(',').map(|field| field.trim().trim_start_matches(['-', '+']));
    if fields.clone().count() > SORT_FIELDS {
        return Err(RecordError::BadRequest("too many sort fields".into()));
    }
    if fields.clone().any(|field| field.len() > SORT_FIELD_LENGTH) {
        return Err(RecordError::BadRequest("a sort field is too long".into()));
    }
    let facts = asker.facts(&Body::new());
    Sort::resolve(text, snapshot.catalog(), &asker.tenant, collection, audience(asker), &facts)
        .map_err(|error| RecordError::BadRequest(error.0))
}

fn audience(asker: &Asker) -> Audience {
    if asker.is_superuser() { Audience::Superuser } else { Audience::Client }
}

impl From<ResolveError> for RecordError {
    fn from(error: ResolveError) -> Self {
        match error {
            ResolveError::Invalid(message) => Self::BadRequest(message),
            forbidden => Self::Forbidden(forbidden.to_string()),
        }
    }
}
