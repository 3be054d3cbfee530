use crate::asker;
use crate::call::Call;
use crate::error::ApiError;
use axum::response::Response;
use serde::Serialize;

/// Headers by which a proxy in front is guessed.
const PROXY_HEADERS: [&str; 3] = ["CF-Connecting-IP", "Fly-Client-IP", "X-Forwarded-For"];

#[derive(Serialize)]
struct Health {
    message: &'static str,
    code: u16,
    data: Data,
}

/// Empty for everybody but superusers.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    #[serde(skip_serializing_if = "Option::is_none")]
    can_backup: Option<bool>,
    #[serde(rename = "realIP", skip_serializing_if = "Option::is_none")]
    real_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    possible_proxy_header: Option<&'static str>,
}

/// `GET /api/health`
pub async fn health(call: Call) -> Result<Response, ApiError> {
    let data = if call.asker.principal.is_superuser() {
        let proxy = PROXY_HEADERS.into_iter().find(|name| call.parts.headers.contains_key(*name));
        Data {
            can_backup: Some(false),
            real_ip: Some(asker::address(&call.parts).to_string()),
            possible_proxy_header: Some(proxy.unwrap_or_default()),
        }
    } else {
        Data::default()
    };
    call.answer_as(&Health { message: "API is healthy.", code: 200, data })
}
