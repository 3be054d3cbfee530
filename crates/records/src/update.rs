use crate::access::{check_form, manages};
use crate::create::check_fields;
use crate::draft::Draft;
use crate::rule::bind;
use crate::view::permits;
use crate::{Asker, Prepared, RecordError, attached, save, unproven};
use std::sync::Arc;
use tidewire_model::{Collection, CollectionKind, Record, Value, id};
use tidewire_store::Tx;

/// characters
const TOKEN_KEY: usize = 50;

/// Checks the update rule on the stored record, applies modifiers, validates and writes.
pub fn update(
    tx: &mut Tx<'_>,
    asker: &Asker,
    collection: &Arc<Collection>,
    id: &str,
    body: &Prepared,
) -> Result<Arc<Record>, RecordError> {
    if collection.kind == CollectionKind::View {
        return Err(RecordError::BadRequest("unsupported collection type".into()));
    }
    if !asker.is_superuser() && collection.rules.update.is_none() {
        return Err(RecordError::SuperusersOnly);
    }
    let old = tx.get(collection, &asker.tenant, id)?.ok_or(RecordError::NotFound)?;
    let mut base = Record::clone(&old);
    base.collection = collection.clone();
    let mut draft = Draft::new(base, body, asker.is_superuser());
    check_fields(asker, collection, &collection.projections.update, &draft.body)?;
    let rule = bind(tx.catalog(), collection, asker, collection.rules.update.as_deref(), &draft.body)?;
    if !permits(tx, &rule, &old)? {
        return Err(RecordError::NotFound);
    }
    if collection.is_auth() {
        let manages = manages(tx, asker, &old, &draft.body)?;
        check_form(&draft, body, Some(&old), manages)?;
        if collection.is_superusers() {
            draft.record.set("verified", Value::Bool(true));
        }
    }
    if collection.is_auth() && !old.bool("verified") && draft.record.bool("verified") {
        take_over(tx, asker, &old, &mut draft)?;
    }
    save::replace(tx, asker, &old, draft)
}

/// The address is shown to be the owner's. Whoever linked an account before that may be somebody else.
fn take_over(
    tx: &mut Tx<'_>,
    asker: &Asker,
    old: &Arc<Record>,
    draft: &mut Draft,
) -> Result<(), RecordError> {
    if attached::remove_links(tx, old, &asker.principal.actor())? {
        draft.record.set("tokenKey", Value::text(&id::secret(TOKEN_KEY)));
    }
    Ok(unproven::clear(tx, old)?)
}
