//! `/api/collections/{collection}/records…`

use crate::body::{self, Payload};
use crate::call::Call;
use crate::error::ApiError;
use crate::query::{MalformedValue, Query};
use crate::shape::Shape;
use crate::wire;
use axum::response::Response;
use http::StatusCode;
use serde_json::json;
use std::sync::Arc;
use tidewire_model::{Action, Collection, FieldKind};
use tidewire_records::list::ListRequest;
use tidewire_records::{Asker, Body, Prepared, RecordError, prepare};
use tidewire_store::Tx;

/// Messages for a collection that does not exist; which one depends on the route.
pub(crate) const MISSING: &str = "Missing collection context.";
pub(crate) const MISSING_OR_INVALID: &str = "Missing or invalid collection context.";
pub(crate) const CREATE_FAILED: &str = "Failed to create record.";
pub(crate) const UPDATE_FAILED: &str = "Failed to update record.";
pub(crate) const DELETE_FAILED: &str =
    "Failed to delete record. Make sure that the record is not part of a required relation reference.";

const DEFAULT_PER_PAGE: u64 = 30;
const MAX_PER_PAGE: u64 = 1000;

/// `GET …/records`
pub async fn list(call: Call) -> Result<Response, ApiError> {
    let collection = call.collection(MISSING)?;
    require_open(&collection.rules.list, &call.asker)?;
    let request = list_request(&call.query).map_err(|_| ApiError::bad_request(""))?;
    let (asker, shape) = (call.asker, Shape::of(&call.query));
    let id = collection.id.clone();
    let text = call.app.store.read_shortly(&id, move |snapshot| {
        let page = tidewire_records::list::list(snapshot, &asker, &collection, &request)?;
        let mut text = Vec::with_capacity(128 + 256 * page.items.len());
        text.extend_from_slice(b"{\"items\":[");
        shape.write_all(snapshot, &asker, &collection, &page.items, &mut text)?;
        text.extend_from_slice(page_tail(&request, page.total).as_bytes());
        Ok::<_, RecordError>(text)
    });
    Ok(wire::raw_json(StatusCode::OK, text.await?))
}

/// `GET …/records/count`
pub async fn count(call: Call) -> Result<Response, ApiError> {
    let collection = call.collection(MISSING)?;
    require_open(&collection.rules.list, &call.asker)?;
    let (asker, filter) = (call.asker.clone(), call.query.get("filter").to_owned());
    let id = collection.id.clone();
    let count = call.app.store.read_shortly(&id, move |snapshot| {
        tidewire_records::list::count(snapshot, &asker, &collection, &filter)
    });
    Ok(call.answer(&json!({ "count": count.await? })))
}

/// `GET …/records/{id}`: a point read, done on this thread.
pub async fn view(call: Call) -> Result<Response, ApiError> {
    let collection = call.collection(MISSING)?;
    require_open(&collection.rules.view, &call.asker)?;
    let shape = Shape::of(&call.query);
    let text = call.app.store.read_here(|snapshot| {
        let record = tidewire_records::view::view(snapshot, &call.asker, &collection, call.param("id"))?;
        let mut text = Vec::with_capacity(512);
        shape.write(snapshot, &call.asker, &record, &mut text)?;
        Ok::<_, RecordError>(text)
    })?;
    Ok(wire::raw_json(StatusCode::OK, text))
}

/// `POST …/records`
pub async fn create(mut call: Call) -> Result<Response, ApiError> {
    let collection = call.collection(MISSING_OR_INVALID)?;
    let body = read_record(&mut call, &collection).await?;
    require_open(&collection.rules.create, &call.asker)?;
    let prepared = prepared(&call, &collection, None, body, CREATE_FAILED).await?;
    let asker = Arc::new(call.asker);
    let (writing, name) = (asker.clone(), collection.name.clone());
    let record = call.app.store.write_shortly(Some((Action::Create, &name)), move |tx| {
        let collection = current(tx, &collection)?;
        tidewire_records::create::create(tx, &writing, &collection, &prepared)
    });
    let record = record.await.map_err(|error| ApiError::of_record(error, CREATE_FAILED))?;
    let text = Shape::of(&call.query).text(&call.app.store, asker, record).await?;
    Ok(wire::raw_json(StatusCode::OK, text))
}

/// `PATCH …/records/{id}`
pub async fn update(mut call: Call) -> Result<Response, ApiError> {
    let collection = call.collection(MISSING_OR_INVALID)?;
    let body = read_record(&mut call, &collection).await?;
    require_open(&collection.rules.update, &call.asker)?;
    let prepared = prepared(&call, &collection, Some(call.param("id")), body, UPDATE_FAILED).await?;
    let (id, asker) = (call.param("id").to_owned(), Arc::new(call.asker));
    let (writing, name) = (asker.clone(), collection.name.clone());
    let record = call.app.store.write_shortly(Some((Action::Update, &name)), move |tx| {
        let collection = current(tx, &collection)?;
        tidewire_records::update::update(tx, &writing, &collection, &id, &prepared)
    });
    let record = record.await.map_err(|error| ApiError::of_record(error, UPDATE_FAILED))?;
    let text = Shape::of(&call.query).text(&call.app.store, asker, record).await?;
    Ok(wire::raw_json(StatusCode::OK, text))
}

/// `DELETE …/records/{id}`
pub async fn delete(call: Call) -> Result<Response, ApiError> {
    let collection = call.collection(MISSING)?;
    require_open(&collection.rules.delete, &call.asker)?;
    let (asker, id) = (call.asker.clone(), call.param("id").to_owned());
    let deleted = call.app.store.write(move |tx| {
        let collection = current(tx, &collection)?;
        tidewire_records::delete::delete(tx, &asker, &collection, &id)
    });
    deleted.await.map_err(|error| ApiError::of_record(error, DELETE_FAILED))?;
    Ok(wire::no_content())
}

/// Refuses everybody but superusers where the rule is null, before anything costly is done.
pub(crate) fn require_open(rule: &Option<Box<str>>, asker: &Asker) -> Result<(), ApiError> {
    if rule.is_some() || asker.principal.is_superuser() {
        return Ok(());
    }
    Err(RecordError::SuperusersOnly.into())
}

/// The definition as the writer sees it: it may have changed since the request was looked at.
pub(crate) fn current(tx: &Tx<'_>, collection: &Collection) -> Result<Arc<Collection>, RecordError> {
    tx.catalog().by_id(&collection.id).cloned().ok_or(RecordError::NotFound)
}

/// Page, size and the rest of a list's options, clamped.
pub(crate) fn list_request(query: &Query) -> Result<ListRequest, MalformedValue> {
    let skip_total = query.flag("skipTotal")?.unwrap_or(false);
    let page = query.integer("page")?.unwrap_or(1).max(1).unsigned_abs();
    let per_page = match query.integer("perPage")?.unwrap_or(0) {
        ..=0 => DEFAULT_PER_PAGE,
        size => size.unsigned_abs().min(MAX_PER_PAGE),
    };
    let (filter, sort) = (query.get("filter").to_owned(), query.get("sort").to_owned());
    Ok(ListRequest { page, per_page, filter, sort, skip_total })
}

/// What follows the items of a list.
pub(crate) fn page_tail(request: &ListRequest, total: Option<u64>) -> String {
    let ListRequest { page, per_page, .. } = request;
    let (items, pages) = match total {
        Some(total) => (total.to_string(), total.div_ceil(*per_page).to_string()),
        None => ("-1".to_owned(), "-1".to_owned()),
    };
    format!("],\"page\":{page},\"perPage\":{per_page},\"totalItems\":{items},\"totalPages\":{pages}}}")
}

async fn read_record(call: &mut Call, collection: &Collection) -> Result<Body, ApiError> {
    let payload = call.read_body(body_limit(collection)).await.map_err(|error| error.or_unsupported(""))?;
    refuse_files(&payload, collection)?;
    payload.into_map().map_err(|error| error.or(""))
}

/// Large fields widen the limit of their collection.
fn body_limit(collection: &Collection) -> usize {
    let or = |size: u64, default: usize| {
        if size == 0 { default } else { usize::try_from(size).unwrap_or(default) }
    };
    let sizes = collection.fields.iter().map(|field| match &field.kind {
        FieldKind::Json(options) => or(options.max_size, 1 << 20),
        FieldKind::Editor(options) => or(options.max_size, 5 << 20),
        _ => 0,
    });
    sizes.fold(body::LIMIT, usize::saturating_add)
}

fn refuse_files(payload: &Payload, collection: &Collection) -> Result<(), ApiError> {
    let names_file = |name: &String| {
        let name = name.trim_start_matches('+').trim_end_matches('+');
        matches!(collection.field(name), Some(field) if matches!(field.kind, FieldKind::File(_)))
    };
    if payload.files().iter().any(names_file) {
        return Err(ApiError::unsupported("File uploads"));
    }
    Ok(())
}

async fn prepared(
    call: &Call,
    collection: &Arc<Collection>,
    id: Option<&str>,
    body: Body,
    failure: &str,
) -> Result<Prepared, ApiError> {
    let (store, passwords) = (&call.app.store, &call.app.passwords);
    let prepared = prepare::prepare(store, passwords, &call.asker, collection, id, body).await;
    prepared.map_err(|error| ApiError::of_record(error, failure))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_clamped() {
        for (raw, expected) in [
            ("", Some((1, 30))),
            ("page=0&perPage=0", Some((1, 30))),
            ("page=-5&perPage=-1", Some((1, 30))),
            ("page=3&perPage=1001", Some((3, 1000))),
            ("page=1.5", None),
            ("perPage=abc", None),
            ("skipTotal=yes", None),
        ] {
            let request = list_request(&Query::parse(raw)).ok();
            assert_eq!(request.map(|request| (request.page, request.per_page)), expected, "{raw}");
        }
    }

    #[test]
    fn totals_follow_the_items() {
        let request = ListRequest { page: 1, per_page: 30, ..ListRequest::default() };
        for (total, expected) in [
            (Some(0), r#"],"page":1,"perPage":30,"totalItems":0,"totalPages":0}"#),
            (Some(31), r#"],"page":1,"perPage":30,"totalItems":31,"totalPages":2}"#),
            (None, r#"],"page":1,"perPage":30,"totalItems":-1,"totalPages":-1}"#),
        ] {
            assert_eq!(page_tail(&request, total), expected);
        }
    }
}
