//! Where a provider's answer has what of a user, as JSON pointers.

use crate::{OAuthError, Person};
use serde_json::Value as Json;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Profile {
    pub id: &'static str,
    /// parts of a name
    pub name: &'static [&'static str],
    pub username: &'static str,
    pub avatar: &'static str,
    pub email: Email,
    /// a value and what it must be for an account that may be used
    pub active: Option<(&'static str, &'static str)>,
}

/// Which address is the user's for sure.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Email {
    /// none: the provider does not say whether it was confirmed
    Never,
    At(&'static str),
    /// if all of these hold
    If(&'static str, &'static [&'static str]),
}

impl Profile {
    pub(crate) const NONE: Self =
        Self { id: "/id", name: &["/name"], username: "", avatar: "", email: Email::Never, active: None };

    pub(crate) fn read(&self, user: &Json) -> Result<Person, OAuthError> {
        if let Some((pointer, expected)) = self.active
            && text(user, pointer) != expected
        {
            return Err(OAuthError::user("the account is not active"));
        }
        let id = text(user, self.id);
        if id.is_empty() {
            return Err(OAuthError::user("the answer has no id"));
        }
        let name: Vec<String> = self.name.iter().map(|part| text(user, part)).collect();
        Ok(Person {
            id,
            name: name.join(" ").trim().to_owned(),
            username: text(user, self.username),
            avatar_url: text(user, self.avatar),
            email: self.email.read(user),
            ..Person::default()
        })
    }
}

impl Email {
    fn read(self, user: &Json) -> String {
        match self {
            Self::Never => String::new(),
            Self::At(pointer) => text(user, pointer),
            Self::If(pointer, all) if all.iter().all(|flag| holds(user, flag)) => text(user, pointer),
            Self::If(..) => String::new(),
        }
    }
}

/// A text or a number there, else "".
pub(crate) fn text(json: &Json, pointer: &str) -> String {
    match json.pointer(pointer).filter(|_| !pointer.is_empty()) {
        Some(Json::String(text)) => text.clone(),
        Some(Json::Number(number)) => number.to_string(),
        Some(Json::Bool(flag)) => flag.to_string(),
        _ => String::new(),
    }
}

/// Flags are told as bools, texts and numbers.
pub(crate) fn holds(json: &Json, pointer: &str) -> bool {
    matches!(text(json, pointer).to_ascii_lowercase().as_str(), "true" | "1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_address_counts_only_if_the_provider_confirms_it() {
        let email = Email::If("/email", &["/ok", "/valid"]);
        for (user, expected) in [
            (json!({"email": "a@b.co", "ok": true, "valid": "true"}), "a@b.co"),
            (json!({"email": "a@b.co", "ok": 1, "valid": "1"}), "a@b.co"),
            (json!({"email": "a@b.co", "ok": true, "valid": false}), ""),
            (json!({"email": "a@b.co", "ok": "false", "valid": true}), ""),
            (json!({"email": "a@b.co", "ok": {}, "valid": true}), ""),
            (json!({"email": "a@b.co"}), ""),
            (json!({"email": ["a@b.co"], "ok": true, "valid": true}), ""),
        ] {
            assert_eq!(email.read(&user), expected, "{user}");
        }
        assert_eq!(Email::Never.read(&json!({"email": "a@b.co"})), "");
    }

    #[test]
    fn nobody_is_without_an_id_and_nobody_is_inactive() {
        let profile = Profile { active: Some(("/state", "active")), ..Profile::NONE };
        for (user, expected) in [
            (json!({"id": 7, "name": " A ", "state": "active"}), Some(("7", "A"))),
            (json!({"id": "", "state": "active"}), None),
            (json!({"id": null, "state": "active"}), None),
            (json!({"state": "active"}), None),
            (json!({"id": 7, "state": "blocked"}), None),
            (json!({"id": 7}), None),
            (json!([]), None),
        ] {
            let person = profile.read(&user).ok();
            let seen = person.as_ref().map(|person| (person.id.as_str(), person.name.as_str()));
            assert_eq!(seen, expected, "{user}");
        }
    }
}
