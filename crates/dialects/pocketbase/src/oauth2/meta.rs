use serde_json::{Value as Json, json};
use tidewire_oauth::Person;

/// What the provider told, for the client that signed in.
pub(super) fn meta(person: &Person, is_new: bool) -> Json {
    json!({
        "id": person.id,
        "name": person.name,
        "username": person.username,
        "email": person.email,
        "avatarURL": person.avatar_url,
        "avatarUrl": person.avatar_url,
        "accessToken": person.access_token,
        "refreshToken": person.refresh_token,
        "expiry": person.expiry,
        "rawUser": person.raw,
        "isNew": is_new,
    })
}
