//! Cross-origin answers: every origin may call, no credentials are shared.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, header};

/// Answers preflights itself and marks every other answer.
pub async fn cors(request: Request, next: Next) -> Response {
    let has_origin = request.headers().contains_key(header::ORIGIN);
    let mut response = if request.method() == Method::OPTIONS {
        preflight(request.headers(), has_origin)
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    prepend_vary(headers);
    if has_origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
    response
}

fn preflight(asked: &HeaderMap, has_origin: bool) -> Response {
    let mut response = crate::wire::no_content();
    let headers = response.headers_mut();
    if !has_origin {
        return response;
    }
    headers.append(header::VARY, HeaderValue::from_static("Access-Control-Request-Method"));
    headers.append(header::VARY, HeaderValue::from_static("Access-Control-Request-Headers"));
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET,HEAD,PUT,PATCH,POST,DELETE"),
    );
    if let Some(wanted) = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    response
}

fn prepend_vary(headers: &mut HeaderMap) {
    let others: Vec<HeaderValue> = headers.get_all(header::VARY).iter().cloned().collect();
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    for other in others {
        headers.append(header::VARY, other);
    }
}
