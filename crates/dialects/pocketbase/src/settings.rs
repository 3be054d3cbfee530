//! `/api/settings`

use crate::body::{self, Payload};
use crate::call::Call;
use crate::error::ApiError;
use axum::response::Response;
use serde_json::Value as Json;
use tidewire_records::RecordError;
use tidewire_records::settings::Settings;

const NOT_LOADED: &str = "An error occurred while loading the submitted data.";

/// `GET /api/settings`
pub async fn view(call: Call) -> Result<Response, ApiError> {
    call.require_superuser()?;
    let settings = Settings::load(&call.app.store)?;
    Ok(call.answer(&settings.document))
}

/// `PATCH /api/settings`
pub async fn update(mut call: Call) -> Result<Response, ApiError> {
    call.require_superuser()?;
    let patch = call.read_body(body::LIMIT).await.and_then(Payload::into_map);
    let patch = patch.map_err(|error| error.or(NOT_LOADED))?;
    let saved = Settings::save(&call.app.store, Json::Object(patch)).await;
    let settings = saved.map_err(|error| match error {
        RecordError::BadRequest(_) => ApiError::bad_request(NOT_LOADED),
        other => ApiError::of_record(other, "An error occurred while saving the new settings."),
    })?;
    Ok(call.answer(&settings.document))
}
