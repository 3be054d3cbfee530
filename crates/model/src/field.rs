use crate::value::{GeoPoint, Value};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// The pattern of ids that collections have by default.
pub const RECORD_ID: &str = "^[a-z0-9]+$";

/// One field of a collection; the JSON form is PocketBase's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Field {
    pub id: Box<str>,
    pub name: Box<str>,
    pub system: bool,
    pub hidden: bool,
    pub presentable: bool,
    pub required: bool,
    pub help: Box<str>,
    /// unset is null, not the zero value of the kind
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub nullable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra: Option<Box<Extra>>,
    #[serde(flatten)]
    pub kind: FieldKind,
}

/// What PocketBase's fields do not have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Extra {
    /// what its dialect calls the type, where several types are of one kind
    pub label: Box<str>,
    /// taken where a new record has no value; null for none
    pub default: Json,
    /// shown masked to those who may not see personal data
    pub mask: Option<Mask>,
    /// stored encrypted and never shown
    pub encrypted: bool,
    /// computed when read, from this expression; not stored
    pub expression: Box<str>,
    /// type of what the expression gives
    pub returns: Box<str>,
    pub on_delete: Option<OnDelete>,
    /// options of its dialect that mean nothing to the store; null for none
    pub options: Json,
    /// filled with the id of whoever writes
    pub author: Option<Author>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mask {
    Email,
    Ssn,
    Phone,
    Name,
    Full,
    Custom,
}

/// What becomes of a record when the one that a relation of it names is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDelete {
    Cascade,
    SetNull,
    Restrict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Author {
    OfCreate,
    OfUpdate,
}

/// What a field holds, with the options of that type. Limits of 0 mean none, or the default named beside them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum FieldKind {
    #[serde(rename = "text")]
    Text(TextOptions),
    #[serde(rename = "editor")]
    Editor(EditorOptions),
    #[serde(rename = "number")]
    Number(NumberOptions),
    #[serde(rename = "bool")]
    Bool {},
    #[serde(rename = "email")]
    Email(DomainOptions),
    #[serde(rename = "url")]
    Url(DomainOptions),
    #[serde(rename = "date")]
    Date(DateOptions),
    #[serde(rename = "autodate")]
    Autodate(AutodateOptions),
    #[serde(rename = "select")]
    Select(SelectOptions),
    #[serde(rename = "relation")]
    Relation(RelationOptions),
    #[serde(rename = "file")]
    File(FileOptions),
    #[serde(rename = "json")]
    Json(JsonOptions),
    #[serde(rename = "geoPoint")]
    GeoPoint {},
    #[serde(rename = "password")]
    Password(PasswordOptions),
}

impl Default for FieldKind {
    fn default() -> Self {
        Self::Text(TextOptions::default())
    }
}

/// Lengths in characters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TextOptions {
    pub min: u64,
    /// 0: 5000
    pub max: u64,
    pub pattern: Box<str>,
    pub autogenerate_pattern: Box<str>,
    pub primary_key: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EditorOptions {
    /// bytes; 0: 5 MiB
    #[serde(rename = "maxSize")]
    pub max_size: u64,
    #[serde(rename = "convertURLs")]
    pub convert_urls: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NumberOptions {
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub only_int: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DomainOptions {
    pub except_domains: Option<Vec<Box<str>>>,
    pub only_domains: Option<Vec<Box<str>>>,
}

/// Bounds as date text, "" for none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DateOptions {
    pub min: Box<str>,
    pub max: Box<str>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AutodateOptions {
    pub on_create: bool,
    pub on_update: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SelectOptions {
    pub values: Vec<Box<str>>,
    pub max_select: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RelationOptions {
    pub collection_id: String,
    pub cascade_delete: bool,
    pub min_select: u64,
    pub max_select: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct FileOptions {
    pub max_select: u64,
    /// bytes; 0: 5 MiB
    pub max_size: u64,
    pub mime_types: Option<Vec<Box<str>>>,
    pub thumbs: Option<Vec<Box<str>>>,
    pub protected: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct JsonOptions {
    /// bytes; 0: 1 MiB
    pub max_size: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PasswordOptions {
    pub min: u64,
    /// 0: 71
    pub max: u64,
    pub pattern: Box<str>,
    /// of bcrypt; kept for the JSON form, new hashes are argon2id
    pub cost: u64,
}

impl Field {
    /// What it holds when nothing was set.
    pub fn unset(&self) -> Value {
        if self.nullable && !self.kind.has_own_null() { Value::Null } else { self.kind.zero() }
    }

    /// The expression that it is computed by when it is read.
    pub fn formula(&self) -> Option<&str> {
        self.extra.as_deref().map(|extra| &*extra.expression).filter(|text| !text.is_empty())
    }

    /// Stored encrypted and never shown.
    pub fn is_encrypted(&self) -> bool {
        self.extra.as_ref().is_some_and(|extra| extra.encrypted)
    }

    /// Holds personal data, which some readers see masked.
    pub fn is_personal(&self) -> bool {
        self.extra.as_ref().is_some_and(|extra| extra.mask.is_some())
    }
}

impl FieldKind {
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Editor(_) => "editor",
            Self::Number(_) => "number",
            Self::Bool {} => "bool",
            Self::Email(_) => "email",
            Self::Url(_) => "url",
            Self::Date(_) => "date",
            Self::Autodate(_) => "autodate",
            Self::Select(_) => "select",
            Self::Relation(_) => "relation",
            Self::File(_) => "file",
            Self::Json(_) => "json",
            Self::GeoPoint {} => "geoPoint",
            Self::Password(_) => "password",
        }
    }

    /// True for select, relation and file fields that hold a list.
    pub fn is_multiple(&self) -> bool {
        match self {
            Self::Select(options) => options.max_select > 1,
            Self::Relation(options) => options.max_select > 1,
            Self::File(options) => options.max_select > 1,
            _ => false,
        }
    }

    pub fn zero(&self) -> Value {
        match self {
            Self::Number(_) => Value::Number(0.0),
            Self::Bool {} => Value::Bool(false),
            Self::Json(_) => Value::Json(Json::Null),
            Self::GeoPoint {} => Value::Geo(GeoPoint::default()),
            _ if self.is_multiple() => Value::List(Box::default()),
            _ => Value::Text("".into()),
        }
    }

    /// True for the kinds whose null is a value of their own.
    pub fn has_own_null(&self) -> bool {
        matches!(self, Self::Json(_))
    }

    pub fn relation(&self) -> Option<&RelationOptions> {
        match self {
            Self::Relation(options) => Some(options),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_reads_and_writes_pocketbase_json() {
        let json = serde_json::json!({
            "name": "s", "type": "select", "values": ["x", "y"], "maxSelect": 3, "required": true
        });
        let field: Field = serde_json::from_value(json).unwrap();
        assert!(field.kind.is_multiple() && field.required);
        let written = serde_json::to_value(&field).unwrap();
        assert_eq!(written["type"], "select");
        assert_eq!(written["maxSelect"], 3);
        assert!(serde_json::from_value::<Field>(serde_json::json!({"name": "x", "type": "nope"})).is_err());
        for plain in ["bool", "geoPoint"] {
            let field: Field =
                serde_json::from_value(serde_json::json!({"name": "x", "type": plain})).unwrap();
            assert_eq!(serde_json::to_value(&field).unwrap()["type"], plain);
        }
    }
}
