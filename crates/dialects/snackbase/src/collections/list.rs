use crate::call::Call;
use crate::collections::all;
use crate::collections::schema::own_fields;
use crate::collections::show::table_name;
use crate::error::ApiError;
use crate::records::page::whole;
use crate::wire::{self, naive_time};
use axum::response::Response;
use serde::Serialize;
use std::cmp::Ordering;
use std::sync::Arc;
use tidewire_model::{Collection, Timestamp};
use tidewire_rules::Query;
use tidewire_store::StoreError;

const DEFAULT_PAGE_SIZE: u64 = 25;
const MAX_PAGE_SIZE: u64 = 100;

#[derive(Serialize)]
struct Listed {
    id: Box<str>,
    name: Box<str>,
    table_name: String,
    fields_count: usize,
    records_count: u64,
    has_public_access: bool,
    created_at: String,
}

#[derive(Serialize)]
struct Page {
    items: Vec<Listed>,
    total: u64,
    page: u64,
    page_size: u64,
    total_pages: u64,
}

#[derive(Serialize)]
struct Names {
    names: Vec<Box<str>>,
    total: usize,
}

/// `GET /collections`
pub async fn list(call: Call) -> Result<Response, ApiError> {
    call.superadmin()?;
    let page = whole(call.query("page"), "page", 1, (1, u64::from(u32::MAX)))?;
    let page_size = whole(call.query("page_size"), "page_size", DEFAULT_PAGE_SIZE, (1, MAX_PAGE_SIZE))?;
    let search = call.query("search").unwrap_or("").to_lowercase();
    let mut found = all(&call);
    found.retain(|collection| collection.name.to_lowercase().contains(&search));
    sort(&mut found, call.query("sort_by").unwrap_or(""), call.query("sort_order") == Some("asc"));
    let total = found.len() as u64;
    let skip = usize::try_from((page - 1).saturating_mul(page_size)).unwrap_or(usize::MAX);
    let shown: Vec<_> = found.into_iter().skip(skip).take(page_size as usize).collect();
    let items = call.app.store.read(move |snapshot| {
        let count = |collection: &Arc<Collection>| {
            snapshot.count(&Query::of_all_tenants(collection, Timestamp::now()))
        };
        shown
            .iter()
            .map(|collection| Ok(listed(collection, count(collection)?)))
            .collect::<Result<_, StoreError>>()
    });
    let total_pages = total.div_ceil(page_size);
    Ok(wire::ok(&Page { items: items.await?, total, page, page_size, total_pages }))
}

/// `GET /collections/names`
pub async fn names(call: Call) -> Result<Response, ApiError> {
    call.superadmin()?;
    let mut names: Vec<Box<str>> = all(&call).iter().map(|collection| collection.name.clone()).collect();
    names.sort();
    Ok(wire::ok(&Names { total: names.len(), names }))
}

fn listed(collection: &Collection, records_count: u64) -> Listed {
    let rules = &collection.rules;
    let all = [&rules.list, &rules.view, &rules.create, &rules.update, &rules.delete];
    Listed {
        id: collection.id.clone(),
        name: collection.name.clone(),
        table_name: table_name(collection),
        fields_count: own_fields(collection).count(),
        records_count,
        has_public_access: all.into_iter().any(|rule| rule.as_deref() == Some("")),
        created_at: naive_time(&collection.created),
    }
}

/// Newest first unless told otherwise.
fn sort(list: &mut [Arc<Collection>], by: &str, ascending: bool) {
    let compare = |a: &Arc<Collection>, b: &Arc<Collection>| match by {
        "name" => a.name.cmp(&b.name),
        "updated_at" => a.updated.cmp(&b.updated),
        "fields_count" => own_fields(a).count().cmp(&own_fields(b).count()),
        _ => Ordering::Equal,
    };
    if ascending {
        list.sort_by(compare);
    } else {
        list.reverse();
        list.sort_by(|a, b| compare(b, a));
    }
}
