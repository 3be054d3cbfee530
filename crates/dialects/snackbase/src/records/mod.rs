//! `/api/v1/records/{collection}…`

mod aggregate;
pub(crate) mod answer;
mod batch;
pub(crate) mod check;
mod create;
mod cursor;
mod delete;
mod expansion;
mod list;
pub(crate) mod page;
mod refusal;
mod related;
pub(crate) mod scope;
mod secrets;
mod sort;
mod update;
mod view;

use crate::App;
use axum::Router;
use axum::routing::{get, post};

pub fn routes() -> Router<App> {
    let one = get(view::view).put(update::replace).patch(update::change).delete(delete::delete);
    let many = post(batch::create).patch(batch::change).delete(batch::delete);
    Router::new()
        .route("/records/{collection}", get(list::list).post(create::create))
        .route("/records/{collection}/batch", many)
        .route("/records/{collection}/aggregate", get(aggregate::aggregate))
        .route("/records/{collection}/{id}", one)
        .route("/records/{collection}/{id}/secrets", get(secrets::secrets))
}
