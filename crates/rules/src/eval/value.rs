//! Field values as SQLite reads them from their columns.

use crate::node::{Part, Path};
use crate::scalar::Scalar;
use serde_json::Value as Json;
use std::borrow::Cow;
use tidewire_model::Value;
use tidewire_model::json::{Escape, write_number, write_value};

/// The column itself; JSON columns as their text.
pub(crate) fn stored(value: Option<&Value>) -> Scalar<'_> {
    match value {
        None | Some(Value::Null) => Scalar::Null,
        Some(Value::Text(text)) => Scalar::text(text),
        Some(Value::Number(number)) => Scalar::number(*number),
        Some(Value::Bool(value)) => Scalar::Int((*value).into()),
        Some(Value::Json(json)) => match json {
            Json::Null => Scalar::Null,
            json => Scalar::Text(Cow::Owned(json.to_string())),
        },
        Some(Value::Geo(point)) => owned(|out| {
            out.extend_from_slice(b"{\"lon\":");
            write_number(out, point.lon);
            out.extend_from_slice(b",\"lat\":");
            write_number(out, point.lat);
            out.push(b'}');
        }),
        Some(list @ Value::List(_)) => owned(|out| write_value(out, list, Escape::Minimal)),
    }
}

fn owned<'a>(write: impl FnOnce(&mut Vec<u8>)) -> Scalar<'a> {
    let mut out = Vec::new();
    write(&mut out);
    Scalar::Text(Cow::Owned(String::from_utf8(out).unwrap_or_default()))
}

/// A part of a JSON column.
pub(crate) fn extract<'a>(value: Option<&'a Value>, path: &Path) -> Scalar<'a> {
    match (value, &*path.0) {
        // the column is NUMERIC: what is a number as a whole loses its dot where it can
        (Some(Value::Json(Json::Number(number))), []) => match number.as_i64() {
            Some(int) => Scalar::Int(int),
            None => number.as_f64().map_or(Scalar::Null, Scalar::number),
        },
        (Some(Value::Json(json)), parts) => descend(json, parts).map_or(Scalar::Null, json_scalar),
        (Some(Value::Geo(point)), [Part::Key(key)]) if &**key == "lon" => Scalar::number(point.lon),
        (Some(Value::Geo(point)), [Part::Key(key)]) if &**key == "lat" => Scalar::number(point.lat),
        (Some(value @ Value::Geo(_)), []) => stored(Some(value)),
        _ => Scalar::Null,
    }
}

fn descend<'a>(json: &'a Json, parts: &[Part]) -> Option<&'a Json> {
    parts.iter().try_fold(json, |json, part| match (json, part) {
        (Json::Object(map), Part::Key(key)) => map.get(&**key),
        (Json::Array(items), Part::Index(index)) => items.get(*index),
        _ => None,
    })
}

pub(crate) fn json_scalar(json: &Json) -> Scalar<'_> {
    match json {
        Json::Null => Scalar::Null,
        Json::Bool(value) => Scalar::Int((*value).into()),
        Json::Number(number) => match number.as_i64() {
            Some(int) => Scalar::Int(int),
            None => number.as_f64().map_or(Scalar::Null, Scalar::Real),
        },
        Json::String(text) => Scalar::text(text),
        other => Scalar::Text(Cow::Owned(other.to_string())),
    }
}

/// The rows of `:each`.
pub(crate) fn elements(value: Option<&Value>) -> Vec<Scalar<'_>> {
    match value {
        Some(Value::List(items)) => items.iter().map(|item| Scalar::text(item)).collect(),
        Some(Value::Text(text)) => match array(text) {
            Some(items) => items.iter().map(|item| json_scalar(item).into_owned()).collect(),
            None => vec![Scalar::text(text)],
        },
        other => vec![stored(other)],
    }
}

/// The number of `:length`.
pub(crate) fn length(value: Option<&Value>) -> i64 {
    let count = match value {
        Some(Value::List(items)) => items.len(),
        Some(Value::Text(text)) if text.is_empty() => 0,
        Some(Value::Text(text)) => array(text).map_or(1, |items| items.len()),
        None | Some(Value::Null) => 0,
        Some(_) => 1,
    };
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A text of a single value that happens to be a JSON list is taken for one.
fn array(text: &str) -> Option<Vec<Json>> {
    if !text.trim_start().starts_with('[') {
        return None;
    }
    serde_json::from_str(text).ok()
}
