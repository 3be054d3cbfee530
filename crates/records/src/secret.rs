//! Values that are stored encrypted: authenticated, and bound to the field and the record that they belong to.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use rand::RngExt;
use serde_json::Value as Json;
use tidewire_model::{Field, Record, Value};
use tidewire_store::{Snapshot, StoreError, Tx};

/// The setting that holds the key.
const SETTING: &str = "fields.key";
const NONCE: usize = 24;

/// The store's key for encrypted fields.
pub struct FieldKey([u8; 32]);

impl FieldKey {
    /// `None` if nothing was ever encrypted.
    pub fn read(snapshot: &Snapshot<'_>) -> Result<Option<Self>, StoreError> {
        let Some(text) = snapshot.setting(SETTING)? else { return Ok(None) };
        let bytes = STANDARD_NO_PAD.decode(text.trim_matches('"')).ok();
        let key = bytes.and_then(|bytes| bytes.try_into().ok());
        key.map(|key| Some(Self(key))).ok_or_else(|| broken("the key of encrypted fields cannot be read"))
    }

    /// The key, made if there is none.
    pub fn take(tx: &mut Tx<'_>) -> Result<Self, StoreError> {
        if let Some(key) = Self::read(tx)? {
            return Ok(key);
        }
        let key: [u8; 32] = rand::rng().random();
        tx.set_setting(SETTING, &format!("\"{}\"", STANDARD_NO_PAD.encode(key)))?;
        Ok(Self(key))
    }

    pub fn seal(&self, record: &Record, field: &Field, open: &Json) -> Result<Value, StoreError> {
        let nonce: [u8; NONCE] = rand::rng().random();
        let (text, place) = (open.to_string(), place(record, field));
        let payload = Payload { msg: text.as_bytes(), aad: place.as_bytes() };
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| broken("a value could not be encrypted"))?;
        Ok(Value::text(&STANDARD_NO_PAD.encode([&nonce[..], &sealed].concat())))
    }

    /// `None` if it was not sealed with this key for this place.
    pub fn open(&self, record: &Record, field: &Field, sealed: &Value) -> Option<Json> {
        let bytes = STANDARD_NO_PAD.decode(sealed.as_str()).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE)?;
        let nonce: [u8; NONCE] = nonce.try_into().ok()?;
        let place = place(record, field);
        let payload = Payload { msg: sealed, aad: place.as_bytes() };
        serde_json::from_slice(&self.cipher().decrypt(&XNonce::from(nonce), payload).ok()?).ok()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(self.0))
    }
}

pub(crate) fn is_secret(field: &Field) -> bool {
    field.extra.as_ref().is_some_and(|extra| extra.encrypted)
}

fn place(record: &Record, field: &Field) -> String {
    format!("{}/{}/{}", record.collection.id, record.id(), field.id)
}

fn broken(reason: &str) -> StoreError {
    StoreError::Database(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tidewire_model::{Collection, TenantId};

    #[test]
    fn sealed_values_open_only_in_their_place() {
        let mut collection = Collection::default();
        collection.id = "c".into();
        collection.fields = ["id", "a", "b"]
            .map(|name| Field { id: name.into(), name: name.into(), ..Field::default() })
            .to_vec();
        collection.index_fields();
        let mut record = Record::empty(collection.clone().into(), TenantId::default());
        record.set("id", Value::text("1"));
        let mut other = record.clone();
        other.set("id", Value::text("2"));
        let (key, another) = (FieldKey([1; 32]), FieldKey([2; 32]));
        let fields = &collection.fields;
        for open in [json!("x"), json!(""), json!({"a": [1, null]}), json!(2.5)] {
            let sealed = key.seal(&record, &fields[1], &open).unwrap();
            assert_ne!(sealed, key.seal(&record, &fields[1], &open).unwrap());
            assert_eq!(key.open(&record, &fields[1], &sealed), Some(open));
            assert_eq!(key.open(&record, &fields[2], &sealed), None);
            assert_eq!(key.open(&other, &fields[1], &sealed), None);
            assert_eq!(another.open(&record, &fields[1], &sealed), None);
        }
        assert_eq!(key.open(&record, &fields[1], &Value::text("short")), None);
    }
}
