//! Whether a value may stand in its field. One file per kind of field; the first fault of a field is told.

mod date;
mod editor;
pub mod email;
mod file;
mod geo_point;
pub mod iso;
mod json;
mod number;
mod password;
mod relation;
mod select;
mod text;
pub mod url;

pub(crate) use password::plain as plain_password;
pub(crate) use relation::related;

use crate::error::FieldError;
use serde_json::Value as Json;
use tidewire_model::{Field, FieldKind, Value};

/// Checks everything that needs no other record. `old` is the value before the write.
pub(crate) fn validate(field: &Field, value: &Value, old: Option<&Value>) -> Result<(), FieldError> {
    if field.nullable && matches!(value, Value::Null | Value::Json(Json::Null)) {
        return if field.required { Err(FieldError::required()) } else { Ok(()) };
    }
    // where unset is told from zero, or cannot be set otherwise, whatever is there will do
    let is_set = field.nullable || field.extra.as_ref().is_some_and(|extra| &*extra.label == "boolean");
    let needed = field.required && !is_set;
    let text = value.as_str();
    match &field.kind {
        FieldKind::Text(options) => text::check(options, needed, text),
        FieldKind::Editor(options) => editor::check(options, needed, text),
        FieldKind::Number(options) => number::check(options, needed, value),
        FieldKind::Bool {} => required(needed, value),
        FieldKind::Email(options) => email::check(options, needed, text),
        FieldKind::Url(options) => url::check(options, needed, text),
        FieldKind::Date(options) => date::check(options, needed, text),
        FieldKind::Select(options) => select::check(options, needed, value),
        FieldKind::Relation(options) => relation::check(options, needed, value),
        FieldKind::File(options) => file::check(options, needed, value, old),
        FieldKind::Json(options) => json::check(options, needed, value),
        FieldKind::GeoPoint {} => geo_point::check(needed, value),
        FieldKind::Password(_) => required(needed, value),
        FieldKind::Autodate(_) => Ok(()),
    }?;
    match &field.extra {
        Some(extra) if !extra.encrypted => iso::check(&extra.label, text),
        _ => Ok(()),
    }
}

fn required(required: bool, value: &Value) -> Result<(), FieldError> {
    if required && value.is_zero() { Err(FieldError::required()) } else { Ok(()) }
}

/// A number as messages and parameters write it.
fn plain(number: f64) -> String {
    let mut out = Vec::new();
    tidewire_model::json::write_number(&mut out, number);
    String::from_utf8(out).unwrap_or_default()
}

/// How many values select, relation and file fields take.
fn at_most(max_select: u64) -> usize {
    usize::try_from(max_select.max(1)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::normalise;
    use serde_json::{Value as Json, json};

    /// `expected` is "" or the code, with the message behind a space if it matters.
    fn check(options: &Json, input: Json, expected: &str) {
        let mut definition = options.clone();
        definition["name"] = json!("f");
        let field: Field = serde_json::from_value(definition).unwrap();
        let found = match validate(&field, &normalise(&field, &input), None) {
            Ok(()) => String::new(),
            Err(error) if expected.contains(' ') => format!("{} {}", error.code, error.message),
            Err(error) => error.code.to_owned(),
        };
        assert_eq!(found, expected, "{options} {input}");
    }

    #[test]
    fn emails_are_told_from_other_text() {
        let email = json!({"type": "email"});
        for (input, valid) in [
            ("a@b.co", true),
            ("A.b+c@sub.example.com", true),
            ("é@bücher.de", true),
            ("\"a b\"@x.org", true),
            ("a@x1.y", true),
            ("a@b", false),
            ("a@.com", false),
            ("a@b.c0", false),
            ("a..b@c.de", false),
            (".a@c.de", false),
            ("a b@c.de", false),
            ("a@b@c.de", false),
            ("@c.de", false),
            ("a@-c.de", false),
            ("a", false),
        ] {
            check(&email, json!(input), if valid { "" } else { "validation_is_email" });
        }
    }

    #[test]
    fn urls_are_told_from_other_text() {
        let url = json!({"type": "url"});
        for (input, valid) in [
            ("https://ok.com/p", true),
            ("http://localhost:8090", true),
            ("ok.com/p?q#x", true),
            ("ftp://user:pass@10.0.0.1/x", true),
            ("http://[::1]:80/", true),
            ("https://bücher.de", true),
            ("wss://a-b.c_d.org", true),
            ("x", false),
            ("http://", false),
            ("nope", false),
            ("javascript:alert(1)", false),
            ("http://a b.com", false),
            ("gopher://a.com", false),
            ("http://a.com:123456", false),
            ("http://.com", false),
            ("http://a.com/a b", false),
        ] {
            check(&url, json!(input), if valid { "" } else { "validation_invalid_url" });
        }
        let only = json!({"type": "url", "onlyDomains": ["ok.com"]});
        check(&only, json!("https://no.com"), "validation_url_domain_not_allowed Url domain is not allowed.");
        check(&only, json!("https://ok.com"), "");
    }

    #[test]
    fn bounds_and_their_messages() {
        let number = json!({"type": "number", "min": 1.5, "max": 10});
        let date = json!({"type": "date", "min": "2024-01-01 00:00:00.000Z"});
        let many = json!({"type": "select", "values": ["a", "b", "c"], "maxSelect": 2, "required": true});
        let relation = json!({"type": "relation", "maxSelect": 3, "minSelect": 2});
        for (field, input, expected) in [
            (&number, json!(1), "validation_min_number_constraint Must be greater or equal than 1.5."),
            (&number, json!(11), "validation_max_number_constraint Must be less or equal than 10."),
            (&number, json!(0), ""),
            (&number, json!("inf"), "validation_not_a_number"),
            (
                &date,
                json!("2023-12-31"),
                "validation_min_greater_equal_than_required Must be no less than 2024-01-01 00:00:00 +0000 UTC.",
            ),
            (&many, json!([]), "validation_required Cannot be blank."),
            (&many, json!(["a", "b", "c"]), "validation_too_many_values Select no more than 2."),
            (&relation, json!(["a"]), "validation_not_enough_values Select at least 2."),
            (&relation, json!([]), ""),
            (
                &json!({"type": "geoPoint"}),
                json!({"lon": 1, "lat": 91}),
                "validation_invalid_latitude Latitude must be between -90 and 90 degrees.",
            ),
            (&json!({"type": "geoPoint", "required": true}), json!({}), "validation_required"),
            (&json!({"type": "json", "required": true}), json!({}), "validation_required"),
            (
                &json!({"type": "json", "maxSize": 5}),
                json!("abcd"),
                "validation_json_size_limit The maximum allowed JSON size is 5 bytes.",
            ),
            (
                &json!({"type": "editor", "maxSize": 3}),
                json!("abcd"),
                "validation_content_size_limit The maximum allowed content size is 3 bytes.",
            ),
            (&json!({"type": "bool", "required": true}), json!(false), "validation_required"),
            (
                &json!({"type": "text"}),
                json!("x".repeat(5001)),
                "validation_max_text_constraint Must be no more than 5000 character(s).",
            ),
            (
                &json!({"type": "text", "primaryKey": true, "name": "id"}),
                json!("a/b"),
                "validation_forbidden_pk_character '/' is not a valid primary key character.",
            ),
            (&json!({"type": "text", "primaryKey": true}), json!("nul"), "validation_reserved_pk"),
            (
                &json!({"type": "file"}),
                json!("abc.txt"),
                "validation_invalid_file Invalid new files: [abc.txt].",
            ),
        ] {
            check(field, input, expected);
        }
    }
}
