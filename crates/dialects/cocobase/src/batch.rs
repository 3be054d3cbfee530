//! `/collections/{collection}/batch/documents…`

use crate::body::{Object, unwrapped};
use crate::call::{Call, Deed};
use crate::documents::writable;
use crate::error::ApiError;
use crate::write;
use axum::response::Response;
use http::StatusCode;
use serde_json::{Value as Json, json};
use tidewire_connection::answer;

/// documents of one batch
const MAX: usize = 1000;

/// `POST …/create`: empty documents are left out.
pub async fn create(mut call: Call) -> Result<Response, ApiError> {
    let mut body = call.object().await?;
    call.require(Deed::Create, call.collection().as_deref())?;
    let items = list(&mut body, "documents")?;
    let mut documents = Vec::with_capacity(items.len());
    for item in items {
        let Json::Object(document) = item else {
            return Err(ApiError::invalid(
                &["body", "documents"],
                "dict_type",
                "Input should be a valid dictionary",
            ));
        };
        documents.push(unwrapped(document));
    }
    documents.retain(|document| !document.is_empty());
    if documents.is_empty() {
        return Err(ApiError::bad_request("No documents provided"));
    }
    Ok(answer::json(StatusCode::OK, &Json::Array(write::create(&call, documents).await?)))
}

/// `POST …/update`: `{"updates": {id: {…}}}`.
pub async fn update(mut call: Call) -> Result<Response, ApiError> {
    let updates = read_updates(&mut call.object().await?)?;
    let collection = writable(&call, Deed::Update)?;
    let changed = write::update(&call, collection, updates).await?;
    Ok(answer::json(StatusCode::OK, &Json::Array(changed)))
}

/// `PATCH …`: `{"updates": [{"id", …}]}`, which is answered by a number.
pub async fn update_list(mut call: Call) -> Result<Response, ApiError> {
    let updates = read_updates(&mut call.object().await?)?;
    let collection = writable(&call, Deed::Update)?;
    let changed = write::update(&call, collection, updates).await?;
    Ok(answer::json(StatusCode::OK, &json!({ "updated": changed.len() })))
}

/// `POST …/delete` with `document_ids`, or `DELETE …` with `ids`.
pub async fn delete(mut call: Call) -> Result<Response, ApiError> {
    let mut body = call.object().await?;
    let key = if body.contains_key("ids") { "ids" } else { "document_ids" };
    let ids = list(&mut body, key)?;
    let ids: Option<Vec<String>> = ids.into_iter().map(|id| id.as_str().map(str::to_owned)).collect();
    let ids = ids
        .ok_or_else(|| ApiError::invalid(&["body", key], "string_type", "Input should be a valid string"))?;
    let collection = writable(&call, Deed::Delete)?;
    let count = write::delete(&call, collection, ids).await?;
    let message = format!("Deleted {count} documents");
    let answer = json!({ "status": "success", "message": message, "count": count, "deleted": count });
    Ok(answer::json(StatusCode::OK, &answer))
}

fn list(body: &mut Object, key: &str) -> Result<Vec<Json>, ApiError> {
    match body.remove(key) {
        Some(Json::Array(items)) if items.len() > MAX => {
            Err(ApiError::bad_request(&format!("A batch has at most {MAX} documents")))
        }
        Some(Json::Array(items)) if !items.is_empty() => Ok(items),
        Some(Json::Array(_)) => Err(ApiError::bad_request("No documents provided")),
        _ => Err(ApiError::invalid(&["body", key], "list_type", "Input should be a valid list")),
    }
}

fn read_updates(body: &mut Object) -> Result<Vec<(String, Object)>, ApiError> {
    let invalid =
        || ApiError::invalid(&["body", "updates"], "dict_type", "Input should be documents by their ids");
    let updates = body.remove("updates").unwrap_or_else(|| Json::Object(std::mem::take(body)));
    let mut all = Vec::new();
    match updates {
        Json::Object(updates) => {
            for (id, patch) in updates {
                let Json::Object(patch) = patch else { return Err(invalid()) };
                all.push((id, unwrapped(patch)));
            }
        }
        Json::Array(updates) => {
            for update in updates {
                let Json::Object(mut patch) = update else { return Err(invalid()) };
                let Some(Json::String(id)) = patch.remove("id") else { return Err(invalid()) };
                all.push((id, unwrapped(patch)));
            }
        }
        _ => return Err(invalid()),
    }
    if all.is_empty() {
        return Err(ApiError::bad_request("No documents provided"));
    }
    if all.len() > MAX {
        return Err(ApiError::bad_request(&format!("A batch has at most {MAX} documents")));
    }
    Ok(all)
}
