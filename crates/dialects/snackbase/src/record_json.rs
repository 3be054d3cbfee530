//! A record as SnackBase writes it, without a JSON tree.

use serde_json::Value as Json;
use std::sync::Arc;
use tidewire_model::json::{self, Escape};
use tidewire_model::{Collection, Field, FieldKind, Record, Value};
use tidewire_records::formulas::Formulas;
use tidewire_records::mask::{BULLETS, masked};

/// The keys that every record has, in their order.
pub const SYSTEM_FIELDS: [&str; 6] =
    ["id", "account_id", "created_at", "created_by", "updated_at", "updated_by"];

/// How the records of one collection look to one kind of reader.
#[derive(Clone, Debug)]
pub struct RecordJson {
    collection: Arc<Collection>,
    /// places of the system fields among the collection's, none for the account
    system: [Option<usize>; 6],
    /// places of the other fields that are shown
    shown: Vec<usize>,
    projection: Option<Arc<[Box<str>]>>,
    /// personal data are masked
    masked: bool,
    /// of the computed fields, where these are shown: in what is read, not in events
    formulas: Option<Arc<Formulas>>,
}

/// What is written of a field that is unset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unset {
    /// null: records that were read or updated
    Null,
    /// nothing: records that were just created
    Absent,
}

/// The account's name as a key of its own: in answers, not in events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountName<'a> {
    Absent,
    Null,
    Is(&'a str),
}

impl RecordJson {
    /// `projection`: the fields to show besides the system's; `None` for all.
    pub fn new(collection: &Arc<Collection>, projection: Option<&[Box<str>]>, masked: bool) -> Self {
        let projection = projection.map(Arc::from);
        let shown = shown(collection, projection.as_deref());
        Self {
            collection: collection.clone(),
            system: system(collection),
            shown,
            projection,
            masked,
            formulas: None,
        }
    }

    /// Shows computed fields, too.
    pub fn computing(mut self, formulas: Arc<Formulas>) -> Self {
        self.formulas = Some(formulas);
        self
    }

    /// Equal texts: the records of one collection look equal.
    pub fn write_key(&self, out: &mut String) {
        out.push(if self.masked && has_masks(&self.collection) { 'm' } else { 'c' });
        for name in self.projection.iter().flat_map(|names| names.iter()) {
            out.push(',');
            out.push_str(name);
        }
        out.push(if self.projection.is_some() { '.' } else { '*' });
    }

    /// Appends the record as one JSON object.
    pub fn write(&self, record: &Record, unset: Unset, account: AccountName<'_>, out: &mut Vec<u8>) {
        self.write_with(record, unset, account, &mut |_, _| false, out);
    }

    /// The same; `replace` may write another value for a field and say so.
    pub fn write_with(
        &self,
        record: &Record,
        unset: Unset,
        account: AccountName<'_>,
        replace: &mut dyn FnMut(&Field, &mut Vec<u8>) -> bool,
        out: &mut Vec<u8>,
    ) {
        if !Arc::ptr_eq(&self.collection, &record.collection) {
            let by_its_own = Self::new(&record.collection, self.projection.as_deref(), self.masked);
            return by_its_own.write_fields(record, unset, account, replace, out);
        }
        self.write_fields(record, unset, account, replace, out);
    }

    fn write_fields(
        &self,
        record: &Record,
        unset: Unset,
        account: AccountName<'_>,
        replace: &mut dyn FnMut(&Field, &mut Vec<u8>) -> bool,
        out: &mut Vec<u8>,
    ) {
        self.write_system(record, out);
        match account {
            AccountName::Absent => {}
            AccountName::Null => out.extend_from_slice(b",\"account_name\":null"),
            AccountName::Is(name) => {
                out.extend_from_slice(b",\"account_name\":");
                json::write_text(out, name, Escape::Minimal);
            }
        }
        for &index in &self.shown {
            let (field, value) = (&self.collection.fields[index], &record.values[index]);
            let start = out.len();
            write_key(&field.name, out);
            if replace(field, out) {
                continue;
            }
            if field.formula().is_some() {
                match &self.formulas {
                    Some(formulas) => self.write_computed(formulas, index, record, out),
                    None => out.truncate(start),
                }
                continue;
            }
            if unset == Unset::Absent && is_unset(value) {
                out.truncate(start);
                continue;
            }
            write_field(field, value, self.masked, out);
        }
        self.write_keys(record, out);
        out.push(b'}');
    }

    /// The keys of an open collection's document, as if they were fields; those that are called as a field are not shown.
    fn write_keys(&self, record: &Record, out: &mut Vec<u8>) {
        let Some(Value::Json(Json::Object(data))) =
            record.get(Collection::DATA).filter(|_| record.collection.open)
        else {
            return;
        };
        let is_taken =
            |key: &str| is_system(key) || key == "account_name" || self.collection.field_index(key).is_some();
        let is_shown = |key: &str| {
            !is_taken(key)
                && self.projection.as_ref().is_none_or(|names| names.iter().any(|name| **name == *key))
        };
        for (key, value) in data.iter().filter(|(key, _)| is_shown(key)) {
            write_key(key, out);
            // to the last digit; a Vec takes everything
            let _ = serde_json::to_writer(&mut *out, value);
        }
    }

    fn write_computed(&self, formulas: &Formulas, index: usize, record: &Record, out: &mut Vec<u8>) {
        let value = formulas.value(index, record);
        let own = self.collection.fields[index].extra.as_ref().and_then(|extra| extra.mask);
        match own.or(formulas.mask(index)).filter(|_| self.masked) {
            Some(mask) => json::write_value(out, &masked(mask, &value), Escape::Minimal),
            None => json::write_value(out, &value, Escape::Minimal),
        }
    }

    fn write_system(&self, record: &Record, out: &mut Vec<u8>) {
        for (position, name) in SYSTEM_FIELDS.into_iter().enumerate() {
            out.extend_from_slice(if position == 0 { b"{\"" } else { b",\"" });
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"\":");
            match self.system[position] {
                _ if name == "account_id" => json::write_text(out, record.tenant.as_str(), Escape::Minimal),
                Some(index) => write_field(&self.collection.fields[index], &record.values[index], false, out),
                None => out.extend_from_slice(b"null"),
            }
        }
    }
}

/// A stored time ("2026-11-22 02:43:39.174Z") as SnackBase writes times; anything else as it is.
pub fn write_time(text: &str, out: &mut Vec<u8>) {
    match (text.get(..10), text.get(10..11), text.get(11..23), text.get(23..)) {
        (Some(day), Some(" "), Some(time), Some("Z")) => {
            out.push(b'"');
            for part in [day, "T", time, "000+00:00"] {
                out.extend_from_slice(part.as_bytes());
            }
            out.push(b'"');
        }
        _ => json::write_text(out, text, Escape::Minimal),
    }
}

/// Whether the field is one of those that every record has.
pub fn is_system(name: &str) -> bool {
    SYSTEM_FIELDS.contains(&name)
}

/// Whether some field of the collection holds personal data.
pub fn has_masks(collection: &Collection) -> bool {
    collection.fields.iter().any(Field::is_personal)
}

fn system(collection: &Collection) -> [Option<usize>; 6] {
    // what PocketBase's collections have instead
    let other_name = |name: &str| match name {
        "created_at" => Some("created"),
        "updated_at" => Some("updated"),
        _ => None,
    };
    let is_time = |index: &usize| matches!(collection.fields[*index].kind, FieldKind::Autodate(_));
    SYSTEM_FIELDS.map(|name| {
        let other = || collection.field_index(other_name(name)?).filter(is_time);
        collection.field_index(name).or_else(other)
    })
}

fn shown(collection: &Collection, projection: Option<&[Box<str>]>) -> Vec<usize> {
    // addresses are shown by rules of their own, secrets never
    let is_private = |name: &str| collection.is_auth() && matches!(name, "password" | "tokenKey" | "email");
    let is_shown = |field: &Field| {
        let is_document = collection.open && &*field.name == Collection::DATA;
        let closed = field.hidden || is_system(&field.name) || is_private(&field.name) || is_document;
        !closed && projection.is_none_or(|names| names.contains(&field.name))
    };
    let all = collection.fields.iter().enumerate();
    all.filter(|(_, field)| is_shown(field)).map(|(index, _)| index).collect()
}

fn write_key(name: &str, out: &mut Vec<u8>) {
    out.push(b',');
    json::write_text(out, name, Escape::Minimal);
    out.push(b':');
}

fn write_field(field: &Field, value: &Value, mask: bool, out: &mut Vec<u8>) {
    let extra = field.extra.as_deref();
    match (&field.kind, value) {
        (_, Value::Null) => out.extend_from_slice(b"null"),
        _ if extra.is_some_and(|extra| extra.encrypted) => json::write_text(out, BULLETS, Escape::Minimal),
        (FieldKind::Autodate(_) | FieldKind::Date(_), Value::Text(text)) => write_time(text, out),
        _ => match extra.and_then(|extra| extra.mask).filter(|_| mask) {
            Some(kind) => json::write_value(out, &masked(kind, value), Escape::Minimal),
            None => json::write_value(out, value, Escape::Minimal),
        },
    }
}

fn is_unset(value: &Value) -> bool {
    matches!(value, Value::Null | Value::Json(Json::Null))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tidewire_model::TenantId;

    fn collection() -> Arc<Collection> {
        let json = json!({
            "id": "c", "name": "posts", "type": "base", "system": false, "indexes": [], "created": "", "updated": "",
            "language": "snackbase",
            "fields": [
                {"name": "id", "type": "text"},
                {"name": "created_at", "type": "autodate", "nullable": true},
                {"name": "updated_at", "type": "autodate", "nullable": true},
                {"name": "created_by", "type": "text", "nullable": true},
                {"name": "updated_by", "type": "text", "nullable": true},
                {"name": "title", "type": "text", "nullable": true},
                {"name": "views", "type": "number", "nullable": true},
                {"name": "mail", "type": "text", "nullable": true, "extra": {"mask": "email"}},
                {"name": "secret", "type": "text", "nullable": true, "extra": {"encrypted": true}},
                {"name": "double", "type": "number", "nullable": true, "extra": {"expression": "views * 2"}},
                {"name": "meta", "type": "json", "nullable": true},
            ],
        });
        let mut collection: Collection = serde_json::from_value(json).unwrap();
        collection.index_fields();
        Arc::new(collection)
    }

    fn check(
        projection: Option<&[&str]>,
        masked: bool,
        unset: Unset,
        account: AccountName<'_>,
        expected: &str,
    ) {
        let collection = collection();
        let mut record = Record::empty(collection.clone(), TenantId::new("a"));
        for (name, value) in [
            ("id", Value::text("1")),
            ("created_at", Value::text("2026-11-22 02:43:39.174Z")),
            ("created_by", Value::text("u")),
            ("title", Value::text("Hé \"q\"")),
            ("mail", Value::text("joe@x.com")),
            ("secret", Value::text("sealed")),
        ] {
            record.set(name, value);
        }
        let names: Option<Vec<Box<str>>> =
            projection.map(|names| names.iter().map(|name| (*name).into()).collect());
        let mut out = Vec::new();
        RecordJson::new(&collection, names.as_deref(), masked).write(&record, unset, account, &mut out);
        let text = String::from_utf8(out).unwrap();
        let system = r#"{"id":"1","account_id":"a","created_at":"2026-11-22T02:43:39.174000+00:00","created_by":"u","updated_at":null,"updated_by":null"#;
        assert_eq!(text, format!("{system}{expected}}}"));
        assert!(serde_json::from_str::<Json>(&text).is_ok());
    }

    #[test]
    fn records_are_written_for_their_readers() {
        use AccountName::{Absent, Is, Null};
        let title = r#","title":"Hé \"q\"""#;
        let secret = r#","secret":"••••••••""#;
        for (projection, masked, unset, account, expected) in [
            (None, false, Unset::Absent, Absent, format!(r#"{title},"mail":"joe@x.com"{secret}"#)),
            (
                None,
                true,
                Unset::Null,
                Absent,
                format!(r#"{title},"views":null,"mail":"j***@x.com"{secret},"meta":null"#),
            ),
            (Some(&["title"][..]), true, Unset::Null, Null, format!(r#","account_name":null{title}"#)),
            (Some(&[][..]), true, Unset::Null, Is("A"), r#","account_name":"A""#.to_owned()),
        ] {
            check(projection, masked, unset, account, &expected);
        }
    }
}
