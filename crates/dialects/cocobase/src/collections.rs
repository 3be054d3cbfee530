//! `/collections/…`: what collections there are, and their definitions.

use crate::body::{self, Object};
use crate::call::{Call, Deed};
use crate::collection;
use crate::error::ApiError;
use crate::listing::condition;
use axum::response::Response;
use http::StatusCode;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use tidewire_connection::answer;
use tidewire_model::collection::Permissions;
use tidewire_model::{Collection, Timestamp};
use tidewire_records::{RecordError, open};
use tidewire_rules::{Query, shown_time};
use tidewire_store::Tx;

/// times to empty a collection before giving up
const ROUNDS: usize = 8;
const TAKEN: &str = "A collection with this name already exists in this project";
pub(crate) const MISSING: &str = "Collection not found";

/// `POST /collections/`
pub async fn create(mut call: Call) -> Result<Response, ApiError> {
    let body = body::document(call.object().await?);
    let wish = Wish::read(&body)?;
    let name =
        wish.name.clone().ok_or_else(|| ApiError::invalid(&["body", "name"], "missing", "Field required"))?;
    call.require_secret()?;
    if !call.project.covers(&name, "") {
        return Err(ApiError::forbidden("This API key is not valid for this collection"));
    }
    let asker = call.asker.clone();
    let made = call.app.store.write(move |tx| {
        check_free(tx, &asker.tenant, &name, None)?;
        Ok::<_, ApiError>(open::create(tx, &asker.tenant, &name, |collection| wish.apply(collection))?)
    });
    Ok(answer::json(StatusCode::CREATED, &collection::show(&*made.await?)))
}

/// `GET /collections/`: the project's own, and those of the instance that it could read.
pub async fn list(call: Call) -> Result<Response, ApiError> {
    let catalog = call.catalog();
    let is_listed = |found: &&Arc<Collection>| {
        collection::is_visible(found, call.tenant())
            && call.project.covers_collection(found)
            && (found.open || found.rules.list.is_some() || call.is_owner() || call.asker.is_superuser())
    };
    let shown = |found: &Arc<Collection>| json!({ "id": found.id, "name": found.name, "created_at": shown_time(&found.created) });
    let all: Vec<Json> = catalog.all().iter().filter(is_listed).map(shown).collect();
    Ok(answer::json(StatusCode::OK, &Json::Array(all)))
}

/// `GET /collections/{collection}`
pub async fn view(call: Call) -> Result<Response, ApiError> {
    let found = call.collection().ok_or_else(|| ApiError::not_found(MISSING))?;
    call.require(Deed::Read, Some(&found))?;
    let count = call.app.store.read_here(|snapshot| {
        let condition = condition(snapshot, &call.asker, call.is_owner(), &found)?;
        let query = Query::new(&found, &call.asker.tenant, Timestamp::now()).filter(&condition);
        Ok::<_, ApiError>(snapshot.count(&query)?)
    })?;
    let mut shown = collection::show(&found);
    shown["document_count"] = count.into();
    Ok(answer::json(StatusCode::OK, &shown))
}

/// `PATCH /collections/{collection}`
pub async fn update(mut call: Call) -> Result<Response, ApiError> {
    let wish = Wish::read(&body::document(call.object().await?))?;
    let found = own(&call, Deed::Update)?;
    let asker = call.asker.clone();
    let saved = call.app.store.write(move |tx| {
        let current = tx.catalog().by_id(&found.id).cloned().ok_or_else(|| ApiError::not_found(MISSING))?;
        if let Some(name) = &wish.name {
            open::check_name(name)?;
            check_free(tx, &asker.tenant, name, Some(&current))?;
        }
        let mut changed = Collection::clone(&current);
        wish.apply(&mut changed);
        changed.updated = Timestamp::now().to_text().into();
        Ok::<_, ApiError>(tx.save_collection(changed)?)
    });
    Ok(answer::json(StatusCode::OK, &collection::show(&*saved.await?)))
}

/// `DELETE /collections/{collection}`: every document is told to those who watch.
pub async fn delete(call: Call) -> Result<Response, ApiError> {
    let found = own(&call, Deed::Delete)?;
    for _ in 0..ROUNDS {
        match drop_collection(&call, &found).await {
            Err(RecordError::NotFound) => return Err(ApiError::not_found(MISSING)),
            Err(error) => return Err(error.into()),
            Ok(true) => return Ok(answer::no_content()),
            // somebody wrote meanwhile
            Ok(false) => {}
        }
    }
    Err(ApiError::new(StatusCode::CONFLICT, "The collection is being written to"))
}

async fn drop_collection(call: &Call, found: &Arc<Collection>) -> Result<bool, RecordError> {
    let current = |tx: &Tx<'_>, id: &str| tx.catalog().by_id(id).cloned().ok_or(RecordError::NotFound);
    let (asker, id) = (call.asker.clone(), found.id.clone());
    call.app.store.write(move |tx| open::empty(tx, &asker, &current(tx, &id)?)).await?;
    let (asker, id) = (call.asker.clone(), found.id.clone());
    call.app.store.write(move |tx| open::drop_empty(tx, &asker, &current(tx, &id)?)).await
}

/// An open collection of the project; those of the instance are not its to change.
fn own(call: &Call, deed: Deed) -> Result<Arc<Collection>, ApiError> {
    let found = call.collection().ok_or_else(|| ApiError::not_found(MISSING))?;
    call.require(deed, Some(&found))?;
    if !found.open {
        return Err(ApiError::forbidden("This collection belongs to the instance"));
    }
    Ok(found)
}

fn check_free(
    tx: &Tx<'_>,
    tenant: &tidewire_model::TenantId,
    name: &str,
    but: Option<&Collection>,
) -> Result<(), ApiError> {
    let taken = tx.catalog().by_name(tenant, name).filter(|found| found.owner.as_ref() == Some(tenant));
    if taken.is_some_and(|found| but.is_none_or(|but| but.id != found.id)) {
        return Err(ApiError::bad_request(TAKEN));
    }
    Ok(())
}

/// What a body asks of a definition.
#[derive(Clone)]
struct Wish {
    name: Option<String>,
    webhook_url: Option<String>,
    permissions: Option<Permissions>,
}

impl Wish {
    fn read(body: &Object) -> Result<Self, ApiError> {
        let text = |key: &str| match body.get(key) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::String(text)) => Ok(Some(text.clone())),
            Some(_) => {
                Err(ApiError::invalid(&["body", key], "string_type", "Input should be a valid string"))
            }
        };
        let permissions = match body.get("permissions") {
            None | Some(Json::Null) => None,
            Some(json) => Some(serde_json::from_value(json.clone()).map_err(|_| {
                ApiError::invalid(&["body", "permissions"], "dict_type", "Input should be lists of roles")
            })?),
        };
        Ok(Self { name: text("name")?, webhook_url: text("webhook_url")?, permissions })
    }

    fn apply(self, collection: &mut Collection) {
        if let Some(name) = self.name {
            collection.name = name.into();
        }
        if let Some(url) = self.webhook_url {
            collection.webhook_url = url.into();
        }
        if let Some(permissions) = self.permissions {
            collection.permissions = permissions;
        }
    }
}
