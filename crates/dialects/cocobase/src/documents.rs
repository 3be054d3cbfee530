//! `/collections/{collection}/documents…`

use crate::body::{self, Object};
use crate::call::{Call, Deed};
use crate::collections::MISSING;
use crate::document::{self, Shape};
use crate::error::{ApiError, FORBIDDEN};
use crate::listing::{Listing, readable};
use crate::relation::{Reader, populate};
use crate::{collection, write};
use axum::response::Response;
use http::StatusCode;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use tidewire_connection::answer;
use tidewire_model::{Collection, Record};
use tidewire_records::{Asker, RecordError, view};
use tidewire_store::{Snapshot, StoreError};

const EMPTY: &str = "Document data or files are required";
pub(crate) const NOT_FOUND: &str = "Document not found";

/// `GET …/documents`; a collection that does not exist yet has none.
pub async fn list(call: Call) -> Result<Response, ApiError> {
    let Some(collection) = readable(&call)? else { return Ok(answer::json(StatusCode::OK, &json!([]))) };
    let extras = Extras::of(&call);
    let id = collection.id.clone();
    let listing = Listing::page(&call, collection);
    let shown = call.app.store.read_shortly(&id, move |snapshot| {
        let records = listing.select(snapshot)?;
        Ok::<_, ApiError>(extras.show(snapshot, listing.asker(), listing.collection(), &records)?)
    });
    Ok(answer::json(StatusCode::OK, &Json::Array(shown.await?)))
}

/// `GET …/documents/{id}`
pub async fn view(call: Call) -> Result<Response, ApiError> {
    let collection = readable(&call)?.ok_or_else(|| ApiError::not_found(MISSING))?;
    let extras = Extras::of(&call);
    let shown = call.app.store.read_here(|snapshot| {
        let record = find(snapshot, &call, &collection)?;
        Ok::<_, ApiError>(extras.show(snapshot, &call.asker, &collection, &[record])?)
    })?;
    Ok(answer::json(StatusCode::OK, &shown.into_iter().next().unwrap_or(Json::Null)))
}

/// `POST …/documents`, which makes the collection if there is none.
pub async fn create(mut call: Call) -> Result<Response, ApiError> {
    let body = call.object().await?;
    let data = body::new_document(body, &call.parts.headers);
    if call.collection_name().is_empty() {
        return Err(ApiError::invalid(&["query", "collection"], "missing", "Field required"));
    }
    call.require(Deed::Create, call.collection().as_deref())?;
    if data.is_empty() {
        return Err(ApiError::bad_request(EMPTY));
    }
    let made = write::create(&call, vec![data]).await?;
    Ok(answer::json(StatusCode::CREATED, &made.into_iter().next().unwrap_or(Json::Null)))
}

/// `PATCH …/documents/{id}`: keys of the body replace those of the document.
pub async fn update(mut call: Call) -> Result<Response, ApiError> {
    let patch = body::document(call.object().await?);
    let collection = writable(&call, Deed::Update)?;
    if patch.is_empty() {
        return Err(ApiError::bad_request("No data to update"));
    }
    let id = call.param("id").to_owned();
    let changed = write::update(&call, collection, vec![(id, patch)]).await?;
    match changed.into_iter().next() {
        Some(document) => Ok(answer::json(StatusCode::OK, &document)),
        None => Err(ApiError::not_found(NOT_FOUND)),
    }
}

/// `DELETE …/documents/{id}`
pub async fn delete(call: Call) -> Result<Response, ApiError> {
    let collection = writable(&call, Deed::Delete)?;
    let id = call.param("id").to_owned();
    if write::delete(&call, collection, vec![id.clone()]).await? == 0 {
        return Err(ApiError::not_found(NOT_FOUND));
    }
    let message = "Document deleted successfully";
    let answer = json!({ "status": "success", "message": message, "success": true, "id": id });
    Ok(answer::json(StatusCode::OK, &answer))
}

/// The collection that a write is about.
pub(crate) fn writable(call: &Call, deed: Deed) -> Result<Arc<Collection>, ApiError> {
    let found = call.collection();
    call.require(deed, found.as_deref())?;
    found.ok_or_else(|| ApiError::not_found(MISSING))
}

/// The record that the path names, if the asker may see it.
fn find(snapshot: &Snapshot<'_>, call: &Call, collection: &Arc<Collection>) -> Result<Arc<Record>, ApiError> {
    let (asker, id) = (&call.asker, call.param("id"));
    if collection.open || call.is_owner() {
        return snapshot.get(collection, &asker.tenant, id)?.ok_or_else(|| ApiError::not_found(NOT_FOUND));
    }
    match view::view(snapshot, asker, collection, id) {
        Err(RecordError::SuperusersOnly) => Err(ApiError::forbidden(FORBIDDEN)),
        other => Ok(other?),
    }
}

/// What a list or view asks for besides documents: related records, and some fields only.
struct Extras {
    populate: Vec<String>,
    select: Vec<String>,
    sees_addresses: bool,
}

impl Extras {
    fn of(call: &Call) -> Self {
        let owned = |name: &str| call.query.all(name).into_iter().map(str::to_owned).collect();
        let (populate, select) = (owned("populate"), owned("select"));
        Self { populate, select, sees_addresses: call.sees_addresses() }
    }

    fn show(
        &self,
        snapshot: &Snapshot<'_>,
        asker: &Asker,
        collection: &Collection,
        records: &[Arc<Record>],
    ) -> Result<Vec<Json>, StoreError> {
        if self.populate.is_empty() && self.select.is_empty() {
            return document::show(snapshot, asker, collection, records);
        }
        let mut data = document::data(snapshot, asker, records)?;
        let paths: Vec<&str> = self.populate.iter().map(String::as_str).collect();
        let reader = Reader { asker, sees_addresses: self.sees_addresses };
        populate(snapshot, &reader, collection, records, &mut data, &paths)?;
        let shape = Shape::of(collection);
        let shown = records.iter().zip(data).map(|(record, data)| self.flattened(&shape, record, data));
        Ok(shown.collect())
    }

    /// With the fields beside what every document has, too: clients that populate read them there.
    fn flattened(&self, shape: &Shape, record: &Record, data: Object) -> Json {
        let data = if self.select.is_empty() { data } else { self.selected(&data) };
        let mut whole = data.clone();
        if let Json::Object(document) = shape.document(record, data) {
            whole.extend(document);
        }
        Json::Object(whole)
    }

    fn selected(&self, data: &Object) -> Object {
        let mut kept = Object::new();
        let populated = self.populate.iter().filter_map(|path| path.split([':', '.']).next());
        for path in self.select.iter().map(String::as_str).chain(populated) {
            let top = path.split('.').next().unwrap_or(path);
            if let Some(value) = data.get(path) {
                kept.insert(path.to_owned(), value.clone());
            } else if let Some(value) = data.get(top) {
                kept.insert(top.to_owned(), value.clone());
            }
        }
        kept
    }
}

/// The current definition of a collection inside of a write.
pub(crate) fn current(
    tx: &tidewire_store::Tx<'_>,
    tenant: &tidewire_model::TenantId,
    collection: &Collection,
) -> Result<Arc<Collection>, ApiError> {
    let found = tx.catalog().by_id(&collection.id).filter(|found| collection::is_visible(found, tenant));
    found.cloned().ok_or_else(|| ApiError::not_found(MISSING))
}
