use crate::call::Call;
use crate::collections::by_id;
use crate::collections::define::{self, Refusal};
use crate::collections::show::Shown;
use crate::error::ApiError;
use crate::records::scope::object;
use crate::wire;
use axum::response::Response;
use tidewire_records::RecordError;

/// `PUT /collections/{id}`: another list of fields.
pub async fn update(mut call: Call) -> Result<Response, ApiError> {
    call.superadmin()?;
    let collection = by_id(&call)?;
    let body = object(call.json().await?)?;
    define::list_of(&body)?;
    let updated = call.app.store.write(move |tx| {
        let old = tx.catalog().by_id(&collection.id).cloned().ok_or(RecordError::NotFound)?;
        let new = define::with_fields(tx, &old, define::list_of(&body).unwrap_or_default())?;
        let saved = define::keep_in(tx, new)?;
        Ok::<_, Refusal>(Shown::of(tx.catalog(), &saved))
    });
    Ok(wire::ok(&updated.await?))
}
