use super::Facts;
use crate::Person;

/// What the user has granted comes with the token.
pub(crate) fn finish(person: &mut Person, facts: &Facts<'_>) {
    if let Some(granted) = facts.token.get("permissions") {
        person.raw.entry("permissions").or_insert_with(|| granted.clone());
    }
}
