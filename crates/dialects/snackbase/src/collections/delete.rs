use crate::call::Call;
use crate::collections::by_id;
use crate::collections::define::Refusal;
use crate::collections::show::table_name;
use crate::error::ApiError;
use crate::wire;
use axum::response::Response;
use serde::Serialize;
use tidewire_model::Timestamp;
use tidewire_records::RecordError;
use tidewire_rules::Query;

#[derive(Serialize)]
struct Deleted {
    message: String,
    collection_id: Box<str>,
    collection_name: Box<str>,
    table_name: String,
    records_deleted: u64,
    migration_revision: String,
}

/// `DELETE /collections/{id}`, with all records of all accounts.
pub async fn delete(call: Call) -> Result<Response, ApiError> {
    call.superadmin()?;
    let collection = by_id(&call)?;
    let deleted = call.app.store.write(move |tx| {
        let collection = tx.catalog().by_id(&collection.id).cloned().ok_or(RecordError::NotFound)?;
        let records_deleted = tx.count(&Query::of_all_tenants(&collection, Timestamp::now()))?;
        tidewire_records::collections::delete(tx, &collection)?;
        Ok::<_, Refusal>(Deleted {
            message: format!("Collection '{}' deleted successfully", collection.name),
            collection_id: collection.id.clone(),
            collection_name: collection.name.clone(),
            table_name: table_name(&collection),
            records_deleted,
            migration_revision: format!("{:012x}", tx.catalog().revision),
        })
    });
    Ok(wire::ok(&deleted.await?))
}
