//! The last steps of a create and an update: generated values, validation, dates, the write itself.

use crate::draft::Draft;
use crate::error::{FieldError, FieldErrors, RecordError};
use crate::hooks::before;
use crate::secret::FieldKey;
use crate::{Asker, pattern, validate};
use std::sync::Arc;
use tidewire_model::field::Author;
use tidewire_model::{FieldKind, Record, Value, id};
use tidewire_store::{StoreError, Tx};

/// The author of what nobody signed in for.
const ANONYMOUS: &str = "anonymous";

pub(crate) fn insert(tx: &mut Tx<'_>, asker: &Asker, mut draft: Draft) -> Result<Arc<Record>, RecordError> {
    let given_id = draft.record.id().to_owned();
    generate(&mut draft.record);
    let made_id = draft.record.id().to_owned();
    if before::creating(tx, asker, &mut draft)? {
        generate(&mut draft.record);
    }
    let chosen_id = !given_id.is_empty() || draft.record.id() != made_id;
    check(tx, &draft, None)?;
    if chosen_id {
        check_case(tx, &draft.record)?;
    }
    check_auth_id(tx, &draft.record)?;
    set_dates(tx, &mut draft.record, true);
    set_authors(&mut draft.record, asker, true);
    seal(tx, &mut draft)?;
    let fields = draft.record.collection.clone();
    tx.insert(draft.record, &asker.principal.actor()).map_err(|error| unique_fault(error, &fields))
}

pub(crate) fn replace(
    tx: &mut Tx<'_>,
    asker: &Asker,
    old: &Arc<Record>,
    mut draft: Draft,
) -> Result<Arc<Record>, RecordError> {
    let current = before::updating(tx, asker, old, &mut draft)?;
    let old = current.as_ref().unwrap_or(old);
    check(tx, &draft, Some(old))?;
    renew_token_key(&mut draft, old);
    set_dates(tx, &mut draft.record, false);
    set_authors(&mut draft.record, asker, false);
    seal(tx, &mut draft)?;
    let fields = draft.record.collection.clone();
    tx.update(old, draft.record, &asker.principal.actor()).map_err(|error| unique_fault(error, &fields))
}

/// Fills empty texts that have a pattern, and what every record needs.
fn generate(record: &mut Record) {
    let collection = record.collection.clone();
    for (index, field) in collection.fields.iter().enumerate() {
        let FieldKind::Text(options) = &field.kind else { continue };
        if options.autogenerate_pattern.is_empty() || !record.values[index].is_zero() {
            continue;
        }
        if let Some(text) = pattern::generate(&options.autogenerate_pattern) {
            record.values[index] = Value::text(&text);
        }
    }
    if collection.is_auth() && record.text("tokenKey").is_empty() {
        record.set("tokenKey", Value::text(&id::secret(50)));
    }
}

/// All faults of all fields.
pub(crate) fn check(tx: &Tx<'_>, draft: &Draft, old: Option<&Record>) -> Result<(), RecordError> {
    let record = &draft.record;
    let mut errors = FieldErrors::default();
    for (index, (field, value)) in record.fields().enumerate() {
        let before = old.and_then(|old| old.get(&field.name));
        let checked = match (&field.kind, before) {
            (FieldKind::Text(options), Some(before)) if options.primary_key => same_id(before, value),
            _ => validate::validate(field, value, before),
        };
        if let Err(error) = checked {
            errors.add(&field.name, error);
            continue;
        }
        match &field.kind {
            // what was there before the write was found then
            FieldKind::Relation(options) if before != Some(value) => {
                if let Some(error) = validate::related(tx, options, &record.tenant, value)? {
                    errors.add(&field.name, error);
                }
            }
            FieldKind::Password(options) => {
                let typed = draft.plain.get(&index).map_or("", String::as_str);
                if let Err(error) = validate::plain_password(options, typed) {
                    errors.add(&field.name, error);
                }
            }
            _ => {}
        }
    }
    errors.check()?;
    if draft.lacks_hash() {
        return Err(RecordError::BadRequest("the password was not hashed".into()));
    }
    Ok(())
}

fn same_id(before: &Value, value: &Value) -> Result<(), FieldError> {
    if before == value {
        return Ok(());
    }
    Err(FieldError::new("validation_pk_change", "The record primary key cannot be changed."))
}

/// An id of a pattern of its own must differ from others in more than the case of its letters.
fn check_case(tx: &Tx<'_>, record: &Record) -> Result<(), RecordError> {
    let collection = &record.collection;
    let own_pattern = matches!(collection.field("id").map(|field| &field.kind),
        Some(FieldKind::Text(options)) if &*options.pattern != pattern::RECORD_ID);
    if own_pattern && tx.find_by(collection, &record.tenant, "id", record.id(), true)?.is_some() {
        let message = "The record primary key is invalid or already exists.";
        let error = FieldError::new("validation_pk_invalid", message);
        return Err(RecordError::Invalid(FieldErrors::one("id", error)));
    }
    Ok(())
}

/// Ids of auth records are unique across auth collections.
fn check_auth_id(tx: &Tx<'_>, record: &Record) -> Result<(), RecordError> {
    let collection = &record.collection;
    if !collection.is_auth() {
        return Ok(());
    }
    for other in tx.catalog().all().iter().filter(|other| other.is_auth() && other.id != collection.id) {
        if tx.has(other, &record.tenant, record.id())? {
            let message = "Invalid or duplicated auth record id.";
            let error = FieldError::new("validation_invalid_auth_id", message);
            return Err(RecordError::Invalid(FieldErrors::one("id", error)));
        }
    }
    Ok(())
}

/// A new password or address ends all tokens, unless the body named a new key itself.
fn renew_token_key(draft: &mut Draft, old: &Record) {
    let record = &draft.record;
    if !record.collection.is_auth() || record.text("tokenKey") != old.text("tokenKey") {
        return;
    }
    if !draft.typed("password").is_empty() || record.text("email") != old.text("email") {
        draft.record.set("tokenKey", Value::text(&id::secret(50)));
    }
}

pub(crate) fn set_dates(tx: &Tx<'_>, record: &mut Record, is_new: bool) {
    let collection = record.collection.clone();
    let now = tx.now().to_text();
    for (index, field) in collection.fields.iter().enumerate() {
        if let FieldKind::Autodate(options) = &field.kind
            && (if is_new { options.on_create } else { options.on_update })
        {
            record.values[index] = Value::text(&now);
        }
    }
}

fn set_authors(record: &mut Record, asker: &Asker, is_new: bool) {
    let collection = record.collection.clone();
    for (index, field) in collection.fields.iter().enumerate() {
        match field.extra.as_ref().and_then(|extra| extra.author) {
            Some(Author::OfCreate) if !is_new => {}
            Some(_) => {
                let id = asker.principal.id();
                record.values[index] = Value::text(if id.is_empty() { ANONYMOUS } else { id });
            }
            None => {}
        }
    }
}

/// Encrypts what must not be stored as it is; the record has its id by now.
fn seal(tx: &mut Tx<'_>, draft: &mut Draft) -> Result<(), StoreError> {
    if draft.secrets.is_empty() {
        return Ok(());
    }
    let key = FieldKey::take(tx)?;
    let collection = draft.record.collection.clone();
    for (index, open) in std::mem::take(&mut draft.secrets) {
        draft.record.values[index] = key.seal(&draft.record, &collection.fields[index], &open)?;
    }
    Ok(())
}

fn unique_fault(error: StoreError, collection: &tidewire_model::Collection) -> RecordError {
    let StoreError::NotUnique { fields } = &error else { return error.into() };
    let mut errors = FieldErrors::default();
    for field in fields.iter().filter(|field| collection.field(field).is_some()) {
        errors.add(field, FieldError::not_unique());
    }
    if errors.0.is_empty() { error.into() } else { RecordError::Invalid(errors) }
}
