//! Where definitions are kept: one setting, for they are few and read as a whole.

use crate::Hook;
use tidewire_store::{Store, StoreError, Tx};

const SETTING: &str = "tidewire.webhooks";

pub(crate) fn load(store: &Store) -> Result<Vec<Hook>, StoreError> {
    let text = store.read_here(|snapshot| snapshot.setting(SETTING))?;
    text.map_or(Ok(Vec::new()), |text| Ok(serde_json::from_str(&text)?))
}

pub(crate) fn save(tx: &mut Tx<'_>, hooks: &[Hook]) -> Result<(), StoreError> {
    tx.set_setting(SETTING, &serde_json::to_string(hooks)?)
}
