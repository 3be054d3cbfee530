//! What a client needs to send a user to a provider.

use crate::nonce::nonce;
use crate::{OAuthError, Provider};
use oauth2::basic::BasicClient;
use oauth2::{AuthUrl, ClientId, CsrfToken, PkceCodeChallenge, Scope};
use tidewire_model::id;

/// characters
const STATE: usize = 30;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Offer {
    pub state: String,
    /// ends so that a client only has to add its own, encoded address
    pub auth_url: String,
    /// empty without PKCE, like the rest
    pub verifier: String,
    pub challenge: String,
    pub challenge_method: String,
}

impl Provider {
    /// Made anew for each client that asks.
    pub fn offer(&self) -> Result<Offer, OAuthError> {
        let url = AuthUrl::new(self.auth_url().to_owned()).map_err(|_| OAuthError::Address("authURL"))?;
        let client = BasicClient::new(ClientId::new(self.options.client_id.to_string())).set_auth_uri(url);
        let mut offer = Offer { state: id::secret(STATE), ..Offer::default() };
        let state = CsrfToken::new(offer.state.clone());
        let mut request = client.authorize_url(|| state);
        for scope in self.scopes() {
            request = request.add_scope(Scope::new(scope.to_owned()));
        }
        for (name, value) in self.known.params {
            request = request.add_extra_param(*name, *value);
        }
        if self.pkce() {
            let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
            offer.verifier = verifier.into_secret();
            offer.challenge = challenge.as_str().to_owned();
            offer.challenge_method = challenge.method().as_str().to_owned();
            request = request.set_pkce_challenge(challenge);
            if self.sends_nonce() {
                request = request.add_extra_param("nonce", nonce(&offer.verifier));
            }
        }
        offer.auth_url = format!("{}&redirect_uri=", request.url().0);
        Ok(offer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use tidewire_model::oauth2::{PROVIDERS, ProviderOptions};

    fn offer(options: ProviderOptions) -> Result<(Offer, BTreeMap<String, String>), OAuthError> {
        let offer = Provider::new(&options).unwrap().offer()?;
        let query = offer.auth_url.split_once('?').unwrap().1.to_owned();
        let params = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Ok((offer, params))
    }

    fn named(name: &str) -> ProviderOptions {
        ProviderOptions { name: name.into(), client_id: "the client".into(), ..ProviderOptions::default() }
    }

    #[test]
    fn every_known_provider_can_be_offered() {
        for name in PROVIDERS {
            let auth_url =
                if name.starts_with("oidc") || name == "mailcow" { "https://o.test/a?x=1" } else { "" };
            let (offer, params) =
                offer(ProviderOptions { auth_url: auth_url.into(), ..named(name) }).unwrap();
            assert_eq!(params["client_id"], "the client", "{name}");
            assert_eq!((&params["response_type"], &params["state"]), (&"code".to_owned(), &offer.state));
            assert!(offer.auth_url.ends_with("&redirect_uri=") && offer.state.len() == STATE);
            let pkce = !["bitbucket", "linear", "vk"].contains(&name);
            assert_eq!(offer.verifier.len(), if pkce { 43 } else { 0 }, "{name}");
            assert_eq!(params.get("code_challenge").cloned().unwrap_or_default(), offer.challenge);
            assert_eq!(params.contains_key("response_mode"), name == "apple");
            // only where an ID token is looked at, which needs keys
            assert_eq!(params.contains_key("nonce"), name == "apple", "{name}");
        }
    }

    #[test]
    fn options_go_before_what_is_known() {
        let options = ProviderOptions {
            auth_url: "https://git.test/auth".into(),
            pkce: Some(false),
            display_name: "Ours".into(),
            ..named("gitlab")
        };
        assert_eq!(Provider::new(&options).unwrap().display_name(), "Ours");
        assert_eq!(Provider::new(&named("gitlab")).unwrap().display_name(), "GitLab");
        let (offer, params) = offer(options).unwrap();
        assert!(offer.auth_url.starts_with("https://git.test/auth?") && params["scope"] == "read_user");
        assert!(offer.verifier.is_empty() && offer.challenge_method.is_empty());
    }

    #[test]
    fn a_nonce_goes_with_the_verifier() {
        let keys = serde_json::json!({ "jwksURL": "https://id.test/keys" });
        let keys = keys.as_object().cloned();
        let auth_url: Box<str> = "https://id.test/a".into();
        let with =
            |pkce| ProviderOptions { auth_url: auth_url.clone(), extra: keys.clone(), pkce, ..named("oidc") };
        let (offered, params) = offer(with(None)).unwrap();
        assert_eq!(params["nonce"], nonce(&offered.verifier));
        assert!(
            params["nonce"] != offered.challenge
                && params["nonce"] != nonce(&offer(with(None)).unwrap().0.verifier)
        );
        assert!(!offer(with(Some(false))).unwrap().1.contains_key("nonce"));
    }

    #[test]
    fn without_an_address_there_is_no_offer() {
        assert_eq!(offer(named("oidc")).err(), Some(OAuthError::Address("authURL")));
        let relative = ProviderOptions { auth_url: "login".into(), ..named("oidc") };
        assert_eq!(offer(relative).err(), Some(OAuthError::Address("authURL")));
        assert!(Provider::new(&named("nobody")).is_none());
    }
}
