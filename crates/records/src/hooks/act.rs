//! The acts of user code on records, as reads of a snapshot and as writes of a transaction.

use crate::error::{Fault, FieldErrors};
use crate::hooks::image::image;
use crate::hooks::occasion::is_seen;
use crate::list::{ListRequest, list};
use crate::settings::Settings;
use crate::show::{show, show_all};
use crate::view::view;
use crate::{Asker, Body, Prepared, RecordError, create, delete, update};
use serde_json::{Map, Value as Json, json};
use std::sync::Arc;
use tidewire_auth::PasswordError;
use tidewire_hooks::{Act, ActError};
use tidewire_model::json::Escape;
use tidewire_model::{Catalog, Collection, Record, TenantId};
use tidewire_store::{Snapshot, StoreError, Tx};

/// records of one page
const PER_PAGE: u64 = 1000;

/// The collection that an act names.
pub(crate) fn collection(
    catalog: &Catalog,
    tenant: &TenantId,
    name: &str,
) -> Result<Arc<Collection>, ActError> {
    let found = catalog.find(tenant, name).filter(|collection| is_seen(collection));
    found.cloned().ok_or_else(|| ActError::new(404, format!("there is no collection {name:?}")))
}

/// Acts that only read. `rules`: the asker decides what is found and shown.
pub(crate) fn read(snapshot: &Snapshot<'_>, asker: &Asker, act: Act) -> Result<Json, ActError> {
    let collection = |name: &str| collection(snapshot.catalog(), &asker.tenant, name);
    match act {
        Act::Get { collection: name, id, rules } => {
            let record = view(snapshot, asker, &collection(&name)?, &id).map_err(refusal)?;
            shown(snapshot, asker, &record, rules)
        }
        Act::List { collection: name, filter, sort, page, per_page, rules } => {
            let (page, per_page) = (page.max(1), per_page.clamp(1, PER_PAGE));
            let request = ListRequest { page, per_page, filter, sort, skip_total: true };
            let found = list(snapshot, asker, &collection(&name)?, &request).map_err(refusal)?;
            if rules {
                return Ok(Json::Array(show_all(snapshot, asker, &found.items, None, None).map_err(broken)?));
            }
            let all = found.items.iter().map(|record| Json::Object(image(snapshot.catalog(), record)));
            Ok(all.collect())
        }
        Act::Setting { path } => setting(snapshot, &path),
        _ => Err(ActError::new(500, "this is no reading")),
    }
}

/// Acts that write a record; only what a refused act wrote is undone.
pub(crate) fn write(
    tx: &mut Tx<'_>,
    asker: &Asker,
    act: Act,
    prepare: impl FnOnce(&Collection, Body) -> Prepared,
) -> Result<Json, ActError> {
    let done = tx.attempt(|tx| write_one(tx, asker, act, prepare).map_err(Undone));
    done.map_err(|undone| undone.0)
}

/// So that the store can say that it broke.
struct Undone(ActError);

impl From<StoreError> for Undone {
    fn from(error: StoreError) -> Self {
        Self(broken(error))
    }
}

fn write_one(
    tx: &mut Tx<'_>,
    asker: &Asker,
    act: Act,
    prepare: impl FnOnce(&Collection, Body) -> Prepared,
) -> Result<Json, ActError> {
    let find = |tx: &Tx<'_>, name: &str| collection(tx.catalog(), &asker.tenant, name);
    match act {
        Act::Create { collection: name, data, rules } => {
            let collection = find(tx, &name)?;
            let prepared = prepare(&collection, data);
            let record = create::create(tx, asker, &collection, &prepared).map_err(refusal)?;
            shown(tx, asker, &record, rules)
        }
        Act::Update { collection: name, id, data, rules } => {
            let collection = find(tx, &name)?;
            let prepared = prepare(&collection, data);
            let record = update::update(tx, asker, &collection, &id, &prepared).map_err(refusal)?;
            shown(tx, asker, &record, rules)
        }
        Act::Delete { collection: name, id, .. } => {
            delete::delete(tx, asker, &find(tx, &name)?, &id).map_err(refusal)?;
            Ok(Json::Null)
        }
        _ => Err(ActError::new(500, "this is no writing")),
    }
}

/// Publishes in the transaction, so that it is ordered with its changes and undone with them.
pub(crate) fn publish(
    tx: &mut Tx<'_>,
    tenant: &TenantId,
    topic: &str,
    data: &Json,
) -> Result<Json, ActError> {
    let mut line = Vec::new();
    tidewire_model::json::write(&mut line, data, Escape::Ascii);
    tx.publish(tenant, topic, line.into()).map_err(broken)?;
    Ok(Json::Null)
}

/// With `rules` the record as the asker sees it, else all of it.
fn shown(
    snapshot: &Snapshot<'_>,
    asker: &Asker,
    record: &Arc<Record>,
    rules: bool,
) -> Result<Json, ActError> {
    if rules {
        return show(snapshot, asker, record, None, None).map_err(broken);
    }
    Ok(Json::Object(image(snapshot.catalog(), record)))
}

fn setting(snapshot: &Snapshot<'_>, path: &str) -> Result<Json, ActError> {
    let document = Settings::read(snapshot).map_err(broken)?.document;
    let found = path.split('.').try_fold(&document, |json, key| json.get(key));
    found.cloned().ok_or_else(|| ActError::new(404, format!("there is no setting {path:?}")))
}

/// What user code is told of a record that could not be read or written.
pub(crate) fn refusal(error: RecordError) -> ActError {
    let status = match &error {
        RecordError::NotFound | RecordError::Store(StoreError::NoRecord(_)) => 404,
        RecordError::SuperusersOnly | RecordError::RuleFailed | RecordError::Forbidden(_) => 403,
        RecordError::Refused { status, .. } => *status,
        RecordError::Unsupported(_) => 501,
        RecordError::Password(PasswordError::Busy) => 429,
        RecordError::Password(PasswordError::Failed) => 500,
        RecordError::Store(StoreError::NotUnique { .. }) => 400,
        RecordError::Store(StoreError::BadMessage(_)) => 400,
        RecordError::Store(StoreError::TooManyMessages) => 429,
        RecordError::Store(StoreError::Closed) => 503,
        RecordError::Store(_) => 500,
        _ => 400,
    };
    let data = if let RecordError::Invalid(faults) = &error { of_faults(faults) } else { Json::Null };
    ActError { data, ..ActError::new(status, error.to_string()) }
}

pub(crate) fn broken(error: StoreError) -> ActError {
    refusal(error.into())
}

fn of_faults(faults: &FieldErrors) -> Json {
    let one = |fault: &Fault| match fault {
        Fault::Nested(nested) => of_faults(nested),
        Fault::Field(error) => json!({ "code": error.code, "message": error.message }),
    };
    Json::Object(faults.0.iter().map(|(field, fault)| (field.clone(), one(fault))).collect::<Map<_, _>>())
}
