//! API keys of accounts: made, listed, revoked, and looked up for each request.

use crate::RecordError;
use crate::account::random_uuid;
use crate::error::{FieldError, FieldErrors};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use tidewire_auth::key_hash;
use tidewire_model::{Collection, TenantId, Timestamp};
use tidewire_store::{Account, ApiKey, KeyKind, Store, StoreError, Tx};

/// keys that are remembered, and as many that are known not to exist
const REMEMBERED: usize = 4096;
/// bytes of a key that is worth a look
const LONGEST: usize = 512;

/// Keeps a new key of an account by its hash.
pub fn save(
    tx: &mut Tx<'_>,
    account: &TenantId,
    key: &str,
    kind: KeyKind,
    collections: Vec<String>,
    label: &str,
) -> Result<ApiKey, RecordError> {
    let key = ApiKey {
        id: random_uuid(),
        account: account.clone(),
        hash: key_hash(key),
        kind,
        collections,
        label: label.to_owned(),
        created: Timestamp::now().to_text(),
    };
    if tx.key_by_hash(&key.hash)?.is_some() {
        let text = "This key is taken already.";
        return Err(RecordError::Invalid(FieldErrors::one(
            "key",
            FieldError::new("validation_not_unique", text),
        )));
    }
    tx.save_key(&key)?;
    Ok(key)
}

/// An account and the key that opened it.
#[derive(Debug)]
pub struct Opened {
    pub account: Account,
    pub key: ApiKey,
}

impl Opened {
    pub fn tenant(&self) -> &TenantId {
        &self.account.id
    }

    /// True if the key may do more than watch and speak.
    pub fn is_secret(&self) -> bool {
        self.key.kind == KeyKind::Secret
    }

    /// Whether the key is good for the collection of this name and id; one that is to be made has no id yet.
    pub fn covers(&self, name: &str, id: &str) -> bool {
        let listed = &self.key.collections;
        listed.is_empty() || listed.iter().any(|known| known == name || (known == id && !id.is_empty()))
    }

    pub fn covers_collection(&self, collection: &Collection) -> bool {
        self.covers(&collection.name, &collection.id)
    }
}

/// Looks keys up by their hashes and remembers what it found, also that there was nothing. Definitions and keys share
/// one revision: what was remembered under another is forgotten.
pub struct Keys {
    store: Store,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    revision: u64,
    found: HashMap<String, Arc<Opened>>,
    missing: HashMap<String, ()>,
}

impl Keys {
    pub fn new(store: Store) -> Self {
        Self { store, known: Mutex::default() }
    }

    /// The account that a key opens.
    pub fn open(&self, key: &str) -> Result<Option<Arc<Opened>>, StoreError> {
        if key.is_empty() || key.len() > LONGEST {
            return Ok(None);
        }
        let hash = key_hash(key);
        let revision = self.store.catalog().revision;
        if let Some(answer) = self.remembered(revision, &hash) {
            return Ok(answer);
        }
        let found = self.store.read_here(|snapshot| {
            let Some(key) = snapshot.key_by_hash(&hash)?.filter(|key| is_same(&key.hash, &hash)) else {
                return Ok::<_, StoreError>(None);
            };
            let account = snapshot.accounts()?.into_iter().find(|account| account.id == key.account);
            Ok(account.map(|account| Arc::new(Opened { account, key })))
        })?;
        self.remember(revision, hash, found.clone());
        Ok(found)
    }

    fn remembered(&self, revision: u64, hash: &str) -> Option<Option<Arc<Opened>>> {
        let known = self.known.lock();
        if known.revision != revision {
            return None;
        }
        match known.found.get(hash) {
            Some(opened) => Some(Some(opened.clone())),
            None => known.missing.contains_key(hash).then_some(None),
        }
    }

    fn remember(&self, revision: u64, hash: String, found: Option<Arc<Opened>>) {
        let mut known = self.known.lock();
        if known.revision < revision {
            *known = Known { revision, ..Known::default() };
        }
        if known.revision > revision {
            return;
        }
        match found {
            Some(opened) => {
                if known.found.len() >= REMEMBERED {
                    known.found.clear();
                }
                known.found.insert(hash, opened);
            }
            None => {
                if known.missing.len() >= REMEMBERED {
                    known.missing.clear();
                }
                known.missing.insert(hash, ());
            }
        }
    }
}

/// In a time that does not tell where they differ.
fn is_same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}
