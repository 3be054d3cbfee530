use crate::call::Call;
use crate::error::ApiError;
use crate::record_json::Unset;
use crate::records::answer::written;
use crate::records::check::Purpose;
use crate::records::refusal;
use crate::records::scope::{Operation, Scope, object};
use crate::wire;
use axum::response::Response;
use http::StatusCode;
use tidewire_model::{Action, Collection};
use tidewire_records::{Body, Prepared};

/// `PUT /records/{collection}/{id}`
pub async fn replace(call: Call) -> Result<Response, ApiError> {
    update(call, Purpose::Replace).await
}

/// `PATCH /records/{collection}/{id}`
pub async fn change(call: Call) -> Result<Response, ApiError> {
    update(call, Purpose::Change).await
}

async fn update(mut call: Call, purpose: Purpose) -> Result<Response, ApiError> {
    let scope = Scope::open(&call, Operation::Update)?;
    let mut body = object(call.json().await?)?;
    scope.check_body(&mut body, purpose)?;
    if purpose == Purpose::Replace {
        reset_to_defaults(&scope.collection, &mut body);
    }
    let (writing, id) = (scope.clone(), call.param("id").to_owned());
    let prepared = Prepared::from(body);
    let about = Some((Action::Update, &*scope.collection.name));
    let record = call.app.store.write_shortly(about, move |tx| {
        let collection = writing.current(tx)?;
        let asker = writing.asker_for(tx, &id)?;
        tidewire_records::update::update(tx, &asker, &collection, &id, &prepared)
    });
    let record = record.await.map_err(refusal::of)?;
    let mut text = Vec::with_capacity(512);
    written(&scope.asker, &record, Unset::Null, &mut text);
    Ok(wire::raw_json(StatusCode::OK, text))
}

/// Fields that a PUT leaves out keep their value, but those with a default fall back to it.
fn reset_to_defaults(collection: &Collection, body: &mut Body) {
    for field in &collection.fields {
        let default = field.extra.as_ref().map(|extra| &extra.default).filter(|default| !default.is_null());
        if let Some(default) = default
            && !body.contains_key(&*field.name)
        {
            body.insert(field.name.to_string(), default.clone());
        }
    }
}
