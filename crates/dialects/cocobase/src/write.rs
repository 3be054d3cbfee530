//! Writes of one or many documents, each all or nothing; the answers are the documents as they became.

use crate::App;
use crate::body::Object;
use crate::call::{Call, Deed, permits};
use crate::collection;
use crate::document;
use crate::documents::current;
use crate::error::{ApiError, FORBIDDEN};
use serde_json::Value as Json;
use std::sync::Arc;
use tidewire_model::{Collection, Record};
use tidewire_records::key::Opened;
use tidewire_records::{Asker, Prepared, RecordError, open, prepare};
use tidewire_store::{StoreError, Tx};

/// Who writes: the user, or nobody; typed records are written by the project's owner if the key is its.
#[derive(Clone)]
struct Writer {
    user: Asker,
    owner: Asker,
    name: String,
    project: Arc<Opened>,
}

impl Writer {
    fn of(call: &Call) -> Self {
        Self {
            user: call.asker.clone(),
            owner: call.writer(),
            name: call.collection_name().to_owned(),
            project: call.project.clone(),
        }
    }

    fn asker(&self, collection: &Collection) -> &Asker {
        if collection.open { &self.user } else { &self.owner }
    }

    /// The collection that new documents go to; somebody else may have made it meanwhile.
    fn find_or_create(&self, tx: &mut Tx<'_>) -> Result<Arc<Collection>, ApiError> {
        let tenant = &self.user.tenant;
        let Some(found) = collection::find(tx.catalog(), tenant, &self.name) else {
            return Ok(open::create(tx, tenant, &self.name, |_| {})?);
        };
        let is_permitted = permits(&found, Deed::Create, &self.user.principal);
        if is_permitted && self.project.covers_collection(&found) {
            return Ok(found);
        }
        Err(ApiError::forbidden(FORBIDDEN))
    }

    fn show(
        &self,
        tx: &Tx<'_>,
        collection: &Collection,
        records: &[Arc<Record>],
    ) -> Result<Vec<Json>, ApiError> {
        Ok(document::show(tx, &self.user, collection, records)?)
    }
}

/// New documents, in this order.
pub async fn create(call: &Call, all: Vec<Object>) -> Result<Vec<Json>, ApiError> {
    let known = call.collection();
    let prepared = match &known {
        Some(typed) if !typed.open => prepare_all(call, typed, all).await?,
        _ => all.into_iter().map(Prepared::from).collect(),
    };
    let writer = Writer::of(call);
    let written = call.app.store.write(move |tx| {
        let collection = match known {
            Some(known) => current(tx, &writer.user.tenant, &known)?,
            None => writer.find_or_create(tx)?,
        };
        let asker = writer.asker(&collection);
        let mut records = Vec::with_capacity(prepared.len());
        for prepared in prepared {
            records.push(create_one(tx, asker, &collection, prepared)?);
        }
        writer.show(tx, &collection, &records)
    });
    written.await
}

fn create_one(
    tx: &mut Tx<'_>,
    asker: &Asker,
    collection: &Arc<Collection>,
    prepared: Prepared,
) -> Result<Arc<Record>, RecordError> {
    if collection.open {
        return open::insert(tx, asker, collection, prepared.body);
    }
    tidewire_records::create::create(tx, asker, collection, &prepared)
}

async fn prepare_all(
    call: &Call,
    collection: &Arc<Collection>,
    all: Vec<Object>,
) -> Result<Vec<Prepared>, ApiError> {
    let mut prepared = Vec::with_capacity(all.len());
    for body in all {
        let App { store, passwords, .. } = &call.app;
        prepared.push(prepare::prepare(store, passwords, &call.asker, collection, None, body).await?);
    }
    Ok(prepared)
}

/// Documents under new keys; those that do not exist are left out.
pub async fn update(
    call: &Call,
    collection: Arc<Collection>,
    all: Vec<(String, Object)>,
) -> Result<Vec<Json>, ApiError> {
    let writer = Writer::of(call);
    let written = call.app.store.write(move |tx| {
        let collection = current(tx, &writer.user.tenant, &collection)?;
        let asker = writer.asker(&collection);
        let mut records = Vec::with_capacity(all.len());
        for (id, patch) in all {
            records.extend(update_one(tx, asker, &collection, &id, patch)?);
        }
        writer.show(tx, &collection, &records)
    });
    written.await
}

fn update_one(
    tx: &mut Tx<'_>,
    asker: &Asker,
    collection: &Arc<Collection>,
    id: &str,
    patch: Object,
) -> Result<Option<Arc<Record>>, RecordError> {
    if collection.open {
        let Some(old) = tx.get(collection, &asker.tenant, id)? else { return Ok(None) };
        return open::merge(tx, asker, &old, patch).map(Some);
    }
    found(tidewire_records::update::update(tx, asker, collection, id, &patch.into()))
}

/// How many there were.
pub async fn delete(call: &Call, collection: Arc<Collection>, ids: Vec<String>) -> Result<u64, ApiError> {
    let writer = Writer::of(call);
    let deleted = call.app.store.write(move |tx| {
        let collection = current(tx, &writer.user.tenant, &collection)?;
        let mut count = 0;
        for id in ids {
            count += u64::from(delete_one(tx, writer.asker(&collection), &collection, &id)?);
        }
        Ok::<_, ApiError>(count)
    });
    deleted.await
}

fn delete_one(
    tx: &mut Tx<'_>,
    asker: &Asker,
    collection: &Arc<Collection>,
    id: &str,
) -> Result<bool, RecordError> {
    if collection.open {
        let Some(old) = tx.get(collection, &asker.tenant, id)? else { return Ok(false) };
        open::delete(tx, asker, old)?;
        return Ok(true);
    }
    Ok(found(tidewire_records::delete::delete(tx, asker, collection, id))?.is_some())
}

fn found<T>(result: Result<T, RecordError>) -> Result<Option<T>, RecordError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(RecordError::NotFound | RecordError::Store(StoreError::NoRecord(_))) => Ok(None),
        Err(error) => Err(error),
    }
}
