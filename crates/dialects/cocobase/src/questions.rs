//! `/collections/{collection}/query/…` and `…/export`: questions about many documents at once.

use crate::body::Object;
use crate::call::Call;
use crate::document;
use crate::error::ApiError;
use crate::listing::{Listing, readable};
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Number, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use tidewire_connection::answer;

/// documents of one export
const EXPORTED: u64 = 10_000;
/// documents that a schema is guessed from
const SAMPLE: u64 = 100;

/// `GET …/count`
pub async fn count(call: Call) -> Result<Response, ApiError> {
    let Some(collection) = readable(&call)? else {
        return Ok(answer::json(StatusCode::OK, &json!({ "count": 0 })));
    };
    let listing = Listing::all(&call, collection);
    let count = call.app.store.read(move |snapshot| listing.count(snapshot)).await?;
    Ok(answer::json(StatusCode::OK, &json!({ "count": count })))
}

/// `GET …/aggregate?field=&operation=`
pub async fn aggregate(call: Call) -> Result<Response, ApiError> {
    let (field, operation) = (call.query.get("field").to_owned(), call.query.get("operation").to_owned());
    let missing = |name: &str| ApiError::invalid(&["query", name], "missing", "Field required");
    if operation.is_empty() {
        return Err(missing("operation"));
    }
    if field.is_empty() && operation != "count" {
        return Err(missing("field"));
    }
    if !["count", "sum", "avg", "min", "max"].contains(&operation.as_str()) {
        return Err(ApiError::bad_request("Invalid operation. Use count, sum, avg, min or max"));
    }
    let values = values(&call, &field).await?;
    let result = match operation.as_str() {
        "count" if field.is_empty() => json!(values.len()),
        "count" => json!(values.iter().filter(|value| !value.is_null()).count()),
        operation => reduce(operation, &values),
    };
    let name =
        call.collection().map_or_else(|| call.collection_name().to_owned(), |found| found.name.to_string());
    let answer = json!({ "field": field, "operation": operation, "result": result, "collection": name });
    Ok(answer::json(StatusCode::OK, &answer))
}

/// `GET …/group-by?field=`: the most frequent value first.
pub async fn group_by(call: Call) -> Result<Response, ApiError> {
    let field = call.query.get("field").to_owned();
    if field.is_empty() {
        return Err(ApiError::invalid(&["query", "field"], "missing", "Field required"));
    }
    let mut groups: BTreeMap<String, (Json, u64)> = BTreeMap::new();
    for value in values(&call, &field).await? {
        groups.entry(value.to_string()).or_insert((value, 0)).1 += 1;
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let shown = groups.into_iter().map(|(value, count)| {
        let mut group =
            Map::from_iter([("value".to_owned(), value.clone()), ("count".to_owned(), count.into())]);
        group.insert(field.clone(), value);
        Json::Object(group)
    });
    Ok(answer::json(StatusCode::OK, &shown.collect()))
}

/// `GET …/schema`: types of the fields of some documents.
pub async fn schema(call: Call) -> Result<Response, ApiError> {
    let documents = documents(&call, SAMPLE).await?;
    let mut fields: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for document in &documents {
        for (name, value) in document {
            fields.entry(name).or_default().insert(type_name(value));
        }
    }
    let fields: Object = fields
        .into_iter()
        .map(|(name, types)| (name.to_owned(), json!({ "type": types.iter().next(), "types": types })))
        .collect();
    let answer =
        json!({ "collection": call.collection_name(), "fields": fields, "sample_size": documents.len() });
    Ok(answer::json(StatusCode::OK, &answer))
}

/// `GET …/export?format=json|csv`
pub async fn export(call: Call) -> Result<Response, ApiError> {
    let format = match call.query.get("format") {
        "" | "json" => "json",
        "csv" => "csv",
        _ => return Err(ApiError::bad_request("Invalid format. Use json or csv")),
    };
    let rows = match readable(&call)? {
        None => Vec::new(),
        Some(collection) => {
            let listing = Listing::page(&call, collection).first(EXPORTED);
            call.app
                .store
                .read(move |snapshot| {
                    let records = listing.select(snapshot)?;
                    let data = document::data(snapshot, listing.asker(), &records)?;
                    let rows = records.iter().zip(data).map(|(record, mut data)| {
                        data.insert("id".to_owned(), record.id().into());
                        let created = document::time(record, ["created_at", "created"]);
                        data.insert("created_at".to_owned(), created.into());
                        data
                    });
                    Ok::<_, ApiError>(rows.collect())
                })
                .await?
        }
    };
    let (kind, text) = match format {
        "csv" => ("text/csv; charset=utf-8", csv(&rows)),
        _ => ("application/json", Json::Array(rows.into_iter().map(Json::Object).collect()).to_string()),
    };
    let mut response = answer::raw_json(StatusCode::OK, text.into_bytes());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    let name: String = call
        .collection_name()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        .collect();
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}.{format}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

/// The value of one field in each document, null where it is missing.
async fn values(call: &Call, field: &str) -> Result<Vec<Json>, ApiError> {
    let documents = documents(call, u64::MAX).await?;
    let value = |document: &Object| match document.get(field) {
        Some(value) => value.clone(),
        None => {
            let mut parts = field.split('.');
            let first = parts.next().and_then(|part| document.get(part));
            parts.fold(first, |value, part| value?.get(part)).cloned().unwrap_or(Json::Null)
        }
    };
    Ok(documents.iter().map(value).collect())
}

async fn documents(call: &Call, limit: u64) -> Result<Vec<Object>, ApiError> {
    let Some(collection) = readable(call)? else { return Ok(Vec::new()) };
    let listing = Listing::all(call, collection).first(limit);
    let read = call.app.store.read(move |snapshot| {
        let records = listing.select(snapshot)?;
        Ok::<_, ApiError>(document::data(snapshot, listing.asker(), &records)?)
    });
    read.await
}

/// The sum of nothing is 0; all else of nothing is null.
fn reduce(operation: &str, values: &[Json]) -> Json {
    let parsed = |value: &Json| match value {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    };
    let numbers: Vec<f64> = values.iter().filter_map(parsed).collect();
    let sum: f64 = numbers.iter().sum();
    match operation {
        "sum" => plain(sum),
        "avg" if !numbers.is_empty() => plain(sum / numbers.len() as f64),
        "min" => numbers.iter().copied().reduce(f64::min).map_or(Json::Null, plain),
        "max" => numbers.iter().copied().reduce(f64::max).map_or(Json::Null, plain),
        _ => Json::Null,
    }
}

/// Whole numbers without a dot.
fn plain(number: f64) -> Json {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.trunc() == number && number.abs() < EXACT {
        return Json::from(number as i64);
    }
    Number::from_f64(number).map_or(Json::Null, Json::Number)
}

fn type_name(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

fn csv(rows: &[Object]) -> String {
    let names: BTreeSet<&str> = rows.iter().flat_map(Object::keys).map(String::as_str).collect();
    let mut out = names.iter().map(|name| cell(name)).collect::<Vec<_>>().join(",");
    out.push_str("\r\n");
    for row in rows {
        let cells = names.iter().map(|name| match row.get(*name) {
            None | Some(Json::Null) => String::new(),
            Some(Json::String(text)) => cell(text),
            Some(other) => cell(&other.to_string()),
        });
        out.push_str(&cells.collect::<Vec<_>>().join(","));
        out.push_str("\r\n");
    }
    out
}

/// Texts that a spreadsheet would take for a formula are marked as text.
fn cell(text: &str) -> String {
    let is_number = text.parse::<f64>().is_ok();
    let text = if text.starts_with(['=', '+', '-', '@']) && !is_number {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_reduced() {
        for (operation, values, expected) in [
            ("sum", json!([1, 2.5, "3", "x", null]), json!(6.5)),
            ("sum", json!([]), json!(0)),
            ("avg", json!([1, 2]), json!(1.5)),
            ("avg", json!([]), json!(null)),
            ("min", json!([3, 1]), json!(1)),
            ("max", json!(["x"]), json!(null)),
        ] {
            assert_eq!(reduce(operation, values.as_array().unwrap()), expected, "{operation} {values}");
        }
    }

    #[test]
    fn cells_are_quoted() {
        for (text, expected) in [
            ("a", "a"),
            ("a,b", "\"a,b\""),
            ("a\"b", "\"a\"\"b\""),
            ("=1+1", "'=1+1"),
            ("-5", "-5"),
            ("", ""),
        ] {
            assert_eq!(cell(text), expected);
        }
    }
}
