use serde_json::Value as Json;

/// A point on Earth, in degrees.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GeoPoint {
    pub lon: f64,
    pub lat: f64,
}

/// The value of one field of a record. Which variant a field holds is decided by its kind; a nullable field may also be null.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// an unset field that is nullable; json fields have a null of their own
    Null,
    /// text, editor, email, url, date, autodate, password, single select, single relation, single file
    Text(Box<str>),
    Number(f64),
    Bool(bool),
    /// multiple select, relation and file
    List(Box<[Box<str>]>),
    Geo(GeoPoint),
    /// json fields; `Json::Null` is their default
    Json(Json),
}

impl Value {
    pub fn text(value: &str) -> Self {
        Self::Text(value.into())
    }

    pub fn list<S: AsRef<str>>(items: impl IntoIterator<Item = S>) -> Self {
        Self::List(items.into_iter().map(|item| item.as_ref().into()).collect())
    }

    /// The text of a text-like value, "" for every other kind.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text(text) => text,
            _ => "",
        }
    }

    /// The ids or options that this value names: one or none for text, all of a list.
    pub fn items(&self) -> Vec<&str> {
        match self {
            Self::Text(text) if !text.is_empty() => vec![text],
            Self::List(items) => items.iter().map(|item| &**item).collect(),
            _ => Vec::new(),
        }
    }

    /// True for the value that a field has when nothing was set.
    pub fn is_zero(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.is_empty(),
            Self::Number(number) => *number == 0.0,
            Self::Bool(value) => !value,
            Self::List(items) => items.is_empty(),
            Self::Geo(point) => point.lon == 0.0 && point.lat == 0.0,
            Self::Json(json) => matches!(json, Json::Null) || json == "" || is_empty_container(json),
        }
    }

    /// About how many bytes it takes in memory.
    pub fn weight(&self) -> usize {
        let inside = match self {
            Self::Null | Self::Number(_) | Self::Bool(_) | Self::Geo(_) => 0,
            Self::Text(text) => text.len(),
            Self::List(items) => items.iter().map(|item| size_of::<Box<str>>() + item.len()).sum(),
            Self::Json(json) => json_weight(json),
        };
        size_of::<Self>() + inside
    }

    /// The value as clients see it.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Text(text) => Json::String(text.to_string()),
            Self::Number(number) => crate::json::number(*number),
            Self::Bool(value) => Json::Bool(*value),
            Self::List(items) => items.iter().map(|item| Json::String(item.to_string())).collect(),
            Self::Geo(point) => serde_json::json!({ "lon": point.lon, "lat": point.lat }),
            Self::Json(json) => json.clone(),
        }
    }
}

/// What a tree holds beside its root.
fn json_weight(json: &Json) -> usize {
    let of = |json: &Json| size_of::<Json>() + json_weight(json);
    match json {
        Json::Null | Json::Bool(_) | Json::Number(_) => 0,
        Json::String(text) => text.len(),
        Json::Array(items) => items.iter().map(of).sum(),
        Json::Object(map) => map.iter().map(|(key, json)| size_of::<String>() + key.len() + of(json)).sum(),
    }
}

fn is_empty_container(json: &Json) -> bool {
    match json {
        Json::Array(items) => items.is_empty(),
        Json::Object(map) => map.is_empty(),
        _ => false,
    }
}
