use crate::rule::{Bound, bind, bind_text};
use crate::{Asker, Body, RecordError, personal};
use std::sync::Arc;
use tidewire_model::{Collection, Language, Record, TenantId, Timestamp};
use tidewire_rules::{Audience, Expr, Facts, Limits, Query, Residual, ResolveError, Rule, Sort};
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
    let offset = request.page.saturating_sub(1).saturating_mul(request.per_page);
    let selection = Selection {
        filter: &request.filter,
        sort: &request.sort,
        offset,
        limit: request.per_page,
        total: !request.skip_total,
        ..Selection::default()
    };
    select(snapshot, asker, collection, &selection)
}

/// A part of what list rule and filter let through.
#[derive(Clone, Copy, Debug, Default)]
pub struct Selection<'a> {
    pub filter: &'a str,
    pub sort: &'a str,
    pub offset: u64,
    pub limit: u64,
    pub total: bool,
    /// of every tenant, if the asker is a superuser
    pub everywhere: bool,
    /// a condition of the server's own that all items, but not the total, must meet; "" for none
    pub place: &'a str,
}

/// Records under list rule and filter, as every dialect asks for them.
pub fn select(
    snapshot: &Snapshot<'_>,
    asker: &Asker,
    collection: &Arc<Collection>,
    selection: &Selection<'_>,
) -> Result<Page, RecordError> {
    let Selection { filter, sort: sorted, offset, limit, .. } = *selection;
    let condition = condition(snapshot, asker, collection, filter, sorted)?;
    let mut query = condition.iter().fold(base(asker, collection, selection.everywhere), Query::filter);
    if !sorted.is_empty() {
        query = query.sort(&sort(snapshot, asker, collection, sorted)?);
    }
    let mut page = query.clone().page(limit, offset);
    if !selection.place.is_empty() {
        page = page.filter(&own(snapshot, collection, &asker.tenant, Language::PocketBase, selection.place)?);
    }
    let items = snapshot.select(collection, &page).map_err(|error| refused(error, &condition))?;
    let total = match items.len() as u64 {
        _ if !selection.total => None,
        // a page that is not full is the last one, and says how many there are
        found if selection.place.is_empty() && found < limit && (found > 0 || offset == 0) => {
            Some(offset + found)
        }
        _ => Some(snapshot.count(&query).map_err(|error| refused(error, &condition))?),
    };
    Ok(Page { items, total })
}

/// What list rule and filter let through, to be counted and summed up.
pub fn query(
    snapshot: &Snapshot<'_>,
    asker: &Asker,
    collection: &Arc<Collection>,
    filter: &str,
    everywhere: bool,
) -> Result<Query, RecordError> {
    let condition = condition(snapshot, asker, collection, filter, "")?;
    Ok(condition.iter().fold(base(asker, collection, everywhere), Query::filter))
}

fn base(asker: &Asker, collection: &Arc<Collection>, everywhere: bool) -> Query {
    if everywhere && asker.is_superuser() {
        return Query::of_all_tenants(collection, Timestamp::now());
    }
    Query::new(collection, &asker.tenant, Timestamp::now())
}

/// A condition, in the collection's language, on records of a collection that is in no catalog.
pub fn alone(
    snapshot: &Snapshot<'_>,
    collection: &Arc<Collection>,
    text: &str,
) -> Result<Residual, RecordError> {
    own(snapshot, collection, &TenantId::default(), collection.language, text)
}

/// A condition that no client wrote.
fn own(
    snapshot: &Snapshot<'_>,
    collection: &Arc<Collection>,
    tenant: &TenantId,
    language: Language,
    text: &str,
) -> Result<Residual, RecordError> {
    let expr = Expr::parse_in(language, text, Limits::default())
        .map_err(|error| RecordError::BadRequest(error.message))?;
    let rule = Rule::resolve(&expr, snapshot.catalog(), tenant, collection, Audience::Superuser)?;
    Ok(rule.bind(&Facts::default()))
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
    let query = condition.iter().fold(base(asker, collection, false), Query::filter);
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
    if !asker.is_superuser() && asker.language == Language::PocketBase {
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
    let sort = Sort::resolve(text, snapshot.catalog(), &asker.tenant, collection, audience(asker), &facts)
        .map_err(|error| RecordError::BadRequest(error.0))?;
    personal::permit(asker, sort.personal()).map_err(RecordError::BadRequest)?;
    Ok(sort)
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
