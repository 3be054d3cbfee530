//! Input JSON to the value that a field holds. Nothing is refused here: what cannot be read becomes the zero value.

use serde_json::Value as Json;
use std::borrow::Cow;
use tidewire_model::{Field, FieldKind, GeoPoint, Timestamp, Value};

/// The value that `input` gives to `field`. Autodates and passwords are not set this way.
pub fn normalise(field: &Field, input: &Json) -> Value {
    if field.nullable && input.is_null() {
        return field.unset();
    }
    match &field.kind {
        FieldKind::Number(_) => Value::Number(number(input)),
        FieldKind::Bool {} => Value::Bool(boolean(input)),
        FieldKind::Date(_) | FieldKind::Autodate(_) => Value::text(&date(input)),
        FieldKind::Select(_) | FieldKind::Relation(_) | FieldKind::File(_) => choose(field, texts(input)),
        FieldKind::Json(_) => Value::Json(json(input)),
        FieldKind::GeoPoint {} => Value::Geo(point(input)),
        FieldKind::Text(_)
        | FieldKind::Editor(_)
        | FieldKind::Email(_)
        | FieldKind::Url(_)
        | FieldKind::Password(_) => Value::text(&text(input)),
    }
}

/// A list for multiple fields, else the last item.
pub fn choose(field: &Field, items: Vec<String>) -> Value {
    if field.kind.is_multiple() {
        return Value::list(unique(items));
    }
    Value::text(unique(items).last().map_or("", String::as_str))
}

/// Numbers and booleans as text; lists, objects and null as "".
pub fn text(input: &Json) -> Cow<'_, str> {
    match input {
        Json::String(text) => Cow::Borrowed(text),
        Json::Bool(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
        Json::Number(number) => Cow::Owned(format!("{}", number.as_f64().unwrap_or(0.0))),
        Json::Null | Json::Array(_) | Json::Object(_) => Cow::Borrowed(""),
    }
}

pub fn number(input: &Json) -> f64 {
    match input {
        Json::Number(number) => number.as_f64().unwrap_or(0.0),
        Json::Bool(true) => 1.0,
        Json::String(text) => number_of_text(text),
        _ => 0.0,
    }
}

/// "1e999" is out of range and counts as unreadable; a spelled-out infinity is kept for validation to refuse.
fn number_of_text(text: &str) -> f64 {
    match text.parse::<f64>() {
        Ok(value) if value.is_infinite() && text.contains(|c: char| c.is_ascii_digit()) => 0.0,
        Ok(value) => value,
        Err(_) => 0.0,
    }
}

pub fn boolean(input: &Json) -> bool {
    match input {
        Json::Bool(value) => *value,
        Json::Number(number) => number.as_f64() != Some(0.0),
        Json::String(text) => matches!(text.as_str(), "1" | "t" | "T" | "TRUE" | "true" | "True"),
        _ => false,
    }
}

fn date(input: &Json) -> String {
    input.as_str().and_then(Timestamp::parse).map(Timestamp::to_text).unwrap_or_default()
}

/// The distinct non-empty texts of a value: a list, one text, or a text that holds a JSON list.
pub fn texts(input: &Json) -> Vec<String> {
    let items = match input {
        Json::Array(items) => items.iter().map(|item| text(item).into_owned()).collect(),
        Json::String(one) if one.contains('[') => {
            serde_json::from_str::<Vec<String>>(one).unwrap_or_else(|_| vec![one.clone()])
        }
        other => vec![text(other).into_owned()],
    };
    unique(items)
}

fn unique(mut items: Vec<String>) -> Vec<String> {
    if items.len() < 2 {
        items.retain(|item| !item.is_empty());
        return items;
    }
    let mut kept: Vec<String> = Vec::with_capacity(items.len());
    let mut seen = std::collections::HashSet::with_capacity(items.len());
    for item in items {
        if !item.is_empty() && seen.insert(item.clone()) {
            kept.push(item);
        }
    }
    kept
}

/// A text that is a JSON number, string, list, object or word is taken as that; any other text stays text.
fn json(input: &Json) -> Json {
    let Json::String(text) = input else { return input.clone() };
    let first = text.as_bytes().first().copied().unwrap_or(b' ');
    let may_be_json = first.is_ascii_digit()
        || matches!(first, b'-' | b'"' | b'[' | b'{')
        || matches!(text.as_str(), "null" | "true" | "false");
    if may_be_json && let Ok(parsed) = serde_json::from_str(text) {
        return parsed;
    }
    input.clone()
}

fn point(input: &Json) -> GeoPoint {
    let parsed;
    let object = match input {
        Json::String(text) => {
            parsed = serde_json::from_str(text).unwrap_or(Json::Null);
            &parsed
        }
        other => other,
    };
    let part = |name: &str| object.get(name).and_then(Json::as_f64).unwrap_or(0.0);
    GeoPoint { lon: part("lon"), lat: part("lat") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(options: Json, input: Json, expected: Json) {
        let mut definition = options.clone();
        definition["name"] = json!("f");
        let field: Field = serde_json::from_value(definition).unwrap();
        assert_eq!(normalise(&field, &input).to_json(), expected, "{options} {input}");
    }

    #[test]
    fn input_becomes_what_the_field_holds() {
        let plain = |kind: &str| json!({ "type": kind });
        let many = |kind: &str| json!({ "type": kind, "maxSelect": 3 });
        for (field, input, expected) in [
            (plain("text"), json!(12), json!("12")),
            (plain("text"), json!(1e21), json!("1000000000000000000000")),
            (plain("text"), json!(true), json!("true")),
            (plain("text"), json!(["ab"]), json!("")),
            (plain("text"), json!(null), json!("")),
            (plain("number"), json!("3"), json!(3.0)),
            (plain("number"), json!("1e999"), json!(0.0)),
            (plain("number"), json!([]), json!(0.0)),
            (plain("number"), json!(true), json!(1.0)),
            (plain("bool"), json!("yes"), json!(false)),
            (plain("bool"), json!("1"), json!(true)),
            (plain("bool"), json!(1), json!(true)),
            (plain("date"), json!("2024-05-05T10:00:00+02:00"), json!("2024-05-05 08:00:00.000Z")),
            (plain("date"), json!(1714900000), json!("")),
            (plain("date"), json!("2024-02-30"), json!("")),
            (plain("select"), json!(["a", "b"]), json!("b")),
            (plain("select"), json!("[\"a\",\"b\"]"), json!("b")),
            (many("select"), json!("a"), json!(["a"])),
            (many("select"), json!("[\"a\",\"b\",\"a\"]"), json!(["a", "b"])),
            (many("select"), json!("[a"), json!(["[a"])),
            (many("select"), json!(["a", "", "a", null, 5]), json!(["a", "5"])),
            (many("select"), json!(null), json!([])),
            (plain("relation"), json!(["a", "b"]), json!("b")),
            (plain("json"), json!("{\"a\":1}"), json!({"a": 1})),
            (plain("json"), json!("null"), json!(null)),
            (plain("json"), json!("\"q\""), json!("q")),
            (plain("json"), json!("[1,2"), json!("[1,2")),
            (plain("json"), json!(" 1"), json!(" 1")),
            (plain("json"), json!(""), json!("")),
            (plain("geoPoint"), json!("{\"lon\":1.5,\"lat\":2}"), json!({"lon": 1.5, "lat": 2.0})),
            (plain("geoPoint"), json!([1, 2]), json!({"lon": 0.0, "lat": 0.0})),
        ] {
            check(field, input, expected);
        }
    }
}
