//! `/api/collections…` for superusers.

use crate::body::{self, Payload};
use crate::call::Call;
use crate::directory;
use crate::error::ApiError;
use crate::records::list_request;
use crate::wire;
use axum::response::Response;
use serde_json::{Map, Value as Json, json};
use std::sync::Arc;
use tidewire_model::{Collection, CollectionKind, TenantId};
use tidewire_records::collections::{scaffold, show};
use tidewire_records::{Body, RecordError};

/// PocketBase's order of the members of a definition.
const ORDER: [&str; 29] = [
    "id",
    "listRule",
    "viewRule",
    "createRule",
    "updateRule",
    "deleteRule",
    "name",
    "type",
    "fields",
    "indexes",
    "created",
    "updated",
    "system",
    "viewQuery",
    "authRule",
    "manageRule",
    "authAlert",
    "oauth2",
    "passwordAuth",
    "mfa",
    "otp",
    "authToken",
    "passwordResetToken",
    "emailChangeToken",
    "verificationToken",
    "fileToken",
    "verificationTemplate",
    "resetPasswordTemplate",
    "confirmEmailChangeTemplate",
];

const CREATE_FAILED: &str = "Failed to create collection.";
const UPDATE_FAILED: &str = "Failed to update collection.";
const IMPORT_FAILED: &str = "Failed to import collections.";
const TRUNCATE_FAILED: &str =
    "Failed to truncate collection (most likely due to required cascade delete record references).";
const MALFORMED: &str = "Failed to load the submitted data due to invalid formatting.";
const MALFORMED_TYPE: &str = "Failed to load the collection type data due to invalid formatting.";

/// `GET /api/collections`
pub async fn list(call: Call) -> Result<Response, ApiError> {
    call.require_superuser()?;
    let request = list_request(&call.query).map_err(|_| ApiError::bad_request(""))?;
    let catalog = call.catalog();
    let visible = catalog.all().iter().filter(|collection| {
        let within_reach = collection.owner.as_ref().is_none_or(|owner| *owner == call.asker.tenant);
        within_reach && !collection.internal
    });
    let page = directory::search(visible.cloned().collect(), &request)?;
    let fields = call.fields();
    let items = page.items.iter().map(|collection| match &fields {
        Some(fields) => {
            json_text(|out| wire::write_in_order(out, &object(fields.pick(&show(collection))), &[]))
        }
        None => json_text(|out| wire::write_in_order(out, &object(show(collection)), &ORDER)),
    });
    let text = format!("{{\"items\":[{}{}", items.collect::<Vec<_>>().join(","), page.tail);
    Ok(wire::raw_json(http::StatusCode::OK, text.into_bytes()))
}

/// `GET /api/collections/{collection}`
pub async fn view(call: Call) -> Result<Response, ApiError> {
    call.require_superuser()?;
    let collection = call.collection("")?;
    Ok(answer(&call, &collection))
}

/// `POST /api/collections`: a superuser's collections are the instance's, whatever tenant they work in.
pub async fn create(mut call: Call) -> Result<Response, ApiError> {
    call.require_superuser()?;
    let body = settle_name_and_type(read_definition(&mut call, MALFORMED_TYPE).await?)?;
    let tenant = TenantId::default();
    let created = call.app.store.write(move |tx| tidewire_records::collections::create(tx, &tenant, &body));
    let collection = created.await.map_err(|error| refusal(error, CREATE_FAILED))?;
    Ok(answer(&call, &collection))
}

/// `PATCH /api/collections/{collection}`
pub async fn update(mut call: Call) -> Result<Response, ApiError> {
    call.require_superuser()?;
    let collection = call.collection("")?;
    let body = read_definition(&mut call, MALFORMED).await?;
    let tenant = call.asker.tenant.clone();
    let updated = call.app.store.write(move |tx| {
        let collection = crate::records::current(tx, &collection)?;
        tidewire_records::collections::update(tx, &tenant, &collection, &body)
    });
    let collection = updated.await.map_err(|error| refusal(error, UPDATE_FAILED))?;
    Ok(answer(&call, &collection))
}

/// `DELETE /api/collections/{collection}`
pub async fn delete(call: Call) -> Result<Response, ApiError> {
    call.require_superuser()?;
    let collection = call.collection("")?;
    let deleted = {
        let collection = collection.clone();
        call.app.store.write(move |tx| {
            let collection = crate::records::current(tx, &collection)?;
            tidewire_records::collections::delete(tx, &collection)
        })
    };
    match deleted.await {
        Ok(()) => Ok(wire::no_content()),
        Err(RecordError::Referenced) => Err(referenced(&call, &collection)),
        Err(error) => Err(refusal(error, "Failed to delete collection.")),
    }
}

/// `DELETE /api/collections/{collection}/truncate`
pub async fn truncate(call: Call) -> Result<Response, ApiError> {
    call.require_superuser()?;
    let collection = call.collection("")?;
    let asker = call.asker.clone();
    let emptied = call.app.store.write(move |tx| {
        let collection = crate::records::current(tx, &collection)?;
        tidewire_records::delete::truncate(tx, &asker, &collection)
    });
    match emptied.await {
        Ok(()) => Ok(wire::no_content()),
        Err(RecordError::Referenced) => Err(ApiError::bad_request(TRUNCATE_FAILED)),
        Err(error) => Err(refusal(error, TRUNCATE_FAILED)),
    }
}

/// `PUT /api/collections/import`
pub async fn import(mut call: Call) -> Result<Response, ApiError> {
    call.require_superuser()?;
    let malformed = "An error occurred while loading the submitted data.";
    let fixed = call.read_body(body::LIMIT).await.and_then(Payload::into_fixed);
    let fixed = fixed.map_err(|error| error.or(malformed))?;
    let delete_missing = fixed.flag("deleteMissing").map_err(|error| error.or(malformed))?.unwrap_or(false);
    let definitions = match fixed.json("collections") {
        Some(Json::Array(items)) => items.iter().map(|item| item.as_object().cloned()).collect(),
        Some(_) => None,
        None => Some(Vec::new()),
    };
    let definitions: Vec<Body> = definitions.ok_or_else(|| ApiError::bad_request(malformed))?;
    if definitions.is_empty() {
        let error = ApiError::bad_request("An error occurred while validating the submitted data.");
        return Err(error.with_fault("collections", "validation_required", "Cannot be blank."));
    }
    let tenant = TenantId::default();
    let imported = call
        .app
        .store
        .write(move |tx| tidewire_records::collections::import(tx, &tenant, &definitions, delete_missing));
    imported.await.map_err(import_refusal)?;
    Ok(wire::no_content())
}

/// `GET /api/collections/meta/scaffolds`
pub async fn scaffolds(call: Call) -> Result<Response, ApiError> {
    call.require_superuser()?;
    Ok(call.answer(&json!({
        "auth": scaffold(CollectionKind::Auth),
        "base": scaffold(CollectionKind::Base),
        "view": scaffold(CollectionKind::View),
    })))
}

async fn read_definition(call: &mut Call, malformed: &str) -> Result<Body, ApiError> {
    let body = call.read_body(body::LIMIT).await.and_then(Payload::into_map);
    body.map_err(|error| error.or(malformed))
}

/// In a create, `name` and `type` match in any case and must be texts.
fn settle_name_and_type(body: Body) -> Result<Body, ApiError> {
    let settle = |(name, value): (String, Json)| {
        let known = ["name", "type"].into_iter().find(|known| known.eq_ignore_ascii_case(&name));
        match (known, &value) {
            (Some(known), Json::String(_) | Json::Null) => Ok((known.to_owned(), value)),
            (Some(_), _) => Err(ApiError::bad_request(MALFORMED_TYPE)),
            (None, _) => Ok((name, value)),
        }
    };
    body.into_iter().map(settle).collect()
}

fn answer(call: &Call, collection: &Collection) -> Response {
    call.answer_in_order(&show(collection), &ORDER)
}

fn refusal(error: RecordError, failure: &str) -> ApiError {
    match error {
        RecordError::BadRequest(sentence) => ApiError::bad_request(&sentence),
        other => ApiError::of_record(other, failure),
    }
}

fn import_refusal(error: RecordError) -> ApiError {
    match error {
        error @ (RecordError::Invalid(_) | RecordError::Store(_)) => {
            ApiError::of_record(error, IMPORT_FAILED)
        }
        other => ApiError::bad_request(IMPORT_FAILED).with_fault(
            "collections",
            "validation_collections_import_failure",
            &format!("Failed to import the collections configuration. Raw error:\n{other}"),
        ),
    }
}

fn referenced(call: &Call, collection: &Arc<Collection>) -> ApiError {
    let catalog = call.catalog();
    let mut names: Vec<&str> = Vec::new();
    for (other, _) in catalog.references_to(&collection.id) {
        if other.id != collection.id && !names.contains(&&*other.name) {
            names.push(&other.name);
        }
    }
    let names = names.join(", ");
    ApiError::bad_request(&format!(
        "Failed to delete collection probably due to existing reference in {names}"
    ))
}

fn object(json: Json) -> Map<String, Json> {
    match json {
        Json::Object(map) => map,
        _ => Map::new(),
    }
}

fn json_text(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::with_capacity(1024);
    write(&mut out);
    String::from_utf8(out).unwrap_or_default()
}
