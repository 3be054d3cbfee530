//! Options of auth collections.

use super::fault::{self, Faults, fault, required, with};
use super::index::unique_on;
use super::validate::Check;
use super::validate_oauth2;
use crate::error::Fault;
use serde_json::{Value as Json, json};
use tidewire_model::AuthOptions;

/// About three years, in seconds.
const TOKEN_DURATION_MAX: i64 = 94_670_856;

pub(super) fn check(check: &Check<'_>, auth: &AuthOptions, faults: &mut Faults) {
    let before = faults.0.0.len();
    rules(check, auth, faults);
    templates(auth, faults);
    tokens(auth, faults);
    let otp = &auth.otp;
    if otp["enabled"] == true {
        faults.check(&["otp", "duration"], bounds(&otp["duration"], 10, 86_400));
        faults.check(&["otp", "length"], bounds(&otp["length"], 4, i64::MAX));
    }
    if auth.mfa["enabled"] == true {
        faults.check(&["mfa", "duration"], bounds(&auth.mfa["duration"], 10, 86_400));
    }
    if auth.password_auth.enabled && auth.password_auth.identity_fields.is_empty() {
        faults.add(&["passwordAuth", "identityFields"], required());
    }
    validate_oauth2::check(&auth.oauth2, faults);
    if faults.0.0.len() == before {
        mfa(check, auth, faults);
    }
    if faults.0.0.len() == before && auth.password_auth.enabled {
        faults.check(&["passwordAuth", "identityFields"], identity_fields(check, auth));
    }
}

fn rules(check: &Check<'_>, auth: &AuthOptions, faults: &mut Faults) {
    let old = check.old.and_then(|old| old.auth.as_ref());
    faults
        .check(&["authRule"], check.rule(auth.auth_rule.as_deref(), old.map(|old| old.auth_rule.as_deref())));
    if auth.manage_rule.as_deref() == Some("") {
        faults.add(&["manageRule"], fault("validation_nil_or_not_empty_required", "Cannot be blank."));
    }
    faults.check(
        &["manageRule"],
        check.rule(auth.manage_rule.as_deref(), old.map(|old| old.manage_rule.as_deref())),
    );
}

fn templates(auth: &AuthOptions, faults: &mut Faults) {
    for (path, template) in [
        (&["authAlert", "emailTemplate"][..], &auth.auth_alert["emailTemplate"]),
        (&["otp", "emailTemplate"], &auth.otp["emailTemplate"]),
        (&["verificationTemplate"], &auth.verification_template),
        (&["resetPasswordTemplate"], &auth.reset_password_template),
        (&["confirmEmailChangeTemplate"], &auth.confirm_email_change_template),
    ] {
        for part in ["body", "subject"] {
            if template[part].as_str().is_none_or(str::is_empty) {
                faults.add(&[path, &[part]].concat(), required());
            }
        }
    }
}

fn tokens(auth: &AuthOptions, faults: &mut Faults) {
    for (key, token) in [
        ("authToken", &auth.auth_token),
        ("passwordResetToken", &auth.password_reset_token),
        ("emailChangeToken", &auth.email_change_token),
        ("verificationToken", &auth.verification_token),
        ("fileToken", &auth.file_token),
    ] {
        let secret =
            if token.secret.is_empty() { Some(required()) } else { fault::length(&token.secret, 30, 255) };
        faults.check(&[key, "secret"], secret);
        faults.check(&[key, "duration"], bounds(&token.duration.into(), 10, TOKEN_DURATION_MAX));
    }
}

fn bounds(value: &Json, min: i64, max: i64) -> Option<Fault> {
    match value.as_i64().unwrap_or(0) {
        0 => Some(required()),
        value if value < min => Some(fault::at_least(min.unsigned_abs())),
        value if value > max => Some(fault::at_most(max.unsigned_abs())),
        _ => None,
    }
}

fn mfa(check: &Check<'_>, auth: &AuthOptions, faults: &mut Faults) {
    if auth.mfa["enabled"] != true {
        return;
    }
    let methods = [auth.password_auth.enabled, auth.oauth2.enabled, auth.otp["enabled"] == true];
    if methods.into_iter().filter(|enabled| *enabled).count() < 2 {
        let text = "MFA requires at least 2 auth methods to be enabled.";
        return faults.add(&["mfa", "enabled"], fault("validation_mfa_not_enough_auths", text));
    }
    faults.check(&["mfa", "rule"], check.rule(auth.mfa["rule"].as_str(), None));
}

fn identity_fields(check: &Check<'_>, auth: &AuthOptions) -> Option<Fault> {
    auth.password_auth.identity_fields.iter().find_map(|name| {
        let params = json!({ "fieldName": name });
        if check.new.field(name).is_none() {
            let text = format!("Invalid or missing field {name}.");
            Some(with("validation_missing_field", text, params))
        } else if unique_on(&check.new.indexes, name).is_none() {
            let text = format!("The field {name} doesn't have a UNIQUE constraint.");
            Some(with("validation_missing_unique_constraint", text, params))
        } else {
            None
        }
    })
}
