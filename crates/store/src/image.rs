//! The images of change rows: one compact JSON object, hidden fields included. Its keys are field ids, so that a
//! renamed field keeps its history.

use crate::StoreError;
use crate::row;
use serde_json::{Map, Value as Json};
use std::sync::Arc;
use tidewire_model::json::{Escape, write_text, write_value};
use tidewire_model::{Collection, Field, FieldKind, Record, TenantId, Value};

pub(crate) fn encode(record: &Record) -> String {
    let mut out = Vec::with_capacity(64 + record.values.len() * 40);
    out.push(b'{');
    for (index, (field, value)) in record.fields().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_text(&mut out, key(field), Escape::Minimal);
        out.push(b':');
        match value {
            // `write_value` makes every number a float64, the stored one may be a longer integer
            Value::Json(json) => out.extend_from_slice(json.to_string().as_bytes()),
            other => write_value(&mut out, other, Escape::Minimal),
        }
    }
    out.push(b'}');
    String::from_utf8(out).unwrap_or_default()
}

/// Reads an image by a definition that may have changed since: what is missing is unset, what is unknown is dropped.
pub(crate) fn decode(
    text: &str,
    collection: &Arc<Collection>,
    tenant: &TenantId,
) -> Result<Arc<Record>, StoreError> {
    let mut map: Map<String, Json> = serde_json::from_str(text)?;
    let values = collection
        .fields
        .iter()
        .map(|field| map.remove(key(field)).map_or_else(|| field.unset(), |json| value(json, field)))
        .collect();
    Ok(Arc::new(Record { collection: collection.clone(), tenant: tenant.clone(), values }))
}

/// The same record by another definition of its collection.
pub(crate) fn fit(record: &Record, collection: &Arc<Collection>) -> Record {
    let values = collection
        .fields
        .iter()
        .map(|field| {
            let known = record.fields().find(|(old, _)| key(old) == key(field));
            known.map_or_else(|| field.unset(), |(_, old)| value(old.to_json(), field))
        })
        .collect();
    Record { collection: collection.clone(), tenant: record.tenant.clone(), values }
}

fn key(field: &Field) -> &str {
    if field.id.is_empty() { &field.name } else { &field.id }
}

fn value(json: Json, field: &Field) -> Value {
    match &field.kind {
        _ if json.is_null() => field.unset(),
        FieldKind::Number(_) => Value::Number(json.as_f64().unwrap_or(0.0)),
        FieldKind::Bool {} => Value::Bool(json.as_bool().unwrap_or(false)),
        FieldKind::Json(_) => Value::Json(json),
        FieldKind::GeoPoint {} => Value::Geo(row::geo(&json)),
        kind if kind.is_multiple() => list(&json),
        _ => single(json),
    }
}

fn list(json: &Json) -> Value {
    match json {
        Json::Array(items) => Value::list(items.iter().filter_map(Json::as_str)),
        Json::String(text) if !text.is_empty() => Value::list([text]),
        _ => Value::List(Box::default()),
    }
}

/// The last item of a list stays when a field becomes single, as in the table.
fn single(json: Json) -> Value {
    match json {
        Json::String(text) => Value::Text(text.into()),
        Json::Array(items) => Value::text(items.last().and_then(Json::as_str).unwrap_or("")),
        _ => Value::text(""),
    }
}
