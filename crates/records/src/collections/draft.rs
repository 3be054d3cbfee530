//! A definition read from a body: what it asks for, and what of that can be seen to be wrong at once.

use super::fault::{Faults, at_least, in_list};
use super::{defaults, fields, index};
use crate::RecordError;
use crate::prepare::Body;
use serde_json::{Map, Value as Json};
use tidewire_model::{
    AuthOptions, Catalog, Collection, CollectionKind, Field, FieldKind, TenantId, Timestamp,
};

/// Options that count something; below zero they are faults, not malformed bodies.
const COUNTS: [&str; 6] = ["min", "max", "maxSize", "maxSelect", "minSelect", "cost"];

pub(super) struct Draft {
    pub collection: Collection,
    /// negative counts, by field id
    pub negative: Vec<(Box<str>, &'static str)>,
}

pub(super) fn malformed() -> RecordError {
    RecordError::BadRequest("Failed to load the submitted data due to invalid formatting.".into())
}

/// The kind that a body asks for; base unless told otherwise.
pub(super) fn kind(body: &Body) -> Result<CollectionKind, RecordError> {
    let malformed = || {
        let text = "Failed to load the collection type data due to invalid formatting.";
        RecordError::BadRequest(text.into())
    };
    match text(body, "type").map_err(|_| malformed())? {
        None | Some("" | "base") => Ok(CollectionKind::Base),
        Some("auth") => Ok(CollectionKind::Auth),
        Some("view") => Err(RecordError::Unsupported("view collections")),
        Some(_) => {
            let mut faults = Faults::default();
            faults.add(&["type"], in_list());
            Err(RecordError::Invalid(faults.0))
        }
    }
}

/// A new definition as the body describes it. Its id is made of kind and name unless it is told.
pub(super) fn create(catalog: &Catalog, tenant: &TenantId, body: &Body) -> Result<Draft, RecordError> {
    let kind = kind(body)?;
    let name = text(body, "name")?.unwrap_or("");
    let id = match text(body, "id")? {
        Some(id) if !id.is_empty() => id.to_string(),
        _ => defaults::unused_id(catalog, kind, name),
    };
    let mut base = defaults::new(kind, name, &id);
    base.owner = (tenant.as_str() != TenantId::DEFAULT).then(|| tenant.clone());
    load(base, body)
}

/// `base` with what the body says laid over it.
pub(super) fn load(base: Collection, body: &Body) -> Result<Draft, RecordError> {
    let mut draft = Draft { collection: base, negative: Vec::new() };
    let collection = &mut draft.collection;
    if let Some(name) = text(body, "name")? {
        collection.name = name.into();
    }
    match body.get("system") {
        None | Some(Json::Null) => {}
        Some(Json::Bool(system)) => collection.system = *system,
        Some(_) => return Err(malformed()),
    }
    let rules = &mut collection.rules;
    for (key, rule) in [
        ("listRule", &mut rules.list),
        ("viewRule", &mut rules.view),
        ("createRule", &mut rules.create),
        ("updateRule", &mut rules.update),
        ("deleteRule", &mut rules.delete),
    ] {
        load_rule(body, key, rule)?;
    }
    if let Some(auth) = &mut collection.auth {
        load_auth(body, auth)?;
    }
    if let Some(indexes) = list(body, "indexes")? {
        collection.indexes = indexes.iter().map(index_text).collect::<Result<_, _>>()?;
    }
    if let Some(list) = list(body, "fields")? {
        load_fields(&mut draft, list)?;
    }
    complete(&mut draft.collection);
    Ok(draft)
}

/// Fills in what the body may leave out, once all parts are known.
pub(super) fn complete(collection: &mut Collection) {
    defaults::complete(collection);
    let name = collection.name.clone();
    for sql in &mut collection.indexes {
        *sql = index::on_table(sql, &name);
    }
    if let Some(auth) = &mut collection.auth {
        forget_missing_mapped_fields(auth, &collection.fields);
    }
    let now: Box<str> = Timestamp::now().to_text().into();
    if collection.created.is_empty() {
        collection.created = now.clone();
    }
    collection.updated = now;
}

fn load_rule(body: &Body, key: &str, rule: &mut Option<Box<str>>) -> Result<(), RecordError> {
    match body.get(key) {
        None => {}
        Some(Json::Null) => *rule = None,
        Some(Json::String(text)) => *rule = Some(text.as_str().into()),
        Some(_) => return Err(malformed()),
    }
    Ok(())
}

fn load_auth(body: &Body, auth: &mut AuthOptions) -> Result<(), RecordError> {
    load_rule(body, "authRule", &mut auth.auth_rule)?;
    load_rule(body, "manageRule", &mut auth.manage_rule)?;
    let mut json = serde_json::to_value(&*auth).map_err(|_| malformed())?;
    let Json::Object(options) = &mut json else { return Err(malformed()) };
    for (key, option) in options {
        match body.get(key) {
            Some(patch) if key == "oauth2" => merge(option, &with_kept_members(option, patch)?)?,
            Some(patch) if !matches!(key.as_str(), "authRule" | "manageRule") => merge(option, patch)?,
            _ => {}
        }
    }
    *auth = serde_json::from_value(json).map_err(|_| malformed())?;
    Ok(())
}

/// Providers are known by their names: what the patch leaves out of one stays, so that nobody has to send a secret again.
fn with_kept_members(stored: &Json, patch: &Json) -> Result<Json, RecordError> {
    let mut patch = patch.clone();
    let stored = stored["providers"].as_array().map(Vec::as_slice).unwrap_or_default();
    for provider in patch.get_mut("providers").and_then(Json::as_array_mut).into_iter().flatten() {
        let Json::Object(given) = provider else { return Err(malformed()) };
        // null takes away what may be null, and says nothing of the rest
        given.retain(|key, value| !value.is_null() || matches!(key.as_str(), "pkce" | "extra"));
        let known =
            stored.iter().filter_map(Json::as_object).find(|known| known.get("name") == given.get("name"));
        for (key, value) in known.into_iter().flatten() {
            given.entry(key).or_insert_with(|| value.clone());
        }
    }
    Ok(patch)
}

/// Lays known keys of `patch` over `base`; null changes nothing, other types are refused.
fn merge(base: &mut Json, patch: &Json) -> Result<(), RecordError> {
    match (base, patch) {
        (_, Json::Null) => {}
        (Json::Object(base), Json::Object(patch)) => {
            for (key, value) in base {
                if let Some(patch) = patch.get(key) {
                    merge(value, patch)?;
                }
            }
        }
        (base, patch) if std::mem::discriminant(base) == std::mem::discriminant(patch) => {
            *base = patch.clone();
        }
        _ => return Err(malformed()),
    }
    Ok(())
}

fn load_fields(draft: &mut Draft, list: &[Json]) -> Result<(), RecordError> {
    let old = std::mem::take(&mut draft.collection.fields);
    let mut new = Vec::new();
    for json in list {
        let Json::Object(json) = json else { return Err(malformed()) };
        let (mut field, negative) = read_field(json)?;
        if field.id.is_empty() {
            field.id = old_id(&old, &field, list).unwrap_or_default();
        }
        let name = field.name.clone();
        fields::add(&mut new, field);
        if let Some(field) = fields::by_name(&new, &name) {
            draft.negative.extend(negative.into_iter().map(|key| (field.id.clone(), key)));
        }
    }
    draft.collection.fields = new;
    Ok(())
}

/// The id of the stored field with that name and type, so that its data is kept.
fn old_id(old: &[Field], field: &Field, list: &[Json]) -> Option<Box<str>> {
    let same = fields::by_name(old, &field.name)?;
    let taken = list.iter().any(|json| json["id"] == *same.id);
    (same.kind.type_name() == field.kind.type_name() && !taken).then(|| same.id.clone())
}

/// A field, and those of its counts that are below zero.
fn read_field(json: &Map<String, Json>) -> Result<(Field, Vec<&'static str>), RecordError> {
    let mut json: Map<String, Json> = json
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let mut negative = Vec::new();
    if json.get("type").is_none_or(|kind| !matches!(kind.as_str(), Some("number" | "date"))) {
        for key in COUNTS {
            if json.get(key).and_then(Json::as_i64).is_some_and(|count| count < 0) {
                json.insert(key.into(), 0.into());
                negative.push(key);
            }
        }
    }
    let mut field: Field = serde_json::from_value(Json::Object(json)).map_err(|_| malformed())?;
    match &mut field.kind {
        FieldKind::Date(options) => {
            options.min = date(&options.min);
            options.max = date(&options.max);
        }
        FieldKind::Autodate(_) => (field.required, field.help) = (false, "".into()),
        _ => {}
    }
    Ok((field, negative))
}

pub(super) fn negative_fault() -> crate::error::Fault {
    at_least(0)
}

fn date(text: &str) -> Box<str> {
    Timestamp::parse(text).map_or_else(String::new, Timestamp::to_text).into()
}

fn index_text(json: &Json) -> Result<Box<str>, RecordError> {
    json.as_str().map(Into::into).ok_or_else(malformed)
}

fn forget_missing_mapped_fields(auth: &mut AuthOptions, list: &[Field]) {
    let mapped = &mut auth.oauth2.mapped_fields;
    for name in [&mut mapped.id, &mut mapped.name, &mut mapped.username, &mut mapped.avatar_url] {
        if fields::by_name(list, name).is_none() {
            *name = "".into();
        }
    }
}

fn text<'a>(body: &'a Body, key: &str) -> Result<Option<&'a str>, RecordError> {
    match body.get(key) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text)),
        Some(_) => Err(malformed()),
    }
}

/// A list, empty for null.
fn list<'a>(body: &'a Body, key: &str) -> Result<Option<&'a [Json]>, RecordError> {
    match body.get(key) {
        None => Ok(None),
        Some(Json::Null) => Ok(Some(&[])),
        Some(Json::Array(items)) => Ok(Some(items)),
        Some(_) => Err(malformed()),
    }
}
