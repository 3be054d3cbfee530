//! What an asker may do to the record of an auth collection, beyond its rules.

use crate::draft::Draft;
use crate::error::{FieldError, FieldErrors, RecordError};
use crate::normalise::text;
use crate::prepare::Prepared;
use crate::rule::bind_text;
use crate::{Asker, Body};
use std::borrow::Cow;
use tidewire_model::Record;
use tidewire_rules::Audience;
use tidewire_store::{Snapshot, StoreError};

/// Superusers manage all auth records; others those for which the manage rule holds.
pub(crate) fn manages(
    snapshot: &Snapshot<'_>,
    asker: &Asker,
    image: &Record,
    body: &Body,
) -> Result<bool, StoreError> {
    if asker.is_superuser() {
        return Ok(true);
    }
    let collection = &image.collection;
    let rule = collection.auth.as_ref().and_then(|auth| auth.manage_rule.as_deref());
    let Some(rule) = rule.filter(|rule| !rule.is_empty() && asker.principal.identity().is_some()) else {
        return Ok(false);
    };
    match bind_text(snapshot.catalog(), collection, asker, Audience::Rule, rule, body) {
        Ok(residual) => snapshot.holds(&residual, image, &[]),
        Err(_) => Ok(false),
    }
}

/// Checks what only the whole body of an auth record tells, before any field is looked at.
pub(crate) fn check_form(
    draft: &Draft,
    prepared: &Prepared,
    old: Option<&Record>,
    manages: bool,
) -> Result<(), RecordError> {
    let mut errors = FieldErrors::default();
    let record = &draft.record;
    if !manages {
        if old.is_some_and(|old| old.text("email") != record.text("email")) {
            errors.add("email", FieldError::mismatch());
        }
        if old.is_some_and(|old| old.bool("verified")) != record.bool("verified") {
            errors.add("verified", FieldError::mismatch());
        }
    }
    check_passwords(draft, prepared, old, manages, &mut errors);
    errors.check()
}

fn check_passwords(
    draft: &Draft,
    prepared: &Prepared,
    old: Option<&Record>,
    manages: bool,
    errors: &mut FieldErrors,
) {
    let given = |name: &str| draft.body.get(name).map_or(Cow::Borrowed(""), text);
    let (password, confirm, old_password) =
        (draft.typed("password"), given("passwordConfirm"), given("oldPassword"));
    let is_new = old.is_none();
    if password.is_empty() && (is_new || !confirm.is_empty() || !old_password.is_empty()) {
        errors.add("password", FieldError::required());
    }
    if confirm.is_empty() && (is_new || !password.is_empty() || !old_password.is_empty()) {
        errors.add("passwordConfirm", FieldError::required());
    } else if confirm != password {
        errors.add("passwordConfirm", FieldError::mismatch());
    }
    let Some(old) = old.filter(|_| !manages && (!password.is_empty() || !confirm.is_empty())) else { return };
    if old_password.is_empty() {
        errors.add("oldPassword", FieldError::required());
    } else if prepared.old_password_fits.as_deref() != Some(old.text("password")) {
        let message = "Missing or invalid old password.";
        errors.add("oldPassword", FieldError::new("validation_invalid_old_password", message));
    }
}
