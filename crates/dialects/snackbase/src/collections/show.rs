use crate::call::Call;
use crate::collections::by_id;
use crate::collections::schema::{SchemaField, schema};
use crate::error::ApiError;
use crate::wire::{self, naive_time};
use axum::response::Response;
use serde::Serialize;
use tidewire_model::{Catalog, Collection};

/// A definition in full.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    id: Box<str>,
    name: Box<str>,
    table_name: String,
    schema: Vec<SchemaField>,
    created_at: String,
    updated_at: String,
}

impl Shown {
    pub fn of(catalog: &Catalog, collection: &Collection) -> Self {
        Self {
            id: collection.id.clone(),
            name: collection.name.clone(),
            table_name: table_name(collection),
            schema: schema(catalog, collection),
            created_at: naive_time(&collection.created),
            updated_at: naive_time(&collection.updated),
        }
    }
}

/// The name that SnackBase gives a collection's table; ours is another.
pub fn table_name(collection: &Collection) -> String {
    format!("col_{}", collection.name.to_lowercase())
}

/// `GET /collections/{id}`
pub async fn view(call: Call) -> Result<Response, ApiError> {
    call.superadmin()?;
    let collection = by_id(&call)?;
    Ok(wire::ok(&Shown::of(&call.catalog(), &collection)))
}
