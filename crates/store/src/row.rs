//! Values to columns and back. What a column holds follows its declared type; rows written by other tools may hold
//! anything, so reading never fails.

use rusqlite::types::{ToSqlOutput, Value as Owned, ValueRef};
use rusqlite::{Row, ToSql};
use serde_json::Value as Json;
use std::sync::Arc;
use tidewire_model::{Collection, Field, FieldKind, GeoPoint, Record, TenantId, Value};
use tidewire_rules::SqlValue;

/// A value as a parameter.
pub(crate) struct Column<'a>(pub(crate) &'a Value);

impl ToSql for Column<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let text = |text: String| ToSqlOutput::Owned(Owned::Text(text));
        Ok(match self.0 {
            Value::Null => ToSqlOutput::Owned(Owned::Null),
            Value::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Value::Number(number) => ToSqlOutput::Owned(Owned::Real(*number)),
            Value::Bool(value) => ToSqlOutput::Owned(Owned::Integer(i64::from(*value))),
            Value::List(items) => text(list_text(items)),
            Value::Geo(point) => text(geo_text(*point)),
            Value::Json(Json::Null) => ToSqlOutput::Owned(Owned::Null),
            Value::Json(json) => text(json.to_string()),
        })
    }
}

/// A parameter of a statement that `rules` made.
pub(crate) struct Param<'a>(pub(crate) &'a SqlValue);

impl ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            SqlValue::Null => ValueRef::Null,
            SqlValue::Integer(number) => ValueRef::Integer(*number),
            SqlValue::Real(number) => ValueRef::Real(*number),
            SqlValue::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

/// Reads a row whose columns are the fields of `collection` in their order.
pub(crate) fn read(
    row: &Row<'_>,
    collection: &Arc<Collection>,
    tenant: &TenantId,
) -> rusqlite::Result<Arc<Record>> {
    let mut values = Vec::with_capacity(collection.fields.len());
    for (index, field) in collection.fields.iter().enumerate() {
        values.push(value(row.get_ref(index)?, field));
    }
    Ok(Arc::new(Record { collection: collection.clone(), tenant: tenant.clone(), values: values.into() }))
}

fn value(column: ValueRef<'_>, field: &Field) -> Value {
    match &field.kind {
        _ if column == ValueRef::Null => field.unset(),
        FieldKind::Number(_) => Value::Number(number(column)),
        FieldKind::Bool {} => Value::Bool(number(column) != 0.0),
        FieldKind::Json(_) => Value::Json(json(column)),
        FieldKind::GeoPoint {} => Value::Geo(geo(&json(column))),
        kind if kind.is_multiple() => list(column),
        _ => Value::Text(text(column)),
    }
}

/// A column of no field.
pub(crate) fn plain(column: ValueRef<'_>) -> SqlValue {
    match column {
        ValueRef::Null => SqlValue::Null,
        ValueRef::Integer(number) => SqlValue::Integer(number),
        ValueRef::Real(number) => SqlValue::Real(number),
        ValueRef::Text(_) | ValueRef::Blob(_) => SqlValue::Text(text(column).into()),
    }
}

fn text(column: ValueRef<'_>) -> Box<str> {
    match column {
        ValueRef::Null => Box::default(),
        ValueRef::Integer(number) => number.to_string().into(),
        ValueRef::Real(number) => number.to_string().into(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(_) => String::from_utf8_lossy(bytes).into(),
        },
    }
}

fn number(column: ValueRef<'_>) -> f64 {
    match column {
        ValueRef::Integer(number) => number as f64,
        ValueRef::Real(number) => number,
        ValueRef::Null | ValueRef::Text(_) | ValueRef::Blob(_) => 0.0,
    }
}

/// Columns of JSON have numeric affinity: a plain number comes back as one.
fn json(column: ValueRef<'_>) -> Json {
    match column {
        ValueRef::Null => Json::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => tidewire_model::json::number(number),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => serde_json::from_slice(bytes)
            .unwrap_or_else(|_| Json::String(String::from_utf8_lossy(bytes).into_owned())),
    }
}

fn list(column: ValueRef<'_>) -> Value {
    match json(column) {
        Json::Array(items) => Value::list(items.iter().map(item_text)),
        Json::Null => Value::List(Box::default()),
        other => Value::list(Some(item_text(&other)).filter(|text| !text.is_empty())),
    }
}

fn item_text(item: &Json) -> String {
    item.as_str().map_or_else(|| item.to_string(), str::to_owned)
}

pub(crate) fn geo(json: &Json) -> GeoPoint {
    let part = |name: &str| json.get(name).and_then(Json::as_f64).unwrap_or(0.0);
    GeoPoint { lon: part("lon"), lat: part("lat") }
}

fn list_text(items: &[Box<str>]) -> String {
    let mut out = Vec::with_capacity(2 + items.len() * 18);
    out.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        tidewire_model::json::write_text(&mut out, item, tidewire_model::json::Escape::Minimal);
    }
    out.push(b']');
    String::from_utf8(out).unwrap_or_default()
}

fn geo_text(point: GeoPoint) -> String {
    let mut out = Vec::with_capacity(48);
    out.extend_from_slice(b"{\"lon\":");
    tidewire_model::json::write_number(&mut out, point.lon);
    out.extend_from_slice(b",\"lat\":");
    tidewire_model::json::write_number(&mut out, point.lat);
    out.push(b'}');
    String::from_utf8(out).unwrap_or_default()
}
