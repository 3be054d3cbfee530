//! Fields as a definition describes them.

use crate::field_type::FieldType;
use crate::record_json::is_system;
use crate::records::check;
use serde_json::{Map, Value as Json};
use tidewire_model::field::{
    DomainOptions, Extra, JsonOptions, Mask, NumberOptions, OnDelete, RelationOptions, TextOptions,
};
use tidewire_model::{Catalog, Field, FieldKind, TenantId};

/// Characters and bytes that a field holds; the size of a body bounds them anyway.
const LENGTH_MAX: u64 = 50_000_000;
/// What a computed field may say that it gives; nothing: whatever its expression gives.
const RETURN_TYPES: [&str; 5] = ["text", "number", "boolean", "date", "datetime"];
const NAME_LENGTH_MAX: usize = 64;
const NAME_LENGTH_MIN: usize = 3;

/// Where the fields of a definition may point to.
pub struct Target<'a> {
    pub catalog: &'a Catalog,
    /// of the collection that is defined: it may point to itself
    pub id: &'a str,
    pub name: &'a str,
}

/// A field that was read, and whether its values must differ.
pub struct ReadField {
    pub field: Field,
    pub unique: bool,
}

/// What is wrong with the name of a collection.
pub fn name_fault(name: &str) -> Option<String> {
    let length = name.chars().count();
    if length < NAME_LENGTH_MIN {
        Some(format!("name: Collection name must be at least {NAME_LENGTH_MIN} characters"))
    } else if length > NAME_LENGTH_MAX {
        Some(format!("name: Collection name must be at most {NAME_LENGTH_MAX} characters"))
    } else if !is_word(name) {
        let rule = "must start with a letter and contain only letters, numbers, and underscores";
        Some(format!("name: Collection name {rule}"))
    } else {
        name.contains("_via_").then(|| "name: Collection name must not contain '_via_'".to_owned())
    }
}

/// All fields, or all faults.
pub fn fields(list: &[Json], target: &Target<'_>) -> Result<Vec<ReadField>, Vec<String>> {
    let mut faults = Vec::new();
    let mut read: Vec<ReadField> = Vec::with_capacity(list.len());
    for (index, json) in list.iter().enumerate() {
        let mut report = |key: &str, text: String| faults.push(format!("schema[{index}].{key}: {text}"));
        let empty = Map::new();
        let json = json.as_object().unwrap_or(&empty);
        let Some(field) = field(json, target, &mut report) else { continue };
        let name = &field.field.name;
        if read.iter().any(|other| other.field.name.eq_ignore_ascii_case(name)) {
            report("name", format!("Duplicate field name '{name}'"));
        }
        read.push(field);
    }
    if faults.is_empty() { Ok(read) } else { Err(faults) }
}

type Report<'a> = dyn FnMut(&str, String) + 'a;

fn field(json: &Map<String, Json>, target: &Target<'_>, report: &mut Report<'_>) -> Option<ReadField> {
    let name = json.get("name").and_then(Json::as_str).unwrap_or("");
    if let Some(fault) = field_name_fault(name) {
        report("name", fault);
        return None;
    }
    let type_name = json.get("type").and_then(Json::as_str).unwrap_or("text");
    let Some(kind) = FieldType::parse(&type_name.to_lowercase()) else {
        report("type", format!("Invalid field type '{type_name}'"));
        return None;
    };
    let extra = extra(json, kind, report)?;
    let field = Field {
        name: name.into(),
        required: flag(json, "required") && kind != FieldType::Computed,
        nullable: kind != FieldType::Boolean,
        kind: if extra.encrypted { text() } else { kind_of(json, kind, &extra, target, report)? },
        extra: Some(Box::new(extra)),
        ..Field::default()
    };
    check_default(&field, report);
    let unique = flag(json, "unique");
    let encrypted = field.extra.as_ref().is_some_and(|extra| extra.encrypted);
    if unique && encrypted {
        report("unique", "Encrypted fields cannot be unique".to_owned());
    }
    if unique && kind == FieldType::Computed {
        report("unique", "Computed fields cannot be unique".to_owned());
    }
    Some(ReadField { field, unique })
}

fn field_name_fault(name: &str) -> Option<String> {
    if name.is_empty() {
        Some("Field name is required".to_owned())
    } else if name.len() > NAME_LENGTH_MAX {
        Some(format!("Field name must be at most {NAME_LENGTH_MAX} characters"))
    } else if !is_word(name) {
        let rule = "must start with a letter and contain only letters, numbers, and underscores";
        Some(format!("Field name {rule}"))
    } else {
        let reserved =
            is_system(name) || matches!(name, "account_name" | "expand" | "collectionId" | "collectionName");
        reserved.then(|| format!("Field name '{name}' is reserved"))
    }
}

fn extra(json: &Map<String, Json>, kind: FieldType, report: &mut Report<'_>) -> Option<Extra> {
    let text = |key: &str| json.get(key).and_then(Json::as_str).unwrap_or("");
    let mut extra = Extra { label: kind.name().into(), ..Extra::default() };
    extra.default = json.get("default").cloned().unwrap_or_default();
    extra.options = json.get("options").cloned().unwrap_or_default();
    extra.encrypted = flag(json, "encrypted");
    let mask_type = text("mask_type");
    if flag(json, "pii") {
        extra.mask = Some(Mask::Full);
        if !mask_type.is_empty() {
            extra.mask = Some(word(json, "mask_type").or_else(|| {
                report("mask_type", format!("Invalid mask type '{mask_type}'"));
                None
            })?);
        }
    }
    if kind == FieldType::Reference {
        extra.on_delete = Some(OnDelete::Restrict);
        if !text("on_delete").is_empty() {
            extra.on_delete = Some(word(json, "on_delete").or_else(|| {
                report("on_delete", format!("Invalid on_delete action '{}'", text("on_delete")));
                None
            })?);
        }
    }
    if kind == FieldType::Computed {
        computed(json, &mut extra, report);
    }
    Some(extra)
}

/// Computed fields hold nothing of their own.
fn computed(json: &Map<String, Json>, extra: &mut Extra, report: &mut Report<'_>) {
    let text = |key: &str| json.get(key).and_then(Json::as_str).unwrap_or("").trim();
    if text("expression").is_empty() {
        report("expression", "Computed fields require an expression".to_owned());
    }
    let returns = text("return_type");
    if !returns.is_empty() && !RETURN_TYPES.contains(&returns) {
        let allowed = RETURN_TYPES.join(", ");
        report("return_type", format!("Invalid return type '{returns}'. Allowed: {allowed}"));
    }
    (extra.expression, extra.returns) = (text("expression").into(), returns.into());
    (extra.default, extra.encrypted) = (Json::Null, false);
}

fn kind_of(
    json: &Map<String, Json>,
    kind: FieldType,
    extra: &Extra,
    target: &Target<'_>,
    report: &mut Report<'_>,
) -> Option<FieldKind> {
    let relation = |id: &str, cascade_delete| {
        let collection_id = id.to_owned();
        FieldKind::Relation(RelationOptions { collection_id, cascade_delete, min_select: 0, max_select: 1 })
    };
    Some(match kind {
        FieldType::Text | FieldType::Datetime | FieldType::Date => text(),
        FieldType::Number => FieldKind::Number(NumberOptions::default()),
        FieldType::Boolean => FieldKind::Bool {},
        FieldType::Email => FieldKind::Email(DomainOptions::default()),
        FieldType::Url => FieldKind::Url(DomainOptions::default()),
        FieldType::Json | FieldType::File => FieldKind::Json(JsonOptions { max_size: LENGTH_MAX }),
        FieldType::User => {
            let users = target.catalog.by_name(&TenantId::default(), "users");
            relation(&users.map(|users| users.id.clone()).unwrap_or_default(), false)
        }
        FieldType::Reference => {
            let cascades = extra.on_delete == Some(OnDelete::Cascade);
            relation(&referenced(json, target, report)?, cascades)
        }
        FieldType::Computed => match &*extra.returns {
            "number" => FieldKind::Number(NumberOptions::default()),
            "boolean" => FieldKind::Bool {},
            _ => text(),
        },
    })
}

/// The id of the collection that a reference names.
fn referenced(json: &Map<String, Json>, target: &Target<'_>, report: &mut Report<'_>) -> Option<String> {
    let name = json.get("collection").and_then(Json::as_str).unwrap_or("");
    if name.is_empty() {
        report("collection", "Reference fields require a target collection".to_owned());
        return None;
    }
    if name == target.name {
        return Some(target.id.to_owned());
    }
    let found = target.catalog.by_name(&TenantId::default(), name);
    if found.is_none() {
        report("collection", format!("Referenced collection '{name}' does not exist"));
    }
    found.map(|found| found.id.to_string())
}

fn check_default(field: &Field, report: &mut Report<'_>) {
    let Some(extra) = &field.extra else { return };
    if extra.default.is_null() {
        return;
    }
    if let Err(fault) = check::value(field, &extra.default) {
        report("default", fault.message);
    }
}

fn text() -> FieldKind {
    FieldKind::Text(TextOptions { max: LENGTH_MAX, ..TextOptions::default() })
}

fn flag(json: &Map<String, Json>, key: &str) -> bool {
    json.get(key) == Some(&Json::Bool(true))
}

fn word<T: serde::de::DeserializeOwned>(json: &Map<String, Json>, key: &str) -> Option<T> {
    serde_json::from_value(json.get(key)?.clone()).ok()
}

fn is_word(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
