//! Addresses that count as verified although nobody has shown that they are theirs: without a mailer, whoever registers is
//! verified. Signing in through a provider must know the difference, or somebody could register with the address of a
//! stranger and wait for the stranger to be led into the account.

use crate::RecordError;
use tidewire_model::{Collection, Record};
use tidewire_store::{Snapshot, StoreError, Tx};

/// Remembers that the record was verified without a proof.
pub(crate) fn mark(tx: &mut Tx<'_>, record: &Record) -> Result<(), RecordError> {
    // a setting is no change of a record: nobody hears of it
    Ok(tx.set_setting(&key(record), "1")?)
}

/// Whether the address is verified and that means something.
pub(crate) fn is_proven(snapshot: &Snapshot<'_>, record: &Record) -> Result<bool, StoreError> {
    Ok(record.bool("verified") && snapshot.setting(&key(record))?.is_none())
}

/// The address was proven, or the record is gone.
pub(crate) fn clear(tx: &mut Tx<'_>, record: &Record) -> Result<(), StoreError> {
    if tx.setting(&key(record))?.is_some() {
        tx.remove_setting(&key(record))?;
    }
    Ok(())
}

/// The collection is gone.
pub(crate) fn clear_all(tx: &mut Tx<'_>, collection: &Collection) -> Result<(), StoreError> {
    tx.remove_settings(&prefix(collection))
}

fn key(record: &Record) -> String {
    format!("{}{}/{}", prefix(&record.collection), record.tenant.as_str(), record.id())
}

fn prefix(collection: &Collection) -> String {
    format!("tidewire.unproven/{}/", collection.id)
}
