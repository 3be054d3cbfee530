//! Request bodies: what of them is the document.

use crate::error::ApiError;
use axum::body::Body;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Map, Value as Json};

/// bytes of one body
const LIMIT: usize = 16 << 20;
/// bytes of a form that are read only to be forgotten
const WASTE: usize = 64 << 20;

/// Keys of a JSON object.
pub type Object = Map<String, Json>;

/// Reads a JSON object; no body is an empty one.
pub async fn read(parts: &Parts, body: Body) -> Result<Object, ApiError> {
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    if kind.to_ascii_lowercase().starts_with("multipart/") {
        return Err(refuse_files(body).await);
    }
    let bytes = axum::body::to_bytes(body, LIMIT).await;
    let bytes =
        bytes.map_err(|_| ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "Request body is too large"))?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Object::new());
    }
    match serde_json::from_slice(&bytes) {
        Ok(Json::Object(object)) => Ok(object),
        Ok(_) => Err(ApiError::invalid(&["body"], "dict_type", "Input should be a valid dictionary")),
        Err(_) => Err(ApiError::invalid(&["body"], "json_invalid", "JSON decode error")),
    }
}

/// Reads to the end before it answers: a client that is still sending would see a broken connection instead.
pub async fn refuse_files(mut body: Body) -> ApiError {
    let mut left = WASTE;
    while let Some(Ok(frame)) = body.frame().await {
        let size = frame.data_ref().map_or(0, Bytes::len);
        let Some(rest) = left.checked_sub(size) else { break };
        left = rest;
    }
    ApiError::unsupported("File uploads are not supported yet")
}

/// The document of a body: an object under `data`, else the body itself.
pub fn document(mut body: Object) -> Object {
    match body.get("data") {
        Some(Json::Object(_)) => match body.remove("data") {
            Some(Json::Object(data)) => data,
            _ => Object::new(),
        },
        _ => body,
    }
}

/// The same for a create: one SDK wraps what it sends twice.
pub fn new_document(body: Object, headers: &HeaderMap) -> Object {
    let document = document(body);
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or("");
    if agent.starts_with("python-requests/") { unwrapped(document) } else { document }
}

/// An object whose only key is `data`, without that.
pub fn unwrapped(object: Object) -> Object {
    let is_wrapped = object.len() == 1 && object.get("data").is_some_and(Json::is_object);
    if is_wrapped { document(object) } else { object }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use serde_json::json;

    #[test]
    fn documents_are_unwrapped() {
        for (agent, body, expected) in [
            ("", json!({"title": "x"}), json!({"title": "x"})),
            ("", json!({"data": {"title": "x"}}), json!({"title": "x"})),
            ("", json!({"data": {"title": "x"}, "other": 1}), json!({"title": "x"})),
            ("", json!({"data": "text"}), json!({"data": "text"})),
            ("", json!({"data": {"data": {"title": "x"}}}), json!({"data": {"title": "x"}})),
            ("python-requests/2.31", json!({"data": {"data": {"title": "x"}}}), json!({"title": "x"})),
            ("python-requests/2.31", json!({"data": {"title": "x"}}), json!({"title": "x"})),
            (
                "python-requests/2.31",
                json!({"data": {"data": {"a": 1}, "b": 2}}),
                json!({"data": {"a": 1}, "b": 2}),
            ),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::USER_AGENT, HeaderValue::from_static(agent));
            let Json::Object(body) = body else { panic!("a body is an object") };
            assert_eq!(Json::Object(new_document(body, &headers)), expected, "{agent}");
        }
    }
}
