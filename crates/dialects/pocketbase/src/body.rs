//! Request bodies: JSON, form and multipart read into one shape.

use crate::error::ApiError;
use crate::query::{Query, parse_flag};
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request};
use bytes::Bytes;
use http::request::Parts;
use http::{StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

/// Bytes of a body, unless a route says otherwise.
pub const LIMIT: usize = 32 << 20;

/// The form key whose values are JSON objects that are merged in.
const PAYLOAD_KEY: &str = "@jsonPayload";

/// A body as it came, before it is known what is expected of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Payload {
    #[default]
    Empty,
    Json(Json),
    Form(Form),
}

/// Values by name in the order they came, and the names under which files were sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Form {
    pub values: BTreeMap<String, Vec<String>>,
    pub files: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    #[error("body too large")]
    TooLarge,
    #[error("unsupported content type")]
    Unsupported,
    #[error("malformed body")]
    Malformed,
    /// the connection broke before its end: the same may work a moment later
    #[error("body cut off")]
    Cut,
}

impl BodyError {
    /// As an answer; routes word an unreadable body differently, "" is the default text.
    pub fn or(self, message: &str) -> ApiError {
        match self {
            Self::TooLarge => ApiError::too_large(),
            Self::Unsupported | Self::Malformed => ApiError::bad_request(message),
            Self::Cut => ApiError::new(StatusCode::REQUEST_TIMEOUT, "The request did not come whole"),
        }
    }

    /// As routes answer that tell an unsupported content type apart.
    pub fn or_unsupported(self, message: &str) -> ApiError {
        match self {
            Self::Unsupported => ApiError::new(StatusCode::BAD_REQUEST, "Unsupported Content-Type"),
            other => other.or(message),
        }
    }
}

/// Reads the whole body, at most `limit` bytes of it.
pub async fn read(parts: &Parts, body: Body, limit: usize) -> Result<Payload, BodyError> {
    let bytes = collect(parts, body, limit).await?;
    if bytes.is_empty() {
        return Ok(Payload::Empty);
    }
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    if kind.starts_with("application/json") {
        first_json(&bytes).map(Payload::Json)
    } else if kind.starts_with("application/x-www-form-urlencoded") {
        urlencoded(&bytes).map(Payload::Form)
    } else if kind.starts_with("multipart/form-data") {
        multipart(kind, bytes).await.map(Payload::Form)
    } else {
        Err(BodyError::Unsupported)
    }
}

impl Payload {
    /// For bodies with free names: form values are inferred to bools and numbers.
    pub fn into_map(self) -> Result<Map<String, Json>, BodyError> {
        match self {
            Self::Empty | Self::Json(Json::Null) => Ok(Map::new()),
            Self::Json(Json::Object(map)) => merge_payload(map),
            Self::Json(_) => Err(BodyError::Malformed),
            Self::Form(form) => form.into_map(),
        }
    }

    /// For bodies with known names.
    pub fn into_fixed(self) -> Result<Fixed, BodyError> {
        let (form, json) = match self {
            Self::Empty | Self::Json(Json::Null) => Default::default(),
            Self::Json(Json::Object(map)) => (BTreeMap::new(), merge_payload(map)?),
            Self::Json(_) => return Err(BodyError::Malformed),
            Self::Form(mut form) => {
                let json = parse_payloads(form.values.remove(PAYLOAD_KEY).unwrap_or_default())?;
                (form.values, json)
            }
        };
        let json = json.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect();
        Ok(Fixed { form, json })
    }

    /// Names under which files were sent.
    pub fn files(&self) -> &[String] {
        match self {
            Self::Form(form) => &form.files,
            _ => &[],
        }
    }
}

impl Form {
    fn into_map(mut self) -> Result<Map<String, Json>, BodyError> {
        let payloads = parse_payloads(self.values.remove(PAYLOAD_KEY).unwrap_or_default())?;
        let mut map = Map::new();
        for (name, values) in self.values {
            let mut inferred: Vec<Json> = values.into_iter().map(infer).collect();
            let value = if inferred.len() == 1 { inferred.remove(0) } else { Json::Array(inferred) };
            map.insert(name, value);
        }
        map.extend(payloads);
        Ok(map)
    }
}

/// A body of which the names are known: JSON keys match in any case, form keys exactly. A JSON null counts as absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fixed {
    form: BTreeMap<String, Vec<String>>,
    /// by lower-cased name
    json: BTreeMap<String, Json>,
}

impl Fixed {
    pub fn text(&self, name: &str) -> Result<Option<String>, BodyError> {
        match self.json(name) {
            Some(Json::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(BodyError::Malformed),
            None => Ok(self.first(name).map(str::to_owned)),
        }
    }

    pub fn texts(&self, name: &str) -> Result<Option<Vec<String>>, BodyError> {
        match self.json(name) {
            Some(Json::Array(items)) => items.iter().map(text_item).collect::<Result<_, _>>().map(Some),
            Some(_) => Err(BodyError::Malformed),
            None => Ok(self.form.get(name).cloned()),
        }
    }

    pub fn integer(&self, name: &str) -> Result<Option<i64>, BodyError> {
        match self.json(name) {
            Some(Json::Number(number)) => number.as_i64().map(Some).ok_or(BodyError::Malformed),
            Some(_) => Err(BodyError::Malformed),
            None => match self.first(name) {
                None => Ok(None),
                Some("") => Ok(Some(0)),
                Some(text) => text.parse().map(Some).map_err(|_| BodyError::Malformed),
            },
        }
    }

    pub fn flag(&self, name: &str) -> Result<Option<bool>, BodyError> {
        match self.json(name) {
            Some(Json::Bool(value)) => Ok(Some(*value)),
            Some(_) => Err(BodyError::Malformed),
            None => match self.first(name) {
                None => Ok(None),
                Some("") => Ok(Some(false)),
                Some(text) => parse_flag(text).map(Some).ok_or(BodyError::Malformed),
            },
        }
    }

    /// The JSON value, `None` also for null and for forms.
    pub fn json(&self, name: &str) -> Option<&Json> {
        self.json.get(&name.to_lowercase()).filter(|value| !value.is_null())
    }

    fn first(&self, name: &str) -> Option<&str> {
        self.form.get(name).and_then(|values| values.first()).map(String::as_str)
    }
}

fn text_item(item: &Json) -> Result<String, BodyError> {
    match item {
        Json::String(text) => Ok(text.clone()),
        Json::Null => Ok(String::new()),
        _ => Err(BodyError::Malformed),
    }
}

async fn collect(parts: &Parts, body: Body, limit: usize) -> Result<Bytes, BodyError> {
    let told =
        parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if told.is_some_and(|length| length > limit as u64) {
        return Err(BodyError::TooLarge);
    }
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge),
        Err(_) => Err(BodyError::Cut),
    }
}

/// What follows the first value is ignored.
fn first_json(bytes: &[u8]) -> Result<Json, BodyError> {
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<Json>();
    values.next().and_then(Result::ok).ok_or(BodyError::Malformed)
}

fn urlencoded(bytes: &[u8]) -> Result<Form, BodyError> {
    let mut form = Form::default();
    let pairs = Query::parse_strict(&String::from_utf8_lossy(bytes)).ok_or(BodyError::Malformed)?;
    for (name, value) in pairs.pairs() {
        form.values.entry(name.clone()).or_default().push(value.clone());
    }
    Ok(form)
}

async fn multipart(kind: &str, bytes: Bytes) -> Result<Form, BodyError> {
    let mut request = Request::new(Body::from(bytes));
    let kind = kind.parse().map_err(|_| BodyError::Malformed)?;
    request.headers_mut().insert(header::CONTENT_TYPE, kind);
    DefaultBodyLimit::disable().apply(&mut request);
    let mut multipart = Multipart::from_request(request, &()).await.map_err(|_| BodyError::Malformed)?;
    let mut form = Form::default();
    while let Some(field) = multipart.next_field().await.map_err(|_| BodyError::Malformed)? {
        let Some(name) = field.name().map(str::to_owned) else { continue };
        if field.file_name().is_some_and(|file| !file.is_empty()) {
            form.files.push(name);
            continue;
        }
        let value = field.bytes().await.map_err(|_| BodyError::Malformed)?;
        form.values.entry(name).or_default().push(String::from_utf8_lossy(&value).into_owned());
    }
    Ok(form)
}

/// One SDK sends the form key inside of a JSON body.
fn merge_payload(mut map: Map<String, Json>) -> Result<Map<String, Json>, BodyError> {
    if let Some(Json::String(text)) = map.get(PAYLOAD_KEY) {
        let payload = parse_payloads(vec![text.clone()])?;
        map.remove(PAYLOAD_KEY);
        map.extend(payload);
    }
    Ok(map)
}

fn parse_payloads(texts: Vec<String>) -> Result<Map<String, Json>, BodyError> {
    let mut merged = Map::new();
    for text in texts {
        match serde_json::from_str(&text) {
            Ok(Json::Object(map)) => merged.extend(map),
            Ok(Json::Null) => {}
            _ => return Err(BodyError::Malformed),
        }
    }
    Ok(merged)
}

/// "true", "false" and numbers in their shortest spelling are not text.
fn infer(text: String) -> Json {
    match text.as_str() {
        "true" => return Json::Bool(true),
        "false" => return Json::Bool(false),
        _ => {}
    }
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.'));
    let starts_well = text.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    match text.parse::<f64>() {
        Ok(number) if is_plain && starts_well && number.to_string() == text => {
            tidewire_model::json::number(number)
        }
        _ => Json::String(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(kind: &str, body: &str) -> (Parts, Body) {
        let request = Request::builder().header(header::CONTENT_TYPE, kind);
        let (parts, body) = request.body(Body::from(body.to_owned())).unwrap().into_parts();
        (parts, body)
    }

    async fn map_of(kind: &str, body: &str) -> Result<Json, BodyError> {
        let (parts, body) = request(kind, body);
        read(&parts, body, LIMIT).await?.into_map().map(Json::Object)
    }

    const FORM: &str = "application/x-www-form-urlencoded";
    const BOUNDED: &str = "multipart/form-data; boundary=B";

    fn part(name: &str, value: &str) -> String {
        format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    }

    #[tokio::test]
    async fn free_bodies_become_maps() {
        let multi =
            format!("{}{}{}--B--\r\n", part("a", "1"), part("a", "x"), part("@jsonPayload", "{\"b\":[1]}"));
        for (kind, body, expected) in [
            ("application/json", r#"{"a":1}"#, Ok(json!({"a": 1}))),
            ("application/json; charset=utf-8", r#"{"a":1},junk"#, Ok(json!({"a": 1}))),
            ("application/json", "", Ok(json!({}))),
            ("application/json", "null", Ok(json!({}))),
            ("application/json", "[1]", Err(BodyError::Malformed)),
            ("application/json", "{", Err(BodyError::Malformed)),
            ("text/plain", "", Ok(json!({}))),
            ("text/plain", "x", Err(BodyError::Unsupported)),
            ("", "x", Err(BodyError::Unsupported)),
            (
                FORM,
                "a=true&b=12&c=012&d=1.50&e=-2.5&f=&g=x+y",
                Ok(json!({
                    "a": true, "b": 12.0, "c": "012", "d": "1.50", "e": -2.5, "f": "", "g": "x y"
                })),
            ),
            (FORM, "a=1&a=b", Ok(json!({"a": [1.0, "b"]}))),
            (FORM, "a=1&@jsonPayload=%7B%22a%22%3A%22x%22%7D", Ok(json!({"a": "x"}))),
            (FORM, "@jsonPayload=nope", Err(BodyError::Malformed)),
            (FORM, "a=%zz&b=1", Err(BodyError::Malformed)),
            (FORM, "a=1;b=2", Err(BodyError::Malformed)),
            (BOUNDED, multi.as_str(), Ok(json!({"a": [1.0, "x"], "b": [1]}))),
            (BOUNDED, "nothing", Err(BodyError::Malformed)),
            ("application/json", r#"{"@jsonPayload":"{\"a\":2}"}"#, Ok(json!({"a": 2}))),
        ] {
            assert_eq!(map_of(kind, body).await, expected, "{kind} {body}");
        }
    }

    #[tokio::test]
    async fn fixed_bodies_match_keys_in_any_case() {
        for (kind, body, expected) in [
            ("application/json", r#"{"IDENTITY":"a"}"#, Ok(Some("a"))),
            ("application/json", r#"{"identity":null}"#, Ok(None)),
            ("application/json", r#"{"identity":1}"#, Err(BodyError::Malformed)),
            (FORM, "identity=12", Ok(Some("12"))),
            (FORM, "IDENTITY=12", Ok(None)),
            (FORM, "@jsonPayload=%7B%22Identity%22%3A%22x%22%7D", Ok(Some("x"))),
        ] {
            let (parts, body_of) = request(kind, body);
            let fixed = read(&parts, body_of, LIMIT).await.and_then(Payload::into_fixed);
            let text = fixed.and_then(|fixed| fixed.text("identity"));
            assert_eq!(text, expected.map(|text| text.map(str::to_owned)), "{body}");
        }
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_refused() {
        for (body, expected) in [("{\"a\":1}", true), ("{\"a\":12}", false)] {
            let (parts, body) = request("application/json", body);
            assert_eq!(read(&parts, body, 7).await.is_ok(), expected);
        }
    }

    #[tokio::test]
    async fn a_body_that_broke_off_is_not_taken_for_a_wrong_one() {
        struct Broken;
        impl http_body::Body for Broken {
            type Data = Bytes;
            type Error = std::io::Error;

            fn poll_frame(
                self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, std::io::Error>>> {
                std::task::Poll::Ready(Some(Err(std::io::ErrorKind::UnexpectedEof.into())))
            }
        }
        let (parts, _) = request("application/json", "");
        let error = read(&parts, Body::new(Broken), LIMIT).await.unwrap_err();
        assert_eq!((error, error.or("Wrong.").status), (BodyError::Cut, StatusCode::REQUEST_TIMEOUT));
    }
}
