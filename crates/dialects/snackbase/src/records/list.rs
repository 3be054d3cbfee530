use crate::call::Call;
use crate::error::ApiError;
use crate::records::answer::Writer;
use crate::records::cursor::Cursor;
use crate::records::page::PageRequest;
use crate::records::refusal;
use crate::records::scope::{Operation, Scope};
use crate::wire;
use axum::response::Response;
use http::StatusCode;
use std::sync::Arc;
use tidewire_model::{Record, json};
use tidewire_records::RecordError;
use tidewire_records::formulas::Formulas;
use tidewire_records::list::{Selection, select};
use tidewire_store::Snapshot;

/// `GET /records/{collection}`
pub async fn list(call: Call) -> Result<Response, ApiError> {
    let scope = Scope::open(&call, Operation::List)?;
    let request = PageRequest::read(&scope.collection, &call)?;
    let id = scope.collection.id.clone();
    let text = call.app.store.read_shortly(&id, move |snapshot| match &request.cursor {
        None => by_number(snapshot, &scope, &request),
        Some(cursor) => by_place(snapshot, &scope, &request, cursor),
    });
    Ok(wire::raw_json(StatusCode::OK, text.await.map_err(refusal::of_filter)?))
}

/// A page by how many records come before it.
fn by_number(snapshot: &Snapshot<'_>, scope: &Scope, request: &PageRequest) -> Result<Vec<u8>, RecordError> {
    let PageRequest { skip, limit, .. } = *request;
    let selection = Selection {
        filter: &request.filter,
        sort: &request.sort,
        offset: skip,
        limit,
        total: true,
        everywhere: true,
        place: "",
    };
    let page = select(snapshot, &scope.asker, &scope.collection, &selection)?;
    let mut text = write_items(snapshot, scope, request, &page.items)?;
    let total = page.total.unwrap_or(0);
    text.extend_from_slice(format!(",\"total\":{total},\"skip\":{skip},\"limit\":{limit}}}").as_bytes());
    Ok(text)
}

/// A page before or behind a place.
fn by_place(
    snapshot: &Snapshot<'_>,
    scope: &Scope,
    request: &PageRequest,
    cursor: &Cursor,
) -> Result<Vec<u8>, RecordError> {
    let (sort, place) = (cursor.sort(), cursor.condition());
    let selection = Selection {
        filter: &request.filter,
        sort: &sort,
        offset: 0,
        limit: request.limit + 1,
        total: request.include_count,
        everywhere: true,
        place: &place,
    };
    let page = select(snapshot, &scope.asker, &scope.collection, &selection)?;
    let mut items = page.items;
    let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    if cursor.backwards {
        items.reverse();
    }
    let mut text = write_items(snapshot, scope, request, &items)?;
    let (before, behind) =
        if cursor.backwards { (more, !cursor.is_open()) } else { (!cursor.is_open(), more) };
    let formulas = Formulas::of(snapshot.catalog(), &scope.collection);
    let at = |record: &Arc<Record>| cursor.at(record, &formulas);
    write_cursor("next_cursor", items.last().filter(|_| behind).map(at), &mut text);
    write_cursor("prev_cursor", items.first().filter(|_| before).map(at), &mut text);
    let total = page.total.map_or("null".to_owned(), |total| total.to_string());
    text.extend_from_slice(format!(",\"has_more\":{more},\"total\":{total}}}").as_bytes());
    Ok(text)
}

fn write_items(
    snapshot: &Snapshot<'_>,
    scope: &Scope,
    request: &PageRequest,
    items: &[Arc<Record>],
) -> Result<Vec<u8>, RecordError> {
    let mut text = Vec::with_capacity(128 + 384 * items.len());
    text.extend_from_slice(b"{\"items\":[");
    let writer = Writer::of_list(snapshot, &scope.asker, &scope.collection, request.fields.as_deref());
    writer.write_all(items, &request.expand, &mut text)?;
    text.push(b']');
    Ok(text)
}

fn write_cursor(name: &str, cursor: Option<String>, out: &mut Vec<u8>) {
    out.extend_from_slice(format!(",\"{name}\":").as_bytes());
    match cursor {
        Some(cursor) => json::write_text(out, &cursor, json::Escape::Minimal),
        None => out.extend_from_slice(b"null"),
    }
}
