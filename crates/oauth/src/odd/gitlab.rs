use super::Facts;
use crate::Person;
use crate::profile::text;
use tidewire_model::Timestamp;

/// An address is confirmed once there is a time when it was.
pub(crate) fn finish(person: &mut Person, facts: &Facts<'_>) {
    if Timestamp::parse(&text(facts.user, "/confirmed_at")).is_none() {
        person.email.clear();
    }
}
