//! Places in a list: base64 of the sort value and the id of a record.

use crate::error::ApiError;
use crate::records::sort::SortKey;
use base64::Engine;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use tidewire_model::{Record, json};
use tidewire_records::formulas::Formulas;

/// Where a page begins or ends, and which way it goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Cursor {
    field: Box<str>,
    descending: bool,
    /// the page lies before the place
    pub backwards: bool,
    /// `None`: the beginning or the end of the list
    place: Option<Place>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Place {
    sort_value: Json,
    id: String,
}

impl Cursor {
    pub fn read(key: Option<SortKey<'_>>, text: &str, backwards: bool) -> Result<Self, ApiError> {
        let (field, descending) =
            key.map_or(("id".into(), true), |key| (key.field.name.clone(), key.descending));
        let place = match text {
            "" => None,
            text => Some(decode(text).ok_or_else(invalid)?),
        };
        Ok(Self { field, descending, backwards, place })
    }

    /// True at the beginning (or, backwards, at the end) of the list.
    pub fn is_open(&self) -> bool {
        self.place.is_none()
    }

    /// In the form of `tidewire_rules::Sort`, in the direction of reading.
    pub fn sort(&self) -> String {
        let sign = if self.reads_down() { "-" } else { "" };
        format!("{sign}{},{sign}id", self.field)
    }

    /// What records on the far side of the place fulfil, as an expression of the rule language.
    pub fn condition(&self) -> String {
        let Some(Place { sort_value, id }) = &self.place else { return String::new() };
        let (field, id) = (&self.field, quoted(id));
        let value = match sort_value {
            Json::Number(number) => {
                let mut text = Vec::new();
                json::write_number(&mut text, number.as_f64().unwrap_or(0.0));
                Some(String::from_utf8(text).unwrap_or_default())
            }
            Json::Bool(value) => Some(value.to_string()),
            Json::String(text) if !text.is_empty() => Some(quoted(text)),
            _ => None,
        };
        // unset values are the least
        match (value, self.reads_down()) {
            (Some(value), true) => {
                format!("{field} < {value} || {field} = null || ({field} = {value} && id < {id})")
            }
            (Some(value), false) => format!("{field} > {value} || ({field} = {value} && id > {id})"),
            (None, true) => format!("{field} = null && id < {id}"),
            (None, false) => format!("{field} != null || (({field} = null) && id > {id})"),
        }
    }

    /// The text that names the place of this record.
    pub fn at(&self, record: &Record, formulas: &Formulas) -> String {
        let index = record.collection.field_index(&self.field);
        let sort_value = index.map_or(Json::Null, |index| match record.collection.fields[index].formula() {
            Some(_) => formulas.value(index, record).to_json(),
            None => record.values[index].to_json(),
        });
        let place = Place { sort_value, id: record.id().to_owned() };
        URL_SAFE.encode(serde_json::to_vec(&place).unwrap_or_default())
    }

    fn reads_down(&self) -> bool {
        self.descending != self.backwards
    }
}

fn decode(text: &str) -> Option<Place> {
    let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn invalid() -> ApiError {
    ApiError::message(StatusCode::BAD_REQUEST, "Invalid cursor", "The cursor is malformed or invalid")
}
