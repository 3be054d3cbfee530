//! `GET /records/{collection}/{id}/secrets`: encrypted values in the open, for programs that were given leave to read them.

use crate::api_keys;
use crate::call::Call;
use crate::error::{ApiError, Detail};
use crate::records::page::names;
use crate::records::refusal;
use crate::records::scope::{Operation, Scope};
use crate::wire;
use axum::response::Response;
use serde_json::{Map, Value as Json, json};
use tidewire_model::{Field, Record};
use tidewire_records::secret::FieldKey;
use tidewire_records::{RecordError, user};
use tidewire_store::{Snapshot, StoreError};

/// What an API key must have been made for.
const LEAVE: &str = "records:secrets:read";
/// Fields of one answer.
const FIELDS_MAX: usize = 20;

pub async fn secrets(call: Call) -> Result<Response, ApiError> {
    let scope = Scope::open(&call, Operation::View)?;
    // everybody can make keys, so the scope alone proves nothing
    let caller = call.caller()?;
    let is_trusted = caller.is_superadmin() || caller.role() == user::ADMIN;
    if !is_trusted || !api_keys::has_scope(&call, LEAVE)? {
        let text =
            format!("Reading encrypted values requires an API key of an admin with the scope '{LEAVE}'");
        return Err(ApiError::forbidden(&text));
    }
    let fields = fields(&scope, call.query("fields").unwrap_or(""))?;
    let id = call.param("id");
    let data = call.app.store.read_here(|snapshot| {
        let asker = scope.asker_for(snapshot, id)?;
        let record = tidewire_records::view::view(snapshot, &asker, &scope.collection, id)?;
        Ok::<_, RecordError>(open(snapshot, &record, &fields)?)
    });
    Ok(wire::ok(&json!({ "data": data.map_err(refusal::of)? })))
}

/// The encrypted fields that are asked for, all if none is named; only those that the asker may view.
fn fields<'a>(scope: &'a Scope, named: &str) -> Result<Vec<&'a Field>, ApiError> {
    let shown = scope.collection.projections.view.as_ref().filter(|_| !scope.is_superadmin());
    let is_shown = |field: &&Field| shown.is_none_or(|shown| shown.contains(&field.name));
    let is_secret = |field: &&Field| field.extra.as_ref().is_some_and(|extra| extra.encrypted);
    let secret: Vec<&Field> = scope.collection.fields.iter().filter(is_secret).filter(is_shown).collect();
    let fields = match names(named) {
        None => secret,
        Some(names) => {
            let find = |name: &str| {
                let found = secret.iter().find(|field| *field.name == *name).copied();
                found.ok_or_else(|| refused(format!("Field '{name}' is not an encrypted field")))
            };
            names.iter().map(|name| find(name)).collect::<Result<_, _>>()?
        }
    };
    match fields.len() {
        count if count > FIELDS_MAX => Err(refused(format!("At most {FIELDS_MAX} fields are read at once"))),
        _ => Ok(fields),
    }
}

fn refused(text: String) -> ApiError {
    ApiError::validation(&[Detail::new("fields", text, "invalid_fields")])
}

fn open(
    snapshot: &Snapshot<'_>,
    record: &Record,
    fields: &[&Field],
) -> Result<Map<String, Json>, StoreError> {
    let key = FieldKey::read(snapshot)?;
    // what is null was never sealed
    let open = |field: &Field| key.as_ref()?.open(record, field, record.get(&field.name)?);
    let each = fields.iter().map(|field| (field.name.to_string(), open(field).unwrap_or_default()));
    Ok(each.collect())
}
