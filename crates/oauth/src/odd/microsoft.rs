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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Map, json};
    use tidewire_model::oauth2::ProviderOptions;

    #[test]
    fn the_claim_that_was_chosen_tells_the_address() {
        let all = json!({ "verified_primary_email": ["p@b.co"], "email": "e@b.co", "xms_edov": true });
        let unowned = json!({ "email": "e@b.co", "xms_edov": false });
        for (choice, claims, expected) in [
            ("", &all, "mail@b.co"),
            ("verified_primary_email", &all, "p@b.co"),
            ("verified_primary_email", &unowned, ""),
            ("email_and_xms_edov", &all, "e@b.co"),
            ("email_and_xms_edov", &unowned, ""),
            ("any_verified", &all, "p@b.co"),
            ("any_verified", &unowned, ""),
            ("email", &unowned, "e@b.co"),
            ("something else", &all, ""),
        ] {
            let extra = json!({ "idTokenEmailClaim": choice });
            let options = ProviderOptions { extra: extra.as_object().cloned(), ..ProviderOptions::default() };
            let facts =
                Facts { user: &Json::Null, token: &Map::new(), claims: Some(claims), options: &options };
            let mut person = Person { email: "mail@b.co".to_owned(), ..Person::default() };
            finish(&mut person, &facts);
            assert_eq!(person.email, expected, "{choice} {claims}");
        }
    }
}
