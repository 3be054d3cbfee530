use crate::access::{check_form, manages};
use crate::draft::Draft;
use crate::rule::{Bound, bind};
use crate::view::permits;
use crate::{Asker, Body, FieldError, FieldErrors, Prepared, RecordError, external, save, unproven};
use std::sync::Arc;
use tidewire_model::{Collection, CollectionKind, Record, Value, id};
use tidewire_store::Tx;

/// Checks the create rule, validates and writes a new record.
pub fn create(
    tx: &mut Tx<'_>,
    asker: &Asker,
    collection: &Arc<Collection>,
    body: &Prepared,
) -> Result<Arc<Record>, RecordError> {
    if collection.kind == CollectionKind::View {
        return Err(RecordError::BadRequest("unsupported collection type".into()));
    }
    if !asker.is_superuser() && collection.rules.create.is_none() {
        return Err(RecordError::SuperusersOnly);
    }
    let base = Record::empty(collection.clone(), asker.tenant.clone());
    let mut draft = Draft::new(base, body, asker.is_superuser());
    check_fields(asker, collection, &collection.projections.create, &draft.body)?;
    draft.take_defaults();
    let manages = check_rule(tx, asker, &draft)?;
    if collection.is_auth() {
        check_form(&draft, body, None, manages)?;
    }
    let registers = collection.is_auth() && verify(&mut draft, asker, manages);
    let record = save::insert(tx, asker, draft)?;
    if registers {
        unproven::mark(tx, &record)?;
    }
    Ok(record)
}

/// Refuses fields of the collection that this operation may not set.
pub(crate) fn check_fields(
    asker: &Asker,
    collection: &Collection,
    allowed: &Option<Vec<Box<str>>>,
    body: &Body,
) -> Result<(), RecordError> {
    let Some(allowed) = allowed.as_ref().filter(|_| !asker.is_superuser()) else { return Ok(()) };
    let mut errors = FieldErrors::default();
    for name in body.keys().filter(|name| collection.field(name).is_some()) {
        if !allowed.iter().any(|allowed| **allowed == **name) {
            errors.add(name, FieldError::new("validation_field_closed", "The field cannot be set."));
        }
    }
    errors.check()
}

/// Judges the record as it would be, with an id that means nothing and never verified. Tells whether the asker manages it.
fn check_rule(tx: &Tx<'_>, asker: &Asker, draft: &Draft) -> Result<bool, RecordError> {
    if asker.is_superuser() {
        return Ok(true);
    }
    let collection = draft.record.collection.clone();
    let rule = bind(tx.catalog(), &collection, asker, collection.rules.create.as_deref(), &draft.body)?;
    if matches!(rule, Bound::Open) && !collection.is_auth() {
        return Ok(false);
    }
    let mut image = draft.record.clone();
    if image.id().is_empty() {
        image.set("id", Value::Text(format!("__temp_id__{}", id::lower(6)).into()));
    }
    if collection.is_auth() {
        image.set("verified", Value::Bool(false));
    }
    if !permits(tx, &rule, &image)? {
        return Err(RecordError::RuleFailed);
    }
    Ok(collection.is_auth() && manages(tx, asker, &image, &draft.body)?)
}

/// Superusers are always verified. Without a mailer nobody could confirm an address, so whoever registers is too, which is
/// told; those who manage the collection decide themselves, and of those who come from a provider it knows.
fn verify(draft: &mut Draft, asker: &Asker, manages: bool) -> bool {
    let registers = !manages && asker.context != external::CONTEXT && !draft.record.text("email").is_empty();
    let is_superuser = draft.record.collection.is_superusers();
    if registers || is_superuser {
        draft.record.set("verified", Value::Bool(true));
    }
    registers && !is_superuser
}
