use super::Facts;
use crate::Person;

/// User names are addresses mostly.
pub(crate) fn finish(person: &mut Person, _: &Facts<'_>) {
    if let Some((name, _)) = person.username.split_once('@') {
        person.username = name.to_owned();
    }
}
