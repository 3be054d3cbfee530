//! JSON values as cells of CSV, and back.

use crate::columns::Kind;
use serde_json::{Number, Value as Json};

/// The cell of a value; `None`: the record has none.
pub fn encode(value: Option<&Json>, kind: Kind) -> String {
    match (value, kind) {
        (None, _) => String::new(),
        (Some(Json::Null), Kind::Text | Kind::Number | Kind::Bool) => String::new(),
        (Some(Json::String(text)), Kind::Text | Kind::Number | Kind::Bool) => text.clone(),
        (Some(Json::String(text)), Kind::Any) if is_itself(text) => text.clone(),
        (Some(value), _) => value.to_string(),
    }
}

/// Text that cannot be taken for JSON, nor for a value that is missing.
fn is_itself(text: &str) -> bool {
    !text.is_empty() && serde_json::from_str::<Json>(text).is_err()
}

/// The value of a cell; `None`: the record says nothing of this field.
pub fn decode(cell: &str, kind: Kind) -> Result<Option<Json>, String> {
    if cell.is_empty() && kind != Kind::Text {
        return Ok(None);
    }
    match kind {
        Kind::Text => Ok(Some(cell.into())),
        Kind::Number => number(cell).map(Some).ok_or_else(|| format!("{cell:?} is no number")),
        Kind::Bool => match cell.to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(Some(true.into())),
            "false" | "0" => Ok(Some(false.into())),
            _ => Err(format!("{cell:?} is neither true nor false")),
        },
        Kind::Json => serde_json::from_str(cell).map(Some).map_err(|error| format!("no JSON: {error}")),
        Kind::Any => Ok(Some(serde_json::from_str(cell).unwrap_or_else(|_| cell.into()))),
    }
}

fn number(cell: &str) -> Option<Json> {
    let cell = cell.trim();
    if let Ok(whole) = cell.parse::<i64>() {
        return Some(whole.into());
    }
    Number::from_f64(cell.parse().ok()?).map(Json::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_cell_is_what_its_column_says() {
        for (cell, kind, value) in [
            ("", Kind::Text, Ok(Some(json!("")))),
            ("", Kind::Number, Ok(None)),
            ("", Kind::Bool, Ok(None)),
            ("", Kind::Json, Ok(None)),
            ("", Kind::Any, Ok(None)),
            ("7", Kind::Text, Ok(Some(json!("7")))),
            ("7", Kind::Number, Ok(Some(json!(7)))),
            (" -7.5e3 ", Kind::Number, Ok(Some(json!(-7500.0)))),
            ("x", Kind::Number, Err(())),
            ("inf", Kind::Number, Err(())),
            ("NaN", Kind::Number, Err(())),
            ("TRUE", Kind::Bool, Ok(Some(json!(true)))),
            ("0", Kind::Bool, Ok(Some(json!(false)))),
            ("maybe", Kind::Bool, Err(())),
            ("[1,\"a\"]", Kind::Json, Ok(Some(json!([1, "a"])))),
            ("null", Kind::Json, Ok(Some(Json::Null))),
            ("a", Kind::Json, Err(())),
            ("a", Kind::Any, Ok(Some(json!("a")))),
            ("7", Kind::Any, Ok(Some(json!(7)))),
            ("\"7\"", Kind::Any, Ok(Some(json!("7")))),
            ("007", Kind::Any, Ok(Some(json!("007")))),
        ] {
            assert_eq!(decode(cell, kind).map_err(drop), value, "{cell:?} as {kind:?}");
        }
    }

    fn json_value() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            (-1000i32..1000).prop_map(|n| Json::from(f64::from(n) / 8.0)),
            any::<String>().prop_map(Json::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
                prop::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|map| Json::Object(map.into_iter().collect())),
            ]
        })
    }

    /// A value that a field of this kind can have.
    fn field() -> impl Strategy<Value = (Kind, Json)> {
        prop_oneof![
            any::<String>().prop_map(|text| (Kind::Text, text.into())),
            any::<i64>().prop_map(|n| (Kind::Number, n.into())),
            any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(|n| (Kind::Number, n.into())),
            any::<bool>().prop_map(|flag| (Kind::Bool, flag.into())),
            json_value().prop_map(|value| (Kind::Json, value)),
            json_value().prop_map(|value| (Kind::Any, value)),
        ]
    }

    /// Through a CSV file, quotes and line breaks included.
    fn through_a_file(cells: &[String]) -> Vec<String> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(cells).unwrap();
        let bytes = writer.into_inner().unwrap();
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&*bytes);
        let record = reader.records().next().unwrap().unwrap();
        record.iter().map(str::to_owned).collect()
    }

    fn equal(a: &Json, b: &Json) -> bool {
        // 5.0 and 5 are one number to every server
        a == b || matches!((a.as_f64(), b.as_f64()), (Some(a), Some(b)) if a == b)
    }

    proptest! {
        #[test]
        fn every_value_survives_a_file(fields in prop::collection::vec(field(), 1..8)) {
            let cells: Vec<_> = fields.iter().map(|(kind, value)| encode(Some(value), *kind)).collect();
            let read = through_a_file(&cells);
            prop_assert_eq!(read.len(), fields.len());
            for (cell, (kind, value)) in read.iter().zip(&fields) {
                let decoded = decode(cell, *kind).unwrap();
                prop_assert!(decoded.as_ref().is_some_and(|found| equal(found, value)), "{value} as {cell:?}: {decoded:?}");
            }
        }
    }
}
