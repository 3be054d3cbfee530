use super::Facts;
use crate::Person;
use crate::profile::holds;

/// A picture that is not public is nobody's business.
pub(crate) fn finish(person: &mut Person, facts: &Facts<'_>) {
    if !holds(facts.user, "/data/photo_public") {
        person.avatar_url.clear();
    }
}
