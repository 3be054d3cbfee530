//! Cross-origin answers: every allowed origin may call, no credentials are shared.

use crate::App;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, header};

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
    prepend_vary(headers);
    if let Some(allowed) = allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    }
    response
}

/// What stands in the answer: `*` if everybody may call, else the origin if it is one of `origins`.
fn allowed_origin(origins: &[String], origin: &HeaderValue) -> Option<HeaderValue> {
    if origins.iter().any(|allowed| allowed == "*") {
        return Some(HeaderValue::from_static("*"));
    }
    origins
        .iter()
        .any(|allowed| allowed.as_bytes().eq_ignore_ascii_case(origin.as_bytes()))
        .then(|| origin.clone())
}

/// False if there is an allow-list that does not have the page's origin.
pub fn is_allowed(origins: &[String], headers: &HeaderMap) -> bool {
    headers.get(header::ORIGIN).is_none_or(|origin| allowed_origin(origins, origin).is_some())
}

fn preflight(asked: &HeaderMap, is_allowed: bool) -> Response {
    let mut response = crate::wire::no_content();
    let headers = response.headers_mut();
    if !is_allowed {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins() {
        let listed = ["https://a.example".to_owned(), "http://localhost:3000".to_owned()];
        for (origins, origin, expected) in [
            (&["*".to_owned()][..], "https://x.example", Some("*")),
            (&listed, "https://a.example", Some("https://a.example")),
            (&listed, "http://localhost:3000", Some("http://localhost:3000")),
            (&listed, "http://localhost:3001", None),
            (&[], "https://a.example", None),
        ] {
            let found = allowed_origin(origins, &HeaderValue::from_static(origin));
            assert_eq!(found.as_ref().and_then(|value| value.to_str().ok()), expected, "{origin}");
        }
    }
}
