use crate::asker;
use crate::call::Call;
use axum::response::Response;
use serde_json::json;

/// Headers by which a proxy in front is guessed.
const PROXY_HEADERS: [&str; 3] = ["CF-Connecting-IP", "Fly-Client-IP", "X-Forwarded-For"];

/// `GET /api/health`
pub async fn health(call: Call) -> Response {
    let data = if call.asker.principal.is_superuser() {
        let proxy = PROXY_HEADERS.iter().find(|name| call.parts.headers.contains_key(**name));
        json!({
            "canBackup": false,
            "possibleProxyHeader": proxy.copied().unwrap_or_default(),
            "realIP": asker::address(&call.parts).to_string(),
        })
    } else {
        json!({})
    };
    let body = json!({ "message": "API is healthy.", "code": 200, "data": data });
    call.answer_in_order(&body, &["message", "code", "data"])
}
