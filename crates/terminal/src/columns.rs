use crate::Failure;
use serde_json::Value as Json;

/// What the cells of a CSV column hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Number,
    Bool,
    /// lists, objects, and what is JSON anyway
    Json,
    /// nobody said: JSON where it is some, else text
    Any,
}

/// The fields of a collection, as far as they are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// those that are shown, in the order of the definition
    fields: Vec<(String, Kind)>,
    /// fields that may be written but are never shown
    secret: Vec<String>,
    /// other names may come as well
    pub open: bool,
    /// ids are PocketBase's: 15 of a-z and 0-9
    pub plain_ids: bool,
}

/// Parts of an answer that are no fields.
pub const BESIDE: [&str; 3] = ["collectionId", "collectionName", "expand"];

impl Columns {
    /// For those who may not read the definition.
    pub fn unknown() -> Self {
        Self { fields: Vec::new(), secret: Vec::new(), open: true, plain_ids: true }
    }

    pub fn of(definition: &Json) -> Self {
        let fields = definition["fields"].as_array().map_or(&[][..], Vec::as_slice);
        let hidden = |field: &Json| field["hidden"] == true || field["type"] == "password";
        let name = |field: &Json| field["name"].as_str().unwrap_or_default().to_owned();
        let shown = fields.iter().filter(|field| !hidden(field)).map(|field| (name(field), kind(field)));
        Self {
            fields: shown.collect(),
            secret: fields.iter().filter(|field| hidden(field)).map(name).collect(),
            open: false,
            plain_ids: fields.iter().find(|field| field["name"] == "id").is_none_or(has_plain_ids),
        }
    }

    pub fn is_known(&self) -> bool {
        !self.fields.is_empty()
    }

    pub fn names(&self) -> Vec<String> {
        self.fields.iter().map(|(name, _)| name.clone()).collect()
    }

    /// `None`: the collection has no such field.
    pub fn kind(&self, name: &str) -> Option<Kind> {
        let known = self.fields.iter().find(|(known, _)| known == name).map(|(_, kind)| *kind);
        known
            .or_else(|| self.secret.iter().any(|secret| secret == name).then_some(Kind::Text))
            .or_else(|| (name == "passwordConfirm").then_some(Kind::Text))
            .or_else(|| self.open.then_some(Kind::Any))
    }

    /// Reads `--types views=number,tags=json`, which overrides what the server says.
    pub fn override_with(&mut self, types: &[String]) -> Result<(), Failure> {
        for text in types {
            let fault = || {
                Failure::Usage(format!(
                    "{text:?}: write it as NAME=TYPE, with text, number, bool, json or any"
                ))
            };
            let (name, kind) = text.split_once('=').ok_or_else(fault)?;
            let kind = match kind {
                "text" => Kind::Text,
                "number" => Kind::Number,
                "bool" => Kind::Bool,
                "json" => Kind::Json,
                "any" => Kind::Any,
                _ => return Err(fault()),
            };
            match self.fields.iter_mut().find(|(known, _)| known == name) {
                Some(known) => known.1 = kind,
                None => self.fields.push((name.to_owned(), kind)),
            }
        }
        Ok(())
    }
}

fn kind(field: &Json) -> Kind {
    match field["type"].as_str().unwrap_or_default() {
        "number" => Kind::Number,
        "bool" => Kind::Bool,
        "json" | "geoPoint" => Kind::Json,
        "select" | "relation" | "file" => {
            if field["maxSelect"].as_u64().unwrap_or(0) > 1 {
                Kind::Json
            } else {
                Kind::Text
            }
        }
        "text" | "editor" | "email" | "url" | "date" | "autodate" | "password" => Kind::Text,
        _ => Kind::Any,
    }
}

fn has_plain_ids(id: &Json) -> bool {
    let number = |name: &str| id[name].as_u64().unwrap_or(0);
    let allows = |bound: u64| bound == 0 || bound >= 15;
    number("min") <= 15
        && allows(number("max"))
        && matches!(id["pattern"].as_str(), None | Some("" | "^[a-z0-9]+$"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn definition() -> Json {
        json!({ "fields": [
            { "name": "id", "type": "text", "min": 15, "max": 15, "pattern": "^[a-z0-9]+$" },
            { "name": "title", "type": "text" }, { "name": "views", "type": "number" },
            { "name": "live", "type": "bool" }, { "name": "meta", "type": "json" },
            { "name": "one", "type": "select", "maxSelect": 1 }, { "name": "some", "type": "select", "maxSelect": 3 },
            { "name": "secret", "type": "text", "hidden": true }, { "name": "password", "type": "password" },
            { "name": "odd", "type": "something" },
        ] })
    }

    #[test]
    fn cells_have_the_types_of_the_fields() {
        let columns = Columns::of(&definition());
        for (name, kind) in [
            ("id", Some(Kind::Text)),
            ("title", Some(Kind::Text)),
            ("views", Some(Kind::Number)),
            ("live", Some(Kind::Bool)),
            ("meta", Some(Kind::Json)),
            ("one", Some(Kind::Text)),
            ("some", Some(Kind::Json)),
            ("odd", Some(Kind::Any)),
            ("secret", Some(Kind::Text)),
            ("password", Some(Kind::Text)),
            ("passwordConfirm", Some(Kind::Text)),
            ("titel", None),
        ] {
            assert_eq!(columns.kind(name), kind, "{name}");
        }
        assert_eq!(columns.names(), ["id", "title", "views", "live", "meta", "one", "some", "odd"]);
        assert!(columns.plain_ids && columns.is_known());
        assert_eq!(Columns::unknown().kind("titel"), Some(Kind::Any));
    }

    #[test]
    fn ids_of_another_form_are_not_made_up() {
        for (id, plain) in [
            (json!({}), true),
            (json!({ "min": 15, "max": 15, "pattern": "^[a-z0-9]+$" }), true),
            (json!({ "min": 36 }), false),
            (json!({ "max": 8 }), false),
            (json!({ "pattern": "^[0-9]+$" }), false),
        ] {
            assert_eq!(has_plain_ids(&id), plain, "{id}");
        }
    }

    #[test]
    fn types_can_be_told() {
        let mut columns = Columns::unknown();
        columns.override_with(&["views=number".into(), "tags=json".into()]).unwrap();
        assert_eq!((columns.kind("views"), columns.kind("tags")), (Some(Kind::Number), Some(Kind::Json)));
        for wrong in ["views", "views=int"] {
            assert_eq!(columns.override_with(&[wrong.into()]).unwrap_err().code(), 2);
        }
    }
}
