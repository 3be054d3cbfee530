//! Where each group of after-hooks is in the log, kept in the store.

use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tidewire_model::Seq;
use tidewire_store::{Store, StoreError};

const SETTING: &str = "tidewire.hooks.cursors";
/// A crash repeats what was called since the last saving.
const INTERVAL: Duration = Duration::from_secs(1);

pub(crate) struct Cursors {
    inner: Mutex<Inner>,
    /// held until a saving is on disk, so that nobody takes one that is under way for done
    saving: Mutex<()>,
}

struct Inner {
    places: BTreeMap<Box<str>, Seq>,
    changed: bool,
    saved: Instant,
}

impl Cursors {
    pub fn load(store: &Store) -> Result<Self, StoreError> {
        let text = store.read_here(|snapshot| snapshot.setting(SETTING))?;
        let places = match text {
            Some(text) => serde_json::from_str(&text)?,
            None => BTreeMap::new(),
        };
        let inner = Mutex::new(Inner { places, changed: false, saved: Instant::now() });
        Ok(Self { inner, saving: Mutex::default() })
    }

    pub fn get(&self, group: &str) -> Option<Seq> {
        self.inner.lock().places.get(group).copied()
    }

    pub fn set(&self, group: &str, place: Seq) {
        let mut inner = self.inner.lock();
        let known = match inner.places.get_mut(group) {
            Some(known) => Some(std::mem::replace(known, place)),
            None => inner.places.insert(group.into(), place),
        };
        inner.changed |= known != Some(place);
    }

    pub fn forget(&self, group: &str) {
        let mut inner = self.inner.lock();
        inner.changed |= inner.places.remove(group).is_some();
    }

    /// How long what is not saved may wait; `None` if all is.
    pub fn due(&self) -> Option<Duration> {
        let inner = self.inner.lock();
        inner.changed.then(|| INTERVAL.saturating_sub(inner.saved.elapsed()))
    }

    /// Saves all of them in one write, if it is time or must be now.
    pub fn save(&self, store: &Store, now: bool) {
        let saving = if now { Some(self.saving.lock()) } else { self.saving.try_lock() };
        let Some(_saving) = saving else { return };
        let text = {
            let mut inner = self.inner.lock();
            if !inner.changed || (!now && inner.saved.elapsed() < INTERVAL) {
                return;
            }
            (inner.changed, inner.saved) = (false, Instant::now());
            serde_json::to_string(&inner.places)
        };
        let saved = text
            .map_err(StoreError::from)
            .and_then(|text| store.write_blocking(move |tx| tx.set_setting(SETTING, &text)));
        if let Err(error) = saved {
            tracing::error!(%error, "the places of after-hooks could not be saved");
            self.inner.lock().changed = true;
        }
    }
}
