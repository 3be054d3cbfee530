use crate::call::Call;
use crate::error::ApiError;
use crate::records::refusal;
use crate::records::scope::{Operation, Scope};
use crate::wire;
use axum::response::Response;

/// `DELETE /records/{collection}/{id}`
pub async fn delete(call: Call) -> Result<Response, ApiError> {
    let scope = Scope::open(&call, Operation::Delete)?;
    let id = call.param("id").to_owned();
    let deleted = call.app.store.write(move |tx| {
        let collection = scope.current(tx)?;
        let asker = scope.asker_for(tx, &id)?;
        tidewire_records::delete::delete(tx, &asker, &collection, &id)
    });
    deleted.await.map_err(refusal::of)?;
    Ok(wire::no_content())
}
