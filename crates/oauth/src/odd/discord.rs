use super::Facts;
use crate::Person;
use crate::profile::text;

/// Pictures are told by their hash; old accounts have a number behind their name.
pub(crate) fn finish(person: &mut Person, facts: &Facts<'_>) {
    let picture = text(facts.user, "/avatar");
    if !picture.is_empty() {
        person.avatar_url = format!("https://cdn.discordapp.com/avatars/{}/{picture}.png", person.id);
    }
    if person.name.is_empty() {
        person.name = match text(facts.user, "/discriminator").as_str() {
            "" | "0" => person.username.clone(),
            number => format!("{}#{number}", person.username),
        };
    }
}
