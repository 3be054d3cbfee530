use super::Facts;
use crate::Person;
use crate::profile::{holds, text};
use serde_json::Value as Json;

/// Which claim of the ID token is trusted for the address is up to who configures; without a choice it is the mailbox of the
/// account, which is right for apps of one organisation.
pub(crate) fn finish(person: &mut Person, facts: &Facts<'_>) {
    let claims = facts.claims.unwrap_or(&Json::Null);
    let primary = || match claims.get("verified_primary_email") {
        Some(Json::Array(_)) => text(claims, "/verified_primary_email/0"),
        _ => text(claims, "/verified_primary_email"),
    };
    let owned = || if holds(claims, "/xms_edov") { text(claims, "/email") } else { String::new() };
    person.email = match facts.options.extra_text("idTokenEmailClaim") {
        "" => return,
        "verified_primary_email" => primary(),
        "email_and_xms_edov" => owned(),
        "any_verified" => Some(primary()).filter(|email| !email.is_empty()).unwrap_or_else(owned),
        "email" => text(claims, "/email"),
        _ => String::new(),
    };
}
