use crate::call::Call;
use crate::collections::define::{self, Refusal};
use crate::collections::rules;
use crate::error::ApiError;
use crate::records::scope::{is_shown, object};
use crate::wire;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value as Json;
use tidewire_model::TenantId;
use tidewire_records::Body;
use tidewire_store::Tx;

/// Definitions in one import.
const COLLECTIONS_MAX: usize = 1000;

/// What becomes of a definition whose collection is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strategy {
    Error,
    Skip,
    Update,
}

#[derive(Serialize)]
struct Imported {
    success: bool,
    message: String,
    imported_count: usize,
    skipped_count: usize,
    updated_count: usize,
    failed_count: usize,
    collections: Vec<One>,
    migrations_created: Vec<String>,
}

#[derive(Serialize)]
struct One {
    name: String,
    status: &'static str,
    message: String,
}

/// `POST /collections/import`: all definitions or none.
pub async fn import(mut call: Call) -> Result<Response, ApiError> {
    call.superadmin()?;
    let body = object(call.json().await?)?;
    let strategy = match body.get("strategy").and_then(Json::as_str) {
        None | Some("error") => Strategy::Error,
        Some("skip") => Strategy::Skip,
        Some("update") => Strategy::Update,
        Some(other) => {
            let text = "Input should be 'error', 'skip' or 'update'";
            return Err(define::read_fault("enum", "strategy", text, other.into()));
        }
    };
    let list = body.get("data").and_then(|data| data.get("collections")).and_then(Json::as_array);
    let Some(list) = list.filter(|list| list.len() <= COLLECTIONS_MAX).cloned() else {
        return Err(define::read_fault("missing", "data", "Field required", Json::Object(body)));
    };
    let done = call.app.store.write(move |tx| {
        list.iter().map(|json| import_one(tx, json, strategy)).collect::<Result<Vec<_>, Refusal>>()
    });
    Ok(wire::ok(&summary(done.await?)))
}

fn import_one(tx: &mut Tx<'_>, json: &Json, strategy: Strategy) -> Result<One, Refusal> {
    let empty = Body::new();
    let body = json.as_object().unwrap_or(&empty);
    let name = body.get("name").and_then(Json::as_str).unwrap_or("").to_owned();
    let list = body.get("schema").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    let existing = tx.catalog().by_name(&TenantId::default(), &name).cloned();
    let (mut collection, status) = match (existing, strategy) {
        (Some(_), Strategy::Error) => return Err(Refusal::NameTaken(name)),
        (Some(_), Strategy::Skip) => {
            return Ok(One { name, status: "skipped", message: "Collection already exists".to_owned() });
        }
        (Some(old), Strategy::Update) if is_shown(&old) => (define::with_fields(tx, &old, list)?, "updated"),
        (Some(_), Strategy::Update) => return Err(Refusal::NameTaken(name)),
        (None, _) => (define::new(tx, &name, list)?, "imported"),
    };
    if let Some(Json::Object(texts)) = body.get("rules") {
        rules::lay_over(tx.catalog(), &mut collection, texts)?;
    }
    define::keep_in(tx, collection)?;
    Ok(One { name, status, message: format!("Collection {status} successfully") })
}

fn summary(collections: Vec<One>) -> Imported {
    let count = |status: &str| collections.iter().filter(|one| one.status == status).count();
    Imported {
        success: true,
        message: "Import completed".to_owned(),
        imported_count: count("imported"),
        skipped_count: count("skipped"),
        updated_count: count("updated"),
        failed_count: 0,
        migrations_created: Vec::new(),
        collections,
    }
}
