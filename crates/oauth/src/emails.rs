//! Providers that tell a user's addresses apart from the rest.

use crate::profile::{holds, text};
use crate::user_info::{Asked, ask};
use crate::{OAuthError, Provider};
use serde_json::Value as Json;
use tidewire_outbound::Client;

pub(crate) struct Emails {
    /// behind the address of the user's data, or an address of its own
    pub url: &'static str,
    /// where in the answer the list is
    pub list: &'static str,
    pub is_main: fn(&Json) -> bool,
}

/// The list is "" for those who call the flags `primary` and `verified`.
pub(crate) const COMMON: Emails = Emails {
    url: "/emails",
    list: "",
    is_main: |email| holds(email, "/primary") && holds(email, "/verified"),
};

impl Emails {
    /// The main address if it is confirmed. That the client may not ask is no fault: then there is none.
    pub(crate) async fn fetch(
        &self,
        client: &Client,
        provider: &Provider,
        access_token: &str,
    ) -> Result<String, OAuthError> {
        let url = if self.url.starts_with("https://") {
            self.url.to_owned()
        } else {
            format!("{}{}", provider.user_info_url(), self.url)
        };
        let answer = match ask(client, provider, &url, access_token).await? {
            Asked::Refused(401 | 403 | 404) => return Ok(String::new()),
            Asked::Refused(status) => {
                return Err(OAuthError::user(format!("addresses were refused with {status}")));
            }
            Asked::Told(answer) => answer,
        };
        let list = answer.pointer(self.list).and_then(Json::as_array);
        let main = list.into_iter().flatten().find(|email| (self.is_main)(email));
        Ok(main.map(|email| text(email, "/email")).unwrap_or_default())
    }
}

pub(crate) fn is_main_of_gitee(email: &Json) -> bool {
    let is_primary = |scope: &Json| scope.as_str() == Some("primary");
    text(email, "/state") == "confirmed"
        && email["scope"].as_array().is_some_and(|scopes| scopes.iter().any(is_primary))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn gitee_has_states_and_scopes() {
        for (email, is_main) in [
            (json!({ "state": "confirmed", "scope": ["primary", "notification"] }), true),
            (json!({ "state": "confirmed", "scope": ["committed"] }), false),
            (json!({ "state": "unconfirmed", "scope": ["primary"] }), false),
            (json!({ "state": "confirmed", "scope": "primary" }), false),
            (json!("x"), false),
        ] {
            assert_eq!(is_main_of_gitee(&email), is_main, "{email}");
        }
    }
}
