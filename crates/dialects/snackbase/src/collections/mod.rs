//! `/api/v1/collections…`, for superadmins.

mod create;
mod define;
mod delete;
mod export;
mod import;
mod list;
mod read;
mod rules;
mod schema;
mod show;
mod update;

use crate::App;
use crate::call::Call;
use crate::error::ApiError;
use crate::records::scope::is_shown;
use axum::Router;
use axum::routing::{get, post};
use std::sync::Arc;
use tidewire_model::Collection;

pub fn routes() -> Router<App> {
    Router::new()
        .route("/collections", get(list::list).post(create::create))
        .route("/collections/names", get(list::names))
        .route("/collections/export", get(export::export))
        .route("/collections/import", post(import::import))
        .route("/collections/{collection}", get(show::view).put(update::update).delete(delete::delete))
        .route("/collections/{collection}/rules", get(rules::view).put(rules::update))
}

/// Collections of the instance, in the order of their creation.
fn all(call: &Call) -> Vec<Arc<Collection>> {
    let is_ours = |found: &&Arc<Collection>| found.owner.is_none() && is_shown(found);
    call.catalog().all().iter().filter(is_ours).cloned().collect()
}

/// The collection whose id the path has; a name will not do.
fn by_id(call: &Call) -> Result<Arc<Collection>, ApiError> {
    let id = call.param("collection");
    let found = all(call).into_iter().find(|found| &*found.id == id);
    found.ok_or_else(|| ApiError::not_found("Collection not found"))
}
