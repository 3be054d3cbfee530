use super::Facts;
use crate::Person;
use serde_json::Value as Json;

/// The address comes with the token.
pub(crate) fn finish(person: &mut Person, facts: &Facts<'_>) {
    if let Some(Json::String(email)) = facts.token.get("email") {
        person.email.clone_from(email);
    }
}
