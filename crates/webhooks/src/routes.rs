//! `/api/hooks`, for superusers.

use crate::{Hook, WebhookError, Webhooks};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode, header};
use serde_json::{Map, Value as Json, json};
use tidewire_model::TenantId;
use tidewire_records::sign_in;

/// bytes of a definition
const LARGEST: usize = 64 << 10;

/// List, create, view, update and delete definitions.
pub fn routes<S: Clone + Send + Sync + 'static>(webhooks: Webhooks) -> Router<S> {
    let one = get(view).patch(update).delete(delete);
    let paths = Router::new().route("/api/hooks", get(list).post(create)).route("/api/hooks/{id}", one);
    paths.with_state(webhooks)
}

/// A refusal in PocketBase's form.
struct ApiError {
    status: StatusCode,
    message: String,
    data: Map<String, Json>,
}

impl ApiError {
    fn new(status: StatusCode, message: &str) -> Self {
        Self { status, message: message.to_owned(), data: Map::new() }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        answer(
            self.status,
            &json!({ "data": self.data, "message": self.message, "status": self.status.as_u16() }),
        )
    }
}

impl From<WebhookError> for ApiError {
    fn from(error: WebhookError) -> Self {
        match error {
            WebhookError::Missing => Self::new(StatusCode::NOT_FOUND, "The requested resource wasn't found."),
            WebhookError::TooMany(most) => {
                Self::new(StatusCode::BAD_REQUEST, &format!("There are {most} hooks already."))
            }
            WebhookError::Invalid(faults) => {
                let fault = |text: &str| json!({ "code": "validation_invalid_value", "message": text });
                let data = faults.iter().map(|(field, text)| ((*field).to_owned(), fault(text))).collect();
                Self { data, ..Self::new(StatusCode::BAD_REQUEST, "Failed to save the hook.") }
            }
            WebhookError::Store(error) => {
                tracing::error!(%error, "a hook could not be saved");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong.")
            }
        }
    }
}

async fn list(State(webhooks): State<Webhooks>, headers: HeaderMap) -> Result<Response, ApiError> {
    permit(&webhooks, &headers)?;
    let all = webhooks.list().await;
    let items: Vec<Json> = all.iter().map(Hook::shown).collect();
    Ok(answer(StatusCode::OK, &json!({ "items": items, "totalItems": items.len() })))
}

async fn view(
    State(webhooks): State<Webhooks>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    permit(&webhooks, &headers)?;
    Ok(answer(StatusCode::OK, &webhooks.get(&id).await?.shown()))
}

async fn create(State(webhooks): State<Webhooks>, request: Request) -> Result<Response, ApiError> {
    permit(&webhooks, request.headers())?;
    let hook = webhooks.create(&body(request.into_body()).await?).await?;
    Ok(answer(StatusCode::OK, &with_secret(&hook)))
}

async fn update(
    State(webhooks): State<Webhooks>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    permit(&webhooks, request.headers())?;
    let (hook, renewed) = webhooks.update(&id, &body(request.into_body()).await?).await?;
    Ok(answer(StatusCode::OK, &if renewed { with_secret(&hook) } else { hook.shown() }))
}

async fn delete(
    State(webhooks): State<Webhooks>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    permit(&webhooks, &headers)?;
    webhooks.delete(&id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The only moment in which a secret is shown is the one in which it is new.
fn with_secret(hook: &Hook) -> Json {
    let mut shown = hook.shown();
    shown["secret"] = Json::from(hook.secret.as_str());
    shown
}

fn permit(webhooks: &Webhooks, headers: &HeaderMap) -> Result<(), ApiError> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let token = given.strip_prefix("Bearer ").unwrap_or(given);
    let principal = sign_in::principal(webhooks.store(), token, &TenantId::default());
    if principal.is_superuser() {
        return Ok(());
    }
    if principal.identity().is_none() {
        let text = "The request requires valid record authorization token.";
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, text));
    }
    let text = "The authorized record is not allowed to perform this action.";
    Err(ApiError::new(StatusCode::FORBIDDEN, text))
}

async fn body(body: Body) -> Result<Map<String, Json>, ApiError> {
    let too_large = |_| ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "Request entity too large.");
    let bytes = to_bytes(body, LARGEST).await.map_err(too_large)?;
    match serde_json::from_slice(&bytes) {
        Ok(Json::Object(body)) => Ok(body),
        _ => Err(ApiError::new(StatusCode::BAD_REQUEST, "The body is no JSON object.")),
    }
}

fn answer(status: StatusCode, json: &Json) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], json.to_string()).into_response()
}
