//! A record under construction: a body laid over a base image, field by field, with modifiers.

use crate::mask::BULLETS;
use crate::normalise::{choose, normalise, number, text, texts};
use crate::pattern;
use crate::prepare::{Body, Prepared};
use crate::secret::is_secret;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use tidewire_model::field::Extra;
use tidewire_model::{Collection, Field, FieldKind, Record, Value};

/// What a password field holds between a typed password that was not hashed and the fault that it earns.
const UNHASHED: &str = "-";

/// What clients send back because a record showed it.
const NOT_DATA: [&str; 5] = ["collectionId", "collectionName", "collection_id", "expand", "account_id"];

/// The new image, and what rules see of the body that made it.
#[derive(Debug)]
pub(crate) struct Draft {
    pub record: Record,
    /// field values after modifiers; keys that name no field as they came. Empty if nothing of the collection reads it
    pub body: Body,
    /// fields that the body named
    named: Vec<usize>,
    reads_body: bool,
    /// passwords as they were typed, by field index
    pub plain: BTreeMap<usize, String>,
    /// values to be stored encrypted, by field index
    pub secrets: BTreeMap<usize, Json>,
}

/// What a body key asks of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Change {
    Set,
    Append,
    Prepend,
    Remove,
    Generate,
}

impl Draft {
    /// Hidden fields of the body are dropped unless `superuser`, but for the password of an auth record.
    pub fn new(base: Record, prepared: &Prepared, superuser: bool) -> Self {
        let collection = base.collection.clone();
        let reads_body = reads_body(&collection);
        let mut draft = Self {
            record: base,
            body: if reads_body { prepared.body.clone() } else { Body::new() },
            named: Vec::with_capacity(prepared.body.len()),
            reads_body,
            plain: BTreeMap::new(),
            secrets: BTreeMap::new(),
        };
        let mut keys: Vec<&String> = prepared.body.keys().collect();
        // a plain name comes before its modifiers
        keys.sort_by_key(|key| key.len());
        let mut more = Vec::new();
        for key in keys {
            let Some((index, change)) = target(&collection, key) else {
                more.push(key);
                continue;
            };
            let field = &collection.fields[index];
            draft.body.remove(key.as_str());
            if !superuser && is_closed(&collection, field) {
                continue;
            }
            draft.apply(index, field, change, &prepared.body[key.as_str()], prepared);
        }
        if collection.open {
            draft.open(more.into_iter().map(|key| (key, &prepared.body[key.as_str()])));
        }
        draft
    }

    /// A record that is ready as it is.
    pub fn of(record: Record) -> Self {
        Self {
            record,
            body: Body::new(),
            named: Vec::new(),
            reads_body: false,
            plain: BTreeMap::new(),
            secrets: BTreeMap::new(),
        }
    }

    /// As if a superuser's body had named the field.
    pub fn set(&mut self, index: usize, input: &Json, prepared: &Prepared) {
        let collection = self.record.collection.clone();
        self.apply(index, &collection.fields[index], Change::Set, input, prepared);
    }

    /// What no field is named for goes into `data`, which is always an object.
    fn open<'a>(&mut self, more: impl Iterator<Item = (&'a String, &'a Json)>) {
        let Some(index) = self.record.collection.field_index(Collection::DATA) else { return };
        let mut data = match std::mem::replace(&mut self.record.values[index], Value::Null) {
            Value::Json(Json::Object(data)) => data,
            _ => Body::new(),
        };
        let own = more.filter(|(key, _)| !NOT_DATA.contains(&key.as_str()));
        data.extend(own.map(|(key, value)| (key.clone(), value.clone())));
        self.record.values[index] = Value::Json(Json::Object(data));
    }

    /// Lays the defaults of the fields under what the body said.
    pub fn take_defaults(&mut self) {
        let collection = self.record.collection.clone();
        for (index, field) in collection.fields.iter().enumerate() {
            let Some(extra) = field.extra.as_ref().filter(|extra| !extra.default.is_null()) else { continue };
            if !self.named.contains(&index) {
                self.apply(index, field, Change::Set, &extra.default, &Prepared::default());
            }
        }
    }

    fn apply(&mut self, index: usize, field: &Field, change: Change, input: &Json, prepared: &Prepared) {
        self.named.push(index);
        if let FieldKind::Password(_) = field.kind {
            let plain = text(input).into_owned();
            let hash = prepared.hashes.get(&*field.name).map_or(UNHASHED, String::as_str);
            self.record.values[index] = Value::text(if plain.is_empty() { "" } else { hash });
            self.plain.insert(index, plain);
        } else if is_secret(field) {
            self.apply_secret(index, field, input);
        } else if !is_managed(field) {
            let value = changed(field, &self.record.values[index], change, input);
            self.record.values[index] = unset_if_empty(field, value);
        }
        if self.reads_body {
            self.body.insert(field.name.to_string(), self.seen(index, field, input));
        }
    }

    /// What rules see of a field that the body named.
    fn seen(&self, index: usize, field: &Field, input: &Json) -> Json {
        match self.plain.get(&index) {
            Some(plain) => Json::String(plain.clone()),
            None if is_secret(field) => input.clone(),
            None => self.record.values[index].to_json(),
        }
    }

    /// What hides a value stands for the stored one.
    fn apply_secret(&mut self, index: usize, field: &Field, input: &Json) {
        match input {
            Json::String(text) if text == BULLETS => {}
            Json::Null => {
                self.secrets.remove(&index);
                self.record.values[index] = field.unset();
            }
            open => {
                self.secrets.insert(index, open.clone());
                self.record.values[index] = Value::text(BULLETS);
            }
        }
    }

    /// Sets the password of an auth record whose hash is ready.
    pub fn type_password(&mut self, plain: &str, hash: &str) {
        self.record.set("password", Value::text(hash));
        let index = self.record.collection.field_index("password");
        self.plain.extend(index.map(|index| (index, plain.to_owned())));
    }

    /// True if a typed password has no hash yet.
    pub fn lacks_hash(&self) -> bool {
        self.plain
            .iter()
            .any(|(index, plain)| !plain.is_empty() && self.record.values[*index].as_str() == UNHASHED)
    }

    /// The password that was typed for `field`, "" if none.
    pub fn typed(&self, field: &str) -> &str {
        let index = self.record.collection.field_index(field);
        index.and_then(|index| self.plain.get(&index)).map_or("", String::as_str)
    }
}

/// Whether a rule, a form or a projection of the collection may ask for the body.
fn reads_body(collection: &Collection) -> bool {
    let rules = [&collection.rules.create, &collection.rules.update];
    let projections = [&collection.projections.create, &collection.projections.update];
    collection.is_auth()
        || projections.into_iter().any(Option::is_some)
        || rules.into_iter().flatten().any(|rule| rule.contains("@request."))
}

/// Bodies of others than superusers cannot reach hidden fields.
fn is_closed(collection: &Collection, field: &Field) -> bool {
    field.hidden && !(collection.is_auth() && &*field.name == "password")
}

/// Filled by the store itself, whatever a body says.
fn is_managed(field: &Field) -> bool {
    let managed = |extra: &Extra| extra.author.is_some() || !extra.expression.is_empty();
    matches!(field.kind, FieldKind::Autodate(_)) || field.extra.as_deref().is_some_and(managed)
}

/// Only texts that are nullable can be both null and empty.
fn unset_if_empty(field: &Field, value: Value) -> Value {
    let may_be_empty = !field.nullable || matches!(field.kind, FieldKind::Text(_) | FieldKind::Editor(_));
    if may_be_empty || value != Value::text("") { value } else { field.unset() }
}

/// The field that a body key names, and what it asks.
fn target(collection: &Collection, key: &str) -> Option<(usize, Change)> {
    if let Some(index) = collection.field_index(key) {
        return Some((index, Change::Set));
    }
    let (name, change) = if let Some(name) = key.strip_suffix('+') {
        (name, Change::Append)
    } else if let Some(name) = key.strip_suffix('-') {
        (name, Change::Remove)
    } else if let Some(name) = key.strip_prefix('+') {
        (name, Change::Prepend)
    } else {
        (key.strip_suffix(":autogenerate")?, Change::Generate)
    };
    let index = collection.field_index(name)?;
    let known = match &collection.fields[index].kind {
        FieldKind::Number(_) => matches!(change, Change::Append | Change::Remove),
        FieldKind::Select(_) | FieldKind::Relation(_) | FieldKind::File(_) => change != Change::Generate,
        FieldKind::Text(_) => change == Change::Generate,
        _ => false,
    };
    known.then_some((index, change))
}

fn changed(field: &Field, old: &Value, change: Change, input: &Json) -> Value {
    match (&field.kind, change) {
        (_, Change::Set) => normalise(field, input),
        (FieldKind::Number(_), change) => {
            let before = if let Value::Number(number) = old { *number } else { 0.0 };
            let by = number(input);
            Value::Number(if change == Change::Remove { before - by } else { before + by })
        }
        (FieldKind::Text(options), _) => {
            let generated = pattern::generate(&options.autogenerate_pattern).unwrap_or_default();
            Value::Text(format!("{}{generated}", text(input)).into())
        }
        (_, change) => choose(field, merged(old, change, texts(input))),
    }
}

fn merged(old: &Value, change: Change, given: Vec<String>) -> Vec<String> {
    let mut items: Vec<String> = old.items().into_iter().map(str::to_owned).collect();
    match change {
        Change::Prepend => {
            let mut all = given;
            all.extend(items);
            return all;
        }
        Change::Remove => items.retain(|item| !given.contains(item)),
        _ => items.extend(given),
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::Arc;
    use tidewire_model::TenantId;

    fn collection() -> Arc<Collection> {
        let mut collection: Collection = serde_json::from_value(json!({
            "id": "c", "name": "c", "type": "base", "system": false, "indexes": [], "created": "", "updated": "",
            "createRule": "@request.body.n > 0",
            "fields": [
                {"name": "t", "type": "text", "autogeneratePattern": "[x]{3}"},
                {"name": "n", "type": "number"},
                {"name": "ms", "type": "select", "values": ["a", "b", "c"], "maxSelect": 3},
                {"name": "r", "type": "relation", "maxSelect": 1},
                {"name": "h", "type": "text", "hidden": true},
                {"name": "pw", "type": "password"},
                {"name": "ad", "type": "autodate", "onCreate": true},
            ],
        }))
        .unwrap();
        collection.index_fields();
        Arc::new(collection)
    }

    /// `expected` are members of what rules see of the body.
    fn check(body: Json, superuser: bool, expected: Json) {
        let mut base = Record::empty(collection(), TenantId::default());
        base.set("n", Value::Number(2.5));
        base.set("ms", Value::list(["a", "b"]));
        base.set("r", Value::text("one"));
        let Json::Object(body) = body else { panic!("a body is an object") };
        let prepared = Prepared { body, ..Prepared::default() };
        let draft = Draft::new(base, &prepared, superuser);
        assert_eq!(Json::Object(draft.body.clone()), expected);
        for (field, value) in draft.record.fields() {
            if !matches!(field.kind, FieldKind::Password(_)) && expected.get(&*field.name).is_some() {
                assert_eq!(value.to_json(), expected[&*field.name], "{}", field.name);
            }
        }
    }

    #[test]
    fn bodies_are_laid_over_the_record() {
        for (body, superuser, expected) in [
            (json!({"n+": 1}), false, json!({"n": 3.5})),
            (json!({"n-": "0.5"}), false, json!({"n": 2.0})),
            (json!({"n+": "abc"}), false, json!({"n": 2.5})),
            (json!({"+n": 1}), false, json!({"+n": 1})),
            (json!({"n": 1, "n+": 1}), false, json!({"n": 2.0})),
            (json!({"ms+": "c"}), false, json!({"ms": ["a", "b", "c"]})),
            (json!({"+ms": ["c", "b"]}), false, json!({"ms": ["c", "b", "a"]})),
            (json!({"ms-": ["a", "z"]}), false, json!({"ms": ["b"]})),
            (json!({"r+": "two"}), false, json!({"r": "two"})),
            (json!({"r-": "one"}), false, json!({"r": ""})),
            (json!({"r-": "two"}), false, json!({"r": "one"})),
            (json!({"t+": "x"}), false, json!({"t+": "x"})),
            (json!({"t:autogenerate": "a-"}), false, json!({"t": "a-xxx"})),
            (json!({"h": "x", "y": 1}), false, json!({"y": 1})),
            (json!({"h": "x"}), true, json!({"h": "x"})),
            (json!({"pw": 12}), false, json!({"pw": "12"})),
            (json!({"ad": "2020-01-01"}), true, json!({"ad": ""})),
        ] {
            check(body, superuser, expected);
        }
    }
}
