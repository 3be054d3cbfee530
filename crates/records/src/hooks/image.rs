//! A record as user code sees it: all fields but passwords, hidden ones too, and what it changed of them.

use crate::draft::Draft;
use crate::mask::BULLETS;
use crate::rule::layout;
use crate::secret::is_secret;
use crate::{Body, Prepared, validate};
use serde_json::{Map, Value as Json};
use std::sync::Arc;
use tidewire_auth::Passwords;
use tidewire_model::{Catalog, Collection, Field, FieldKind, Record, Value};

/// Members that are no field.
const FIXED: [&str; 2] = ["collectionId", "collectionName"];

/// By the names of the fields; an open collection's record shows the keys of its document among them.
pub(crate) fn image(catalog: &Arc<Catalog>, record: &Record) -> Map<String, Json> {
    let collection = &record.collection;
    let mut members = Map::new();
    if let Some(Json::Object(data)) = document(record) {
        members = data;
        FIXED.iter().for_each(|name| drop(members.remove(*name)));
    }
    let formulas = collection.fields.iter().any(|field| field.formula().is_some());
    let layout = formulas.then(|| layout(catalog, collection));
    for (index, (field, value)) in record.fields().enumerate() {
        if is_kept_back(collection, field) {
            continue;
        }
        let json = match &layout {
            Some(layout) if field.formula().is_some() => layout.formulas.value(index, record).to_json(),
            _ if is_secret(field) && !value.is_zero() => Json::from(BULLETS),
            _ => value.to_json(),
        };
        members.insert(field.name.to_string(), json);
    }
    members.insert(FIXED[0].to_owned(), Json::from(&*collection.id));
    members.insert(FIXED[1].to_owned(), Json::from(&*collection.name));
    members
}

/// Lays over the draft what became of `given`. What is missing now is unset; what cannot be changed stays.
pub(crate) fn lay_over(draft: &mut Draft, given: &Map<String, Json>, mut taken: Map<String, Json>) {
    let collection = draft.record.collection.clone();
    for (index, field) in collection.fields.iter().enumerate() {
        if collection.open && &*field.name == Collection::DATA {
            continue;
        }
        let new = taken.remove(&*field.name);
        if let FieldKind::Password(_) = field.kind {
            if let Some(plain) = new.as_ref().and_then(Json::as_str) {
                let body = Body::from_iter([(field.name.to_string(), Json::from(plain))]);
                draft.set(index, &Json::from(plain), &hashed_here(&collection, body));
            }
        } else if !is_kept_back(&collection, field) && new.as_ref() != given.get(&*field.name) {
            draft.set(index, &new.unwrap_or(Json::Null), &Prepared::default());
        }
    }
    if collection.open {
        FIXED.iter().for_each(|name| drop(taken.remove(*name)));
        if let Some(Json::Object(before)) = document(&draft.record) {
            // keys that were not shown, because a field is called like them
            let hidden = |name: &str| collection.field(name).is_some() || FIXED.contains(&name);
            taken.extend(before.into_iter().filter(|(name, _)| hidden(name)));
        }
        draft.record.set(Collection::DATA, Value::Json(Json::Object(taken)));
    }
}

/// A body with its passwords hashed on this thread, which takes some ten milliseconds for each.
pub(crate) fn hashed_here(collection: &Collection, body: Body) -> Prepared {
    let mut prepared = Prepared { body, ..Prepared::default() };
    for field in &collection.fields {
        let FieldKind::Password(options) = &field.kind else { continue };
        let Some(plain) = prepared.body.get(&*field.name).and_then(Json::as_str) else { continue };
        // what validation will refuse is not worth a hash
        if validate::plain_password(options, plain).is_ok()
            && let Ok(hash) = Passwords::hash_here(plain)
        {
            prepared.hashes.insert(field.name.to_string(), hash);
        }
    }
    prepared
}

/// Server code need not type a password twice.
pub(crate) fn confirmed(collection: &Collection, mut body: Body) -> Body {
    if let (true, Some(password)) = (collection.is_auth(), body.get("password").cloned()) {
        body.entry("passwordConfirm").or_insert(password);
    }
    body
}

fn document(record: &Record) -> Option<Json> {
    let data = record.get(Collection::DATA).filter(|_| record.collection.open);
    data.map(Value::to_json)
}

/// What would let somebody sign in as the record, and the document that is shown by its keys.
fn is_kept_back(collection: &Collection, field: &Field) -> bool {
    let credential = collection.is_auth() && &*field.name == "tokenKey";
    let document = collection.open && &*field.name == Collection::DATA;
    credential || document || matches!(field.kind, FieldKind::Password(_))
}
