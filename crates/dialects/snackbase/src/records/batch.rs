//! Up to a hundred writes of one kind that are done together or not at all, in the order of the request.

use crate::call::Call;
use crate::error::{ApiError, Detail};
use crate::record_json::Unset;
use crate::records::answer::written;
use crate::records::check::Purpose;
use crate::records::create::enter_account;
use crate::records::refusal;
use crate::records::scope::{Operation, Scope, object};
use crate::wire;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use tidewire_model::Record;
use tidewire_records::{Asker, Body, Prepared, RecordError};
use tidewire_store::{StoreError, Tx};

const WRITES_MAX: usize = 100;

/// `POST /records/{collection}/batch`
pub async fn create(mut call: Call) -> Result<Response, ApiError> {
    let scope = Scope::open(&call, Operation::Create)?;
    let items = items(&mut call, "records").await?;
    let mut bodies = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        let mut scope = scope.clone();
        let mut body = object(Some(item))?;
        enter_account(&call, &mut scope, &mut body)?;
        check(&scope, &mut body, Purpose::Create, index)?;
        bodies.push((scope.asker, Prepared::from(body)));
    }
    let writing = scope.clone();
    let records = call.app.store.write(move |tx| {
        each(bodies, |(asker, prepared)| {
            let collection = writing.current(tx)?;
            tidewire_records::create::create(tx, &asker, &collection, &prepared)
        })
    });
    let records = records.await.map_err(refuse)?;
    Ok(wire::raw_json(StatusCode::CREATED, write_all("created", &scope.asker, &records, Unset::Absent)))
}

/// `PATCH /records/{collection}/batch`
pub async fn change(mut call: Call) -> Result<Response, ApiError> {
    let scope = Scope::open(&call, Operation::Update)?;
    let items = items(&mut call, "records").await?;
    let mut changes = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        let mut item = object(Some(item))?;
        let id = text(item.remove("id"), &["body", "records", "id"])?;
        let mut body = object(item.remove("data"))?;
        check(&scope, &mut body, Purpose::Change, index)?;
        changes.push((id, Prepared::from(body)));
    }
    let writing = scope.clone();
    let records = call.app.store.write(move |tx| {
        each(changes, |(id, prepared)| {
            let collection = writing.current(tx)?;
            let asker = writing.asker_for(tx, &id)?;
            tidewire_records::update::update(tx, &asker, &collection, &id, &prepared)
        })
    });
    let records = records.await.map_err(refuse)?;
    Ok(wire::raw_json(StatusCode::OK, write_all("updated", &scope.asker, &records, Unset::Null)))
}

/// `DELETE /records/{collection}/batch`
pub async fn delete(mut call: Call) -> Result<Response, ApiError> {
    #[derive(Serialize)]
    struct Deleted {
        deleted: Vec<String>,
        count: usize,
    }
    let scope = Scope::open(&call, Operation::Delete)?;
    let items = items(&mut call, "ids").await?.into_iter();
    let ids = items.map(|item| text(Some(item), &["body", "ids"])).collect::<Result<Vec<_>, _>>()?;
    let deleted = call.app.store.write(move |tx| {
        each(ids, |id| {
            delete_one(tx, &scope, &id)?;
            Ok(id)
        })
    });
    let deleted = deleted.await.map_err(refuse)?;
    Ok(wire::ok(&Deleted { count: deleted.len(), deleted }))
}

fn delete_one(tx: &mut Tx<'_>, scope: &Scope, id: &str) -> Result<(), RecordError> {
    let collection = scope.current(tx)?;
    let asker = scope.asker_for(tx, id)?;
    tidewire_records::delete::delete(tx, &asker, &collection, id)
}

/// Which write of a batch was refused, and why.
struct Refused {
    index: usize,
    error: RecordError,
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self { index: 0, error: error.into() }
    }
}

fn each<T, R>(items: Vec<T>, mut write: impl FnMut(T) -> Result<R, RecordError>) -> Result<Vec<R>, Refused> {
    let numbered = items.into_iter().enumerate();
    numbered.map(|(index, item)| write(item).map_err(|error| Refused { index, error })).collect()
}

async fn items(call: &mut Call, name: &str) -> Result<Vec<Json>, ApiError> {
    let mut body = object(call.json().await?)?;
    let items = match body.remove(name) {
        Some(Json::Array(items)) => items,
        Some(other) => {
            return Err(model_fault("list_type", &["body", name], "Input should be a valid list", other));
        }
        None => return Err(model_fault("missing", &["body", name], "Field required", Json::Object(body))),
    };
    if items.is_empty() {
        let text = "List should have at least 1 item after validation, not 0";
        return Err(model_fault("too_short", &["body", name], text, json!([])));
    }
    if items.len() > WRITES_MAX {
        let text = format!("Batch size {} exceeds the maximum of {WRITES_MAX}", items.len());
        return Err(ApiError::message(StatusCode::BAD_REQUEST, "batch_too_large", &text));
    }
    Ok(items)
}

fn text(json: Option<Json>, place: &[&str]) -> Result<String, ApiError> {
    match json {
        Some(Json::String(text)) => Ok(text),
        None => Err(model_fault("missing", place, "Field required", Json::Null)),
        Some(other) => Err(model_fault("string_type", place, "Input should be a valid string", other)),
    }
}

fn model_fault(kind: &str, place: &[&str], message: &str, input: Json) -> ApiError {
    ApiError::unprocessable(&[json!({ "type": kind, "loc": place, "msg": message, "input": input })])
}

fn check(scope: &Scope, body: &mut Body, purpose: Purpose, index: usize) -> Result<(), ApiError> {
    scope.permit_body(body, purpose)?;
    let faults = scope.faults(body, purpose);
    if faults.is_empty() { Ok(()) } else { Err(invalid(index, &faults)) }
}

fn invalid(index: usize, details: &[Detail]) -> ApiError {
    #[derive(Serialize)]
    struct Faults<'a> {
        error: &'static str,
        index: usize,
        details: &'a [Detail],
    }
    ApiError::new(StatusCode::BAD_REQUEST, Faults { error: "validation_error", index, details })
}

fn refuse(Refused { index, error }: Refused) -> ApiError {
    match error {
        RecordError::Invalid(faults) if refusal::conflict(&faults).is_none() => {
            invalid(index, &refusal::details(&faults))
        }
        RecordError::NotFound => {
            let text = format!("Record at index {index} not found");
            ApiError::message(StatusCode::NOT_FOUND, "not_found", &text)
        }
        other => refusal::of(other),
    }
}

fn write_all(name: &str, asker: &Asker, records: &[Arc<Record>], unset: Unset) -> Vec<u8> {
    let mut text = format!("{{\"{name}\":[").into_bytes();
    for (index, record) in records.iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        written(asker, record, unset, &mut text);
    }
    text.extend_from_slice(format!("],\"count\":{}}}", records.len()).as_bytes());
    text
}
