use super::Facts;
use crate::Person;
use crate::profile::{holds, text};

/// Pictures are told by their id.
pub(crate) fn finish(person: &mut Person, facts: &Facts<'_>) {
    let id = text(facts.user, "/default_avatar_id");
    if !holds(facts.user, "/is_avatar_empty") && !id.is_empty() {
        person.avatar_url = format!("https://avatars.yandex.net/get-yapic/{id}/islands-200");
    }
}
