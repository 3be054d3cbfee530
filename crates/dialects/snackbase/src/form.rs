//! Bodies, read field by field; what is wrong with them is told together, as a request model of pydantic's tells it.

use crate::error::ApiError;
use serde_json::{Map, Value as Json, json};

/// A JSON object with the faults found in it so far.
#[derive(Clone, Debug, Default)]
pub struct Form {
    members: Map<String, Json>,
    faults: Vec<Json>,
}

/// `None` for an empty body.
pub fn parse(bytes: &[u8]) -> Result<Option<Json>, ApiError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    serde_json::from_slice(bytes).map(Some).map_err(|error| {
        let place = position(bytes, error.line(), error.column());
        let fault = json!({
            "type": "json_invalid", "loc": ["body", place], "msg": "JSON decode error", "input": {},
            "ctx": { "error": "Expecting value" },
        });
        ApiError::unprocessable(&[fault])
    })
}

impl Form {
    pub fn new(body: Option<Json>) -> Result<Self, ApiError> {
        match body {
            Some(Json::Object(members)) => Ok(Self { members, faults: Vec::new() }),
            None => {
                let fault =
                    json!({"type": "missing", "loc": ["body"], "msg": "Field required", "input": null});
                Err(ApiError::unprocessable(&[fault]))
            }
            Some(other) => {
                let text = "Input should be a valid dictionary or object to extract fields from";
                let fault =
                    json!({"type": "model_attributes_type", "loc": ["body"], "msg": text, "input": other});
                Err(ApiError::unprocessable(&[fault]))
            }
        }
    }

    pub fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    pub fn get(&self, name: &str) -> Option<&Json> {
        self.members.get(name)
    }

    /// A text that must be there.
    pub fn text(&mut self, name: &str) -> String {
        match self.members.get(name) {
            None => {
                self.missing(name);
                String::new()
            }
            Some(Json::String(text)) => text.clone(),
            Some(_) => {
                self.wrong(name, "string_type", "Input should be a valid string");
                String::new()
            }
        }
    }

    /// A text that may be absent or null.
    pub fn optional_text(&mut self, name: &str) -> Option<String> {
        match self.members.get(name) {
            None | Some(Json::Null) => None,
            Some(_) => Some(self.text(name)),
        }
    }

    /// A text that must be there, of a length in characters.
    pub fn sized_text(&mut self, name: &str, min: usize, max: usize) -> String {
        let is_text = matches!(self.members.get(name), Some(Json::String(_)));
        let text = self.text(name);
        match text.chars().count() {
            length if is_text && length < min => {
                let message = format!("String should have at least {min} character{}", plural(min));
                self.add(name, "string_too_short", &message, json!({ "min_length": min }));
            }
            length if length > max => {
                let message = format!("String should have at most {max} character{}", plural(max));
                self.add(name, "string_too_long", &message, json!({ "max_length": max }));
            }
            _ => {}
        }
        text
    }

    /// An address that must be there; its domain in lower case.
    pub fn email(&mut self, name: &str) -> String {
        let is_text = matches!(self.members.get(name), Some(Json::String(_)));
        let text = self.text(name);
        match normal_email(&text) {
            Ok(email) => email,
            Err(reason) => {
                if is_text {
                    let message = format!("value is not a valid email address: {reason}");
                    self.add(name, "value_error", &message, json!({ "reason": reason }));
                }
                String::new()
            }
        }
    }

    pub fn optional_email(&mut self, name: &str) -> Option<String> {
        match self.members.get(name) {
            None | Some(Json::Null) => None,
            Some(_) => Some(self.email(name)),
        }
    }

    pub fn optional_bool(&mut self, name: &str) -> Option<bool> {
        match self.members.get(name)? {
            Json::Null => None,
            Json::Bool(value) => Some(*value),
            _ => {
                let text = "Input should be a valid boolean, unable to interpret input";
                self.wrong(name, "bool_parsing", text);
                None
            }
        }
    }

    /// A whole number that may be absent or null.
    pub fn optional_integer(&mut self, name: &str) -> Option<i64> {
        let value = self.members.get(name).filter(|value| !value.is_null())?;
        let number = value.as_i64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
        if number.is_none() {
            let text = "Input should be a valid integer, unable to parse string as an integer";
            self.wrong(name, "int_parsing", text);
        }
        number
    }

    pub fn integer(&mut self, name: &str) -> i64 {
        if !self.has(name) {
            self.missing(name);
        }
        self.optional_integer(name).unwrap_or_default()
    }

    /// A list of texts that may be absent or null.
    pub fn optional_texts(&mut self, name: &str) -> Option<Vec<String>> {
        let value = self.members.get(name).filter(|value| !value.is_null())?;
        let texts = value.as_array().and_then(|items| {
            items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        });
        if texts.is_none() {
            self.wrong(name, "list_type", "Input should be a valid list");
        }
        texts
    }

    /// A fault of a value that is there.
    pub fn wrong(&mut self, name: &str, kind: &str, message: &str) {
        self.add(name, kind, message, Json::Null);
    }

    /// Refuses the body if anything was wrong with it.
    pub fn check(&self) -> Result<(), ApiError> {
        if self.faults.is_empty() { Ok(()) } else { Err(ApiError::unprocessable(&self.faults)) }
    }

    fn missing(&mut self, name: &str) {
        let input = &self.members;
        let fault =
            json!({"type": "missing", "loc": ["body", name], "msg": "Field required", "input": input});
        self.faults.push(fault);
    }

    fn add(&mut self, name: &str, kind: &str, message: &str, context: Json) {
        let input = self.members.get(name);
        let mut fault = json!({"type": kind, "loc": ["body", name], "msg": message, "input": input});
        if !context.is_null() {
            fault["ctx"] = context;
        }
        self.faults.push(fault);
    }
}

fn normal_email(text: &str) -> Result<String, &'static str> {
    let Some((local, domain)) = text.trim().rsplit_once('@') else {
        return Err("An email address must have an @-sign.");
    };
    if local.is_empty() {
        return Err("There must be something before the @-sign.");
    }
    if domain.is_empty() {
        return Err("There must be something after the @-sign.");
    }
    if domain.starts_with('.') || domain.ends_with('.') || domain.contains("..") {
        return Err("An email address cannot have a period immediately after the @-sign or another period.");
    }
    if !domain.contains('.') {
        return Err("The part after the @-sign is not valid. It should have a period.");
    }
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || "@<>(),;:\\\"[]".contains(c);
    if local.contains(is_odd) || domain.contains(is_odd) || text.len() > 254 {
        return Err("The email address contains invalid characters or is too long.");
    }
    Ok(format!("{local}@{}", domain.to_lowercase()))
}

/// Place of a fault in characters.
fn position(bytes: &[u8], line: usize, column: usize) -> usize {
    let before: usize =
        bytes.split(|byte| *byte == b'\n').take(line.saturating_sub(1)).map(|l| l.len() + 1).sum();
    before + column.saturating_sub(1)
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
