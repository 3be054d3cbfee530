//! Definitions: defaults, validation, import. Superusers only; the caller checks that.

use crate::{RecordError, prepare::Body};
use std::sync::Arc;
use tidewire_model::{Collection, CollectionKind, TenantId};
use tidewire_store::Tx;

/// The definition as superusers see it (PocketBase's JSON; secrets are left out).
pub fn show(collection: &Collection) -> serde_json::Value {
    let _ = collection;
    unimplemented!()
}

pub fn create(tx: &mut Tx<'_>, tenant: &TenantId, body: &Body) -> Result<Arc<Collection>, RecordError> {
    let _ = (tx, tenant, body);
    unimplemented!()
}

pub fn update(
    tx: &mut Tx<'_>,
    tenant: &TenantId,
    collection: &Arc<Collection>,
    body: &Body,
) -> Result<Arc<Collection>, RecordError> {
    let _ = (tx, tenant, collection, body);
    unimplemented!()
}

/// Refused with `RecordError::Referenced` while other collections point to it.
pub fn delete(tx: &mut Tx<'_>, collection: &Arc<Collection>) -> Result<(), RecordError> {
    let _ = (tx, collection);
    unimplemented!()
}

pub fn import(
    tx: &mut Tx<'_>,
    tenant: &TenantId,
    collections: &[Body],
    delete_missing: bool,
) -> Result<(), RecordError> {
    let _ = (tx, tenant, collections, delete_missing);
    unimplemented!()
}

/// An empty definition of a kind with its default fields.
pub fn scaffold(kind: CollectionKind) -> serde_json::Value {
    let _ = kind;
    unimplemented!()
}
