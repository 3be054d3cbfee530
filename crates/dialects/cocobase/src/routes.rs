use crate::cors::cors;
use crate::error::ApiError;
use crate::{App, batch, collections, documents, questions, unsupported, users};
use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post};
use tidewire_connection::panic;

/// Every path of the dialect.
pub fn routes(app: App) -> Router {
    paths().layer(from_fn(recover)).layer(from_fn_with_state(app.clone(), cors)).with_state(app)
}

fn paths() -> Router<App> {
    let all = collection_paths().into_iter().chain(document_paths()).chain(user_paths());
    all.fold(crate::realtime::paths(), both)
}

/// With and without a slash behind it, answered directly: some clients lose their body on a redirect.
fn both(router: Router<App>, (path, handlers): (&str, MethodRouter<App>)) -> Router<App> {
    router.route(&format!("{path}/"), handlers.clone()).route(path, handlers)
}

type Paths = Vec<(&'static str, MethodRouter<App>)>;

fn collection_paths() -> Paths {
    vec![
        ("/collections", get(collections::list).post(collections::create)),
        (
            "/collections/{collection}",
            get(collections::view)
                .patch(collections::update)
                .delete(collections::delete)
                .post(documents::create),
        ),
        ("/collections/{collection}/query/documents/count", get(questions::count)),
        ("/collections/{collection}/query/documents/aggregate", get(questions::aggregate)),
        ("/collections/{collection}/query/documents/group-by", get(questions::group_by)),
        ("/collections/{collection}/query/schema", get(questions::schema)),
        ("/collections/{collection}/export", get(questions::export)),
    ]
}

fn document_paths() -> Paths {
    vec![
        ("/collections/documents", post(documents::create)),
        ("/collections/file", post(unsupported::files)),
        ("/collections/{collection}/documents", get(documents::list).post(documents::create)),
        (
            "/collections/{collection}/documents/{id}",
            get(documents::view).patch(documents::update).put(documents::update).delete(documents::delete),
        ),
        ("/collections/{collection}/batch/documents/create", post(batch::create)),
        ("/collections/{collection}/batch/documents/update", post(batch::update).patch(batch::update_list)),
        ("/collections/{collection}/batch/documents/delete", post(batch::delete).delete(batch::delete)),
        (
            "/collections/{collection}/batch/documents",
            post(batch::create).patch(batch::update_list).merge(delete(batch::delete)),
        ),
    ]
}

fn user_paths() -> Paths {
    let mut paths = vec![
        ("/auth-collections/signup", post(users::sign_up)),
        ("/auth-collections/login", post(users::login)),
        ("/auth-collections/user", get(users::me).patch(users::update_me).put(users::update_me)),
        ("/auth-collections/users", get(users::list)),
        ("/auth-collections/users/{id}", get(users::view).patch(users::update).put(users::update)),
    ];
    paths.extend(unsupported::USERS.map(|path| (path, post(unsupported::users))));
    paths
}

async fn recover(request: Request, next: Next) -> Response {
    panic::recover(request, next, || ApiError::internal().into_response()).await
}
