use crate::call::Call;
use crate::collections::define::{self, Refusal};
use crate::collections::rules;
use crate::collections::show::Shown;
use crate::error::ApiError;
use crate::records::scope::object;
use crate::wire;
use axum::response::Response;
use serde_json::Value as Json;

/// `POST /collections`
pub async fn create(mut call: Call) -> Result<Response, ApiError> {
    call.superadmin()?;
    let body = object(call.json().await?)?;
    let name = match body.get("name") {
        Some(Json::String(name)) => name.clone(),
        Some(other) => {
            let text = "Input should be a valid string";
            return Err(define::read_fault("string_type", "name", text, other.clone()));
        }
        None => {
            let input = Json::Object(body.clone());
            return Err(define::read_fault("missing", "name", "Field required", input));
        }
    };
    define::list_of(&body)?;
    let created = call.app.store.write(move |tx| {
        let list = define::list_of(&body).unwrap_or_default();
        let mut collection = define::new(tx, &name, list)?;
        rules::lay_over(tx.catalog(), &mut collection, &body)?;
        let collection = define::keep_in(tx, collection)?;
        Ok::<_, Refusal>(Shown::of(tx.catalog(), &collection))
    });
    Ok(wire::created(&created.await?))
}
