//! `POST /api/batch`: several record requests in one transaction.

use crate::body::{BodyError, Fixed};
use crate::call::Call;
use crate::error::ApiError;
use crate::fault::{blank, too_long};
use crate::operation::{Operation, Prepared};
use crate::wire;
use axum::response::Response;
use http::StatusCode;
use serde_json::{Map, Value as Json, json};
use std::time::{Duration, Instant};
use tidewire_records::error::{Fault, FieldErrors};
use tidewire_records::settings::Settings;
use tidewire_store::{StoreError, Tx};

/// Bytes of a body, unless the settings say otherwise.
const LIMIT: usize = 128 << 20;
/// How long the transaction may run, unless the settings say otherwise.
const TIMEOUT: Duration = Duration::from_secs(3);
const FAILED: &str = "Batch transaction failed.";

pub async fn batch(mut call: Call) -> Result<Response, ApiError> {
    let settings = Settings::load(&call.app.store)?;
    if !settings.batch_enabled || settings.batch_max_requests == 0 {
        return Err(ApiError::forbidden("Batch requests are not allowed."));
    }
    let payload = call.read_body(body_limit(&settings)).await;
    let operations =
        payload
            .and_then(|payload| {
                if payload.files().is_empty() { payload.into_fixed() } else { Err(BodyError::Unsupported) }
            })
            .and_then(|fixed| read_operations(&fixed))
            .map_err(|error| error.or("Failed to read the submitted batch data."))?;
    check(&operations, settings.batch_max_requests)?;
    let mut prepared = Vec::with_capacity(operations.len());
    for (index, operation) in operations.into_iter().enumerate() {
        prepared.push(operation.prepare(&call).await.map_err(|error| failure(index, &error))?);
    }
    let longest = timeout(&settings);
    let text =
        call.app.store.write(move |tx| run(tx, prepared, longest)).await.map_err(|refusal| refusal.0)?;
    match call.fields() {
        Some(fields) => {
            let results = serde_json::from_slice(&text).unwrap_or(Json::Null);
            Ok(wire::json(StatusCode::OK, &fields.pick(&results)))
        }
        None => Ok(wire::raw_json(StatusCode::OK, text)),
    }
}

/// Why the whole transaction is undone.
struct Refusal(ApiError);

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self(error.into())
    }
}

fn run(tx: &mut Tx<'_>, operations: Vec<Prepared>, longest: Duration) -> Result<Vec<u8>, Refusal> {
    let deadline = Instant::now() + longest;
    let mut text = vec![b'['];
    for (index, operation) in operations.into_iter().enumerate() {
        if Instant::now() > deadline {
            return Err(Refusal(ApiError::bad_request(FAILED)));
        }
        if index > 0 {
            text.push(b',');
        }
        operation.run(tx, &mut text).map_err(|error| Refusal(failure(index, &error)))?;
    }
    text.push(b']');
    Ok(text)
}

fn failure(index: usize, error: &ApiError) -> ApiError {
    let item = json!({
        "code": "batch_request_failed",
        "message": "Batch request failed.",
        "response": error.to_json(),
    });
    let mut refusal = ApiError::bad_request(FAILED);
    let requests = Map::from_iter([(index.to_string(), item)]);
    refusal.data.insert("requests".to_owned(), Json::Object(requests));
    refusal
}

fn read_operations(fixed: &Fixed) -> Result<Vec<Operation>, BodyError> {
    match fixed.json("requests") {
        None => Ok(Vec::new()),
        Some(Json::Array(items)) => items.iter().map(Operation::read).collect(),
        Some(_) => Err(BodyError::Malformed),
    }
}

fn check(operations: &[Operation], max: usize) -> Result<(), ApiError> {
    let fault = match operations.len() {
        0 => blank(),
        count if count > max => too_long(max),
        _ => {
            let faults = operations.iter().map(Operation::faults).enumerate();
            let faults = faults.filter(|(_, faults)| !faults.0.is_empty());
            let named = faults.map(|(index, faults)| (index.to_string(), Fault::Nested(faults)));
            Fault::Nested(FieldErrors(named.collect()))
        }
    };
    if matches!(&fault, Fault::Nested(faults) if faults.0.is_empty()) {
        return Ok(());
    }
    let faults = FieldErrors([("requests".to_owned(), fault)].into());
    Err(ApiError::bad_request("Invalid batch request data.").with_faults(&faults))
}

fn body_limit(settings: &Settings) -> usize {
    let told = settings.document["batch"]["maxBodySize"].as_u64().unwrap_or(0);
    if told == 0 { LIMIT } else { usize::try_from(told).unwrap_or(LIMIT) }
}

fn timeout(settings: &Settings) -> Duration {
    match settings.document["batch"]["timeout"].as_u64() {
        Some(seconds) if seconds > 0 => Duration::from_secs(seconds),
        _ => TIMEOUT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_failed_request_is_named_by_its_index() {
        let cause = ApiError::bad_request("Failed to create record.");
        let cause = cause.with_fault("name", "validation_required", "Cannot be blank.");
        assert_eq!(
            tidewire_model::json::to_string(&failure(1, &cause).to_json()),
            r#"{"data":{"requests":{"1":{"code":"batch_request_failed","message":"Batch request failed.","response":{"data":{"name":{"code":"validation_required","message":"Cannot be blank."}},"message":"Failed to create record.","status":400}}}},"message":"Batch transaction failed.","status":400}"#
        );
    }

    #[test]
    fn a_batch_has_one_to_max_requests() {
        for (count, allowed) in [(0, false), (1, true), (50, true), (51, false)] {
            let item = json!({ "method": "POST", "url": "/" });
            let operations = vec![Operation::read(&item).unwrap(); count];
            assert_eq!(check(&operations, 50).is_ok(), allowed, "{count}");
        }
    }
}
