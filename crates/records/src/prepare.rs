//! What must happen to a body before the write begins: passwords are hashed and checked outside of the writer's thread.

use crate::asker::Asker;
use crate::error::RecordError;
use crate::{normalise, pattern, validate};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tidewire_auth::Passwords;
use tidewire_model::{Collection, FieldKind};
use tidewire_store::Store;

/// A request body as a map of fields; form values are already inferred.
pub type Body = Map<String, Json>;

/// A body with its passwords hashed.
#[derive(Clone, Debug, Default)]
pub struct Prepared {
    pub body: Body,
    /// hashes of the typed passwords, by field name
    pub hashes: BTreeMap<String, String>,
    /// the stored hash that `body.oldPassword` was found to fit
    pub old_password_fits: Option<String>,
}

impl From<Body> for Prepared {
    fn from(body: Body) -> Self {
        Self { body, ..Self::default() }
    }
}

/// Hashes the passwords of a body, and checks `oldPassword` against the record `id` that is to be updated.
pub async fn prepare(
    store: &Store,
    passwords: &Passwords,
    asker: &Asker,
    collection: &Arc<Collection>,
    id: Option<&str>,
    body: Body,
) -> Result<Prepared, RecordError> {
    let mut prepared = Prepared { body, ..Prepared::default() };
    for field in &collection.fields {
        match &field.kind {
            FieldKind::Password(options) => {
                let plain = field_text(&prepared.body, &field.name);
                // what validation will refuse is not worth a hash
                if !plain.is_empty() && validate::plain_password(options, &plain).is_ok() {
                    prepared.hashes.insert(field.name.to_string(), passwords.hash(&plain).await?);
                }
            }
            // compiled here, so that the writer finds it ready
            FieldKind::Text(options) if !options.pattern.is_empty() => {
                pattern::is_valid(&options.pattern);
            }
            _ => {}
        }
    }
    if let (true, Some(id)) = (collection.is_auth(), id) {
        prepared.old_password_fits =
            fitting_hash(store, passwords, asker, collection, id, &prepared.body).await?;
    }
    Ok(prepared)
}

async fn fitting_hash(
    store: &Store,
    passwords: &Passwords,
    asker: &Asker,
    collection: &Arc<Collection>,
    id: &str,
    body: &Body,
) -> Result<Option<String>, RecordError> {
    let old = field_text(body, "oldPassword");
    if old.is_empty() || asker.is_superuser() {
        return Ok(None);
    }
    let record = store
        .read_here::<_, RecordError, _>(|snapshot| Ok(snapshot.get(collection, &asker.tenant, id)?))?;
    let hash = record.map(|record| record.text("password").to_owned());
    let fits = passwords.verify(&old, hash.as_deref()).await?;
    Ok(hash.filter(|_| fits))
}

fn field_text(body: &Body, name: &str) -> String {
    body.get(name).map(|value| normalise::text(value).into_owned()).unwrap_or_default()
}
