//! Definitions put together: from a name and a list of fields to a collection that can be saved.

use crate::collections::read::{self, ReadField, Target};
use crate::collections::schema::own_fields;
use crate::error::ApiError;
use crate::field_type::FieldType;
use crate::record_json::is_system;
use http::StatusCode;
use serde_json::Value as Json;
use std::sync::Arc;
use tidewire_model::field::{Author, AutodateOptions, Extra, TextOptions};
use tidewire_model::{Collection, Field, FieldKind, Language, TenantId, Timestamp};
use tidewire_records::account::random_uuid;
use tidewire_records::collections::save;
use tidewire_records::pattern::UUID;
use tidewire_records::{Body, RecordError};
use tidewire_rules::Formula;
use tidewire_store::{StoreError, Tx};

const UUID_LENGTH: u64 = 36;
const UUID_PATTERN: &str = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";

/// Why a definition was refused.
pub enum Refusal {
    NameTaken(String),
    /// "place: what is wrong"
    Faults(Vec<String>),
    /// a rule or list of fields
    Rules(String),
    Record(RecordError),
}

/// A new collection, closed to all but superadmins until it gets rules.
pub fn new(tx: &Tx<'_>, name: &str, list: &[Json]) -> Result<Collection, Refusal> {
    let taken = tx.catalog().by_name(&TenantId::default(), name).is_some();
    if taken {
        return Err(Refusal::NameTaken(name.to_owned()));
    }
    let id = random_uuid();
    let target = Target { catalog: tx.catalog(), id: &id, name };
    let mut faults: Vec<String> = read::name_fault(name).into_iter().collect();
    let fields = read::fields(list, &target).unwrap_or_else(|found| {
        faults.extend(found);
        Vec::new()
    });
    if !faults.is_empty() {
        return Err(Refusal::Faults(faults));
    }
    let now: Box<str> = Timestamp::now().to_text().into();
    let mut collection = Collection::default();
    (collection.id, collection.name) = (id.into(), name.into());
    collection.language = Language::SnackBase;
    (collection.created, collection.updated) = (now.clone(), now);
    collection.fields = system_fields();
    for read in fields {
        add(&mut collection, read);
    }
    collection.index_fields();
    check_formulas(&collection)?;
    Ok(collection)
}

/// Expressions read fields of the same definition, so they are judged when it is complete.
fn check_formulas(collection: &Collection) -> Result<(), Refusal> {
    let judged = Arc::new(collection.clone());
    let own = own_fields(collection).enumerate().filter(|(_, field)| field.formula().is_some());
    let faults: Vec<String> = own
        .filter_map(|(index, field)| {
            let fault = Formula::of_field(&judged, &field.name).err()?;
            Some(format!("schema[{index}].expression: {fault}"))
        })
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(Refusal::Faults(faults)) }
}

/// The same collection with another list of fields: those of the same name are the same.
pub fn with_fields(tx: &Tx<'_>, old: &Collection, list: &[Json]) -> Result<Collection, Refusal> {
    let target = Target { catalog: tx.catalog(), id: &old.id, name: &old.name };
    let fields = read::fields(list, &target).map_err(Refusal::Faults)?;
    let mut new = old.clone();
    new.fields.retain(|field| is_system(&field.name) || field.system || field.hidden);
    new.indexes.retain(|sql| !old.fields.iter().any(|field| is_our_index(old, sql, &field.name)));
    let mut faults = Vec::new();
    for (index, mut read) in fields.into_iter().enumerate() {
        if let Some(before) = old.field(&read.field.name) {
            faults.extend(
                change_fault(before, &read.field).map(|text| format!("schema[{index}].type: {text}")),
            );
            keep(before, &mut read.field);
        }
        new.fields.retain(|field| field.name != read.field.name);
        add(&mut new, read);
    }
    if !faults.is_empty() {
        return Err(Refusal::Faults(faults));
    }
    new.updated = Timestamp::now().to_text().into();
    new.index_fields();
    check_formulas(&new)?;
    Ok(new)
}

/// Saves a definition; what the database refuses of it is told as a fault of the schema.
pub fn keep_in(tx: &mut Tx<'_>, collection: Collection) -> Result<Arc<Collection>, Refusal> {
    save(tx, collection).map_err(|error| match error {
        RecordError::Invalid(_) => Refusal::Faults(vec!["schema: existing values are not unique".to_owned()]),
        other => Refusal::Record(other),
    })
}

/// The list of fields of a body, by either of its names.
pub fn list_of(body: &Body) -> Result<&[Json], ApiError> {
    match body.get("schema").or_else(|| body.get("fields")) {
        Some(Json::Array(list)) => Ok(list),
        Some(other) => Err(read_fault("list_type", "schema", "Input should be a valid list", other.clone())),
        None => Err(read_fault("missing", "schema", "Field required", Json::Object(body.clone()))),
    }
}

pub fn read_fault(kind: &str, name: &str, message: &str, input: Json) -> ApiError {
    let place = ["body", name];
    ApiError::unprocessable(&[
        serde_json::json!({ "type": kind, "loc": place, "msg": message, "input": input }),
    ])
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Record(error.into())
    }
}

impl From<RecordError> for Refusal {
    fn from(error: RecordError) -> Self {
        Self::Record(error)
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NameTaken(name) => {
                Self::conflict(&format!("Collection '{name}' already exists"), "name")
            }
            Refusal::Faults(faults) => {
                let text = format!("Validation failed: {}", faults.join("; "));
                Self::message(StatusCode::BAD_REQUEST, "Validation error", &text)
            }
            Refusal::Rules(text) => Self::detail(StatusCode::BAD_REQUEST, &text),
            Refusal::Record(RecordError::NotFound) => Self::not_found("Collection not found"),
            Refusal::Record(RecordError::Referenced) => {
                let text = "Cannot delete collection: it is referenced by other collections";
                Self::message(StatusCode::CONFLICT, "Conflict", text)
            }
            Refusal::Record(error) => error.into(),
        }
    }
}

fn add(collection: &mut Collection, read: ReadField) {
    let ReadField { mut field, unique } = read;
    if field.id.is_empty() {
        field.id = format!("{}_{}", field.kind.type_name(), field.name).into();
    }
    if unique {
        collection.indexes.push(unique_index(collection, &field.name));
    }
    collection.fields.push(field);
}

fn unique_index(collection: &Collection, field: &str) -> Box<str> {
    let name = &collection.name;
    format!("CREATE UNIQUE INDEX `idx_unique_{name}_{field}` ON `{name}` (`{field}`)").into()
}

fn is_our_index(collection: &Collection, sql: &str, field: &str) -> bool {
    *sql == *unique_index(collection, field)
}

/// Types are fixed, since the stored values are of them.
fn change_fault(before: &Field, now: &Field) -> Option<String> {
    let (old, new) = (FieldType::of(before), FieldType::of(now));
    if old != new {
        return Some(format!(
            "Cannot change type of field '{}' from {} to {}",
            now.name,
            old.name(),
            new.name()
        ));
    }
    let encrypted = |field: &Field| field.extra.as_ref().is_some_and(|extra| extra.encrypted);
    let changed = encrypted(before) != encrypted(now);
    changed.then(|| format!("Cannot change encryption of field '{}'", now.name))
}

/// A field of another dialect keeps its kind and options.
fn keep(before: &Field, now: &mut Field) {
    if before.formula().is_none() {
        now.id = before.id.clone();
    }
    if before.extra.is_none() {
        *now = Field { required: now.required, ..before.clone() };
    }
}

/// What every record has; the account is the record's tenant.
fn system_fields() -> Vec<Field> {
    let id = TextOptions {
        min: UUID_LENGTH,
        max: UUID_LENGTH,
        pattern: UUID_PATTERN.into(),
        autogenerate_pattern: UUID.into(),
        primary_key: true,
    };
    let field = |name: &str, kind: FieldKind| Field {
        id: format!("{}_{name}", kind.type_name()).into(),
        name: name.into(),
        system: true,
        nullable: name != "id",
        required: name == "id",
        kind,
        ..Field::default()
    };
    let time =
        |name, on_update| field(name, FieldKind::Autodate(AutodateOptions { on_create: true, on_update }));
    let author = |name, author| Field {
        extra: Some(Box::new(Extra { author: Some(author), ..Extra::default() })),
        ..field(name, FieldKind::default())
    };
    vec![
        field("id", FieldKind::Text(id)),
        time("created_at", false),
        time("updated_at", true),
        author("created_by", Author::OfCreate),
        author("updated_by", Author::OfUpdate),
    ]
}
