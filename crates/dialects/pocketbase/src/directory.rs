//! Searching the definitions themselves: filter, sort and page over a few of their members.

use crate::error::ApiError;
use crate::records::page_tail;
use std::cmp::Ordering;
use std::sync::Arc;
use tidewire_model::field::{DateOptions, FieldKind, TextOptions};
use tidewire_model::{Catalog, Collection, Field, Record, TenantId, Timestamp, Value};
use tidewire_records::list::ListRequest;
use tidewire_rules::{Audience, Expr, Facts, Limits, Rule, Truth};

const MEMBERS: [&str; 6] = ["id", "created", "updated", "name", "system", "type"];

/// Bounds of a sort list.
const MAX_SORTS: usize = 8;
const MAX_SORT_LENGTH: usize = 255;

pub struct Found {
    pub items: Vec<Arc<Collection>>,
    /// the JSON text that follows the items
    pub tail: String,
}

/// One page of what `request` asks for; anything that cannot be understood is a bad request.
pub fn search(collections: Vec<Arc<Collection>>, request: &ListRequest) -> Result<Found, ApiError> {
    let index = Arc::new(members_collection());
    let mut rows: Vec<(Arc<Collection>, Record)> =
        collections.into_iter().map(|collection| (collection.clone(), row(&index, &collection))).collect();
    if !request.filter.is_empty() {
        let rule = resolve(&index, &request.filter)?;
        let residual = rule.bind(&Facts::default());
        let now = Timestamp::now();
        rows.retain(|(_, row)| residual.eval(row, now) == Truth::Yes);
    }
    sort(&mut rows, &request.sort)?;
    let total = (!request.skip_total).then_some(rows.len() as u64);
    let skip = request.page.saturating_sub(1).saturating_mul(request.per_page);
    let (skip, take) = (usize::try_from(skip).unwrap_or(usize::MAX), request.per_page as usize);
    let items = rows.into_iter().skip(skip).take(take).map(|(collection, _)| collection).collect();
    Ok(Found { items, tail: page_tail(request, total) })
}

fn resolve(index: &Arc<Collection>, filter: &str) -> Result<Rule, ApiError> {
    let expr = Expr::parse(filter, Limits::default()).map_err(|_| ApiError::bad_request(""))?;
    let catalog = Arc::new(Catalog::default());
    Rule::resolve(&expr, &catalog, &TenantId::default(), index, Audience::Superuser)
        .map_err(|_| ApiError::bad_request(""))
}

/// A collection whose records are collections.
fn members_collection() -> Collection {
    let kind = |name: &str| match name {
        "system" => FieldKind::Bool {},
        "created" | "updated" => FieldKind::Date(DateOptions::default()),
        _ => FieldKind::Text(TextOptions::default()),
    };
    let fields =
        MEMBERS.iter().map(|name| Field { name: (*name).into(), kind: kind(name), ..Field::default() });
    let mut collection = Collection::default();
    collection.fields = fields.collect();
    collection.index_fields();
    collection
}

fn row(index: &Arc<Collection>, collection: &Collection) -> Record {
    let mut row = Record::empty(index.clone(), TenantId::default());
    for (name, text) in [
        ("id", &*collection.id),
        ("created", &*collection.created),
        ("updated", &*collection.updated),
        ("name", &*collection.name),
        ("type", collection.kind.as_str()),
    ] {
        row.set(name, Value::text(text));
    }
    row.set("system", Value::Bool(collection.system));
    row
}

fn sort(rows: &mut [(Arc<Collection>, Record)], text: &str) -> Result<(), ApiError> {
    if text.is_empty() {
        return Ok(());
    }
    let keys = text.split(',').map(sort_key).collect::<Option<Vec<_>>>();
    let keys = keys.filter(|keys| keys.len() <= MAX_SORTS).ok_or_else(|| ApiError::bad_request(""))?;
    rows.sort_by(|(_, a), (_, b)| {
        keys.iter().fold(Ordering::Equal, |order, (name, descending)| {
            let next = compare(a.get(name), b.get(name));
            order.then(if *descending { next.reverse() } else { next })
        })
    });
    Ok(())
}

/// Name and whether it descends. Rows come in the order of creation, which is what `@rowid` means.
fn sort_key(item: &str) -> Option<(&str, bool)> {
    let item = item.trim();
    let (name, descending) = match item.strip_prefix('-') {
        Some(name) => (name, true),
        None => (item.strip_prefix('+').unwrap_or(item), false),
    };
    let known = MEMBERS.contains(&name) || name == "@random" || name == "@rowid";
    (known && item.len() <= MAX_SORT_LENGTH).then_some((name, descending))
}

fn compare(a: Option<&Value>, b: Option<&Value>) -> Ordering {
    match (a, b) {
        (Some(Value::Text(a)), Some(Value::Text(b))) => a.cmp(b),
        (Some(Value::Bool(a)), Some(Value::Bool(b))) => a.cmp(b),
        _ => Ordering::Equal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(sort: &str, page: u64, per_page: u64) -> Option<Vec<String>> {
        let named = |name: &str, system| {
            let mut collection = Collection::default();
            (collection.name, collection.system) = (name.into(), system);
            collection
        };
        let all = vec![named("b", false), named("a", true), named("c", false)];
        let request = ListRequest { page, per_page, sort: sort.into(), ..ListRequest::default() };
        let found = search(all.into_iter().map(Arc::new).collect(), &request).ok()?;
        Some(found.items.iter().map(|collection| collection.name.to_string()).collect())
    }

    #[test]
    fn definitions_are_sorted_and_paged() {
        for (sort, page, per_page, expected) in [
            ("", 1, 30, Some(vec!["b", "a", "c"])),
            ("name", 1, 30, Some(vec!["a", "b", "c"])),
            ("-name", 1, 2, Some(vec!["c", "b"])),
            ("-system,-name", 1, 30, Some(vec!["a", "c", "b"])),
            ("+name", 2, 2, Some(vec!["c"])),
            ("@rowid", 9, 30, Some(vec![])),
            ("fields", 1, 30, None),
            ("name,", 1, 30, None),
        ] {
            let expected = expected.map(|names| names.iter().map(|name| name.to_string()).collect());
            assert_eq!(names(sort, page, per_page), expected, "{sort}");
        }
    }
}
