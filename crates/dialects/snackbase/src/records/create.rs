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
use tidewire_model::Action;
use tidewire_records::{Body, Prepared};

/// `POST /records/{collection}`
pub async fn create(mut call: Call) -> Result<Response, ApiError> {
    let mut scope = Scope::open(&call, Operation::Create)?;
    let mut body = object(call.json().await?)?;
    enter_account(&call, &mut scope, &mut body)?;
    scope.check_body(&mut body, Purpose::Create)?;
    let prepared = Prepared::from(body);
    let writing = scope.clone();
    let about = Some((Action::Create, &*scope.collection.name));
    let record = call.app.store.write_shortly(about, move |tx| {
        let collection = writing.current(tx)?;
        tidewire_records::create::create(tx, &writing.asker, &collection, &prepared)
    });
    let record = record.await.map_err(refusal::of)?;
    let mut text = Vec::with_capacity(512);
    written(&scope.asker, &record, Unset::Absent, &mut text);
    Ok(wire::raw_json(StatusCode::CREATED, text))
}

/// Superadmins may name the account that a record is for.
pub fn enter_account(call: &Call, scope: &mut Scope, body: &mut Body) -> Result<(), ApiError> {
    if !scope.is_superadmin() {
        return Ok(());
    }
    match body.remove("account_id") {
        Some(account) => scope.enter(call, &account),
        None => Ok(()),
    }
}
