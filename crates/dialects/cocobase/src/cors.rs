//! Cross-origin calls: browsers ask before each of them, for the SDK sends a content type with all.

use crate::App;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, header};
use tidewire_connection::answer;

/// Answers preflights itself and marks every other answer.
pub async fn cors(State(app): State<App>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN);
    let allowed = origin.and_then(|origin| allowed_origin(&app.origins, origin));
    let mut response = if request.method() == Method::OPTIONS {
        preflight(request.headers(), allowed.is_some())
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(allowed) = allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    }
    response
}

fn allowed_origin(origins: &[String], origin: &HeaderValue) -> Option<HeaderValue> {
    if origins.iter().any(|allowed| allowed == "*") {
        return Some(HeaderValue::from_static("*"));
    }
    let is_listed = origins.iter().any(|allowed| allowed.as_bytes().eq_ignore_ascii_case(origin.as_bytes()));
    is_listed.then(|| origin.clone())
}

fn preflight(asked: &HeaderMap, is_allowed: bool) -> Response {
    let mut response = answer::no_content();
    if !is_allowed {
        return response;
    }
    let headers = response.headers_mut();
    let methods = HeaderValue::from_static("GET,POST,PUT,PATCH,DELETE,OPTIONS");
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    let wanted = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let wanted = wanted.unwrap_or_else(|| HeaderValue::from_static("content-type,x-api-key,authorization"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    response
}
