use crate::known::{self, Known, Source};
use crate::logo::logo;
use crate::odd::Facts;
use crate::{Grant, OAuthError, Person, id_token, token, user_info};
use serde_json::Value as Json;
use std::time::Duration;
use tidewire_model::oauth2::ProviderOptions;
use tidewire_outbound::Client;

/// All questions to a provider together may take this long.
const PATIENCE: Duration = Duration::from_secs(30);

/// A provider as it is configured.
pub struct Provider {
    pub(crate) known: &'static Known,
    pub(crate) options: ProviderOptions,
}

impl Provider {
    /// `None` if there is none of this name.
    pub fn new(options: &ProviderOptions) -> Option<Self> {
        known::find(&options.name).map(|known| Self { known, options: options.clone() })
    }

    pub fn name(&self) -> &str {
        &self.options.name
    }

    pub fn display_name(&self) -> &str {
        or(&self.options.display_name, self.known.display_name)
    }

    /// Drawn by ourselves.
    pub fn logo(&self) -> String {
        logo(self.display_name())
    }

    /// Without a verifier there is nothing that a nonce could be bound to, without an ID token nothing that holds one.
    pub(crate) fn sends_nonce(&self) -> bool {
        self.pkce() && self.wants_id_token()
    }

    pub(crate) fn pkce(&self) -> bool {
        self.options.pkce.unwrap_or(self.known.pkce)
    }

    pub(crate) fn auth_url(&self) -> &str {
        or(&self.options.auth_url, self.known.auth_url)
    }

    pub(crate) fn token_url(&self) -> &str {
        or(&self.options.token_url, self.known.token_url)
    }

    pub(crate) fn user_info_url(&self) -> &str {
        or(&self.options.user_info_url, self.known.user_info_url)
    }

    /// Where the keys are that sign ID tokens.
    pub(crate) fn keys_url(&self) -> &str {
        or(self.options.extra_text("jwksURL"), self.known.keys_url)
    }

    /// Who may have issued an ID token; empty: whoever has the keys.
    pub(crate) fn issuers(&self) -> Vec<&str> {
        let own = self.options.extra_texts("issuers");
        if own.is_empty() { self.known.issuers.to_vec() } else { own }
    }

    pub(crate) fn scopes(&self) -> Vec<&'static str> {
        let mut scopes = self.known.scopes.to_vec();
        if self.wants_id_token() && !scopes.contains(&"openid") && self.known.source == Source::UserInfo {
            scopes.push("openid");
        }
        scopes
    }

    /// Exchanges what a client brought and asks who it is.
    pub async fn person(&self, client: &Client, grant: &Grant<'_>) -> Result<Person, OAuthError> {
        match tokio::time::timeout(PATIENCE, self.ask(client, grant)).await {
            Ok(person) => person,
            Err(_) => Err(OAuthError::user("no answer in time")),
        }
    }

    async fn ask(&self, client: &Client, grant: &Grant<'_>) -> Result<Person, OAuthError> {
        let token = token::exchange(client, self, grant).await?;
        let claims = match self.wants_id_token() && !token.id_token.is_empty() {
            true => Some(id_token::verify(client, self, &token.id_token, grant.verifier).await?),
            false => None,
        };
        let told = match self.known.source {
            Source::IdToken => None,
            Source::OpenId if self.user_info_url().is_empty() => None,
            _ => Some(user_info::fetch(client, self, &token.access).await?),
        };
        let user = match (told, &claims) {
            (Some(told), claims) => {
                self.check_same(&told, claims.as_ref())?;
                told
            }
            (None, Some(claims)) => claims.clone(),
            (None, None) => return Err(OAuthError::user(self.no_id_token())),
        };
        let mut person = self.known.profile.read(&user)?;
        if let Some(emails) = &self.known.emails {
            person.email = emails.fetch(client, self, &token.access).await?;
        }
        let facts =
            Facts { user: &user, token: &token.rest, claims: claims.as_ref(), options: &self.options };
        if let Json::Object(raw) = &user {
            person.raw = raw.clone();
        }
        if let Some(finish) = self.known.finish {
            finish(&mut person, &facts);
        }
        (person.access_token, person.refresh_token, person.expiry) =
            (token.access, token.refresh, token.expiry);
        Ok(person)
    }

    /// Without keys an ID token proves nothing, so that it is not asked for or looked at.
    fn wants_id_token(&self) -> bool {
        !self.keys_url().is_empty()
            && (self.known.source != Source::UserInfo
                || !self.options.extra_text("idTokenEmailClaim").is_empty())
    }

    fn no_id_token(&self) -> &'static str {
        if self.keys_url().is_empty() {
            "set userInfoURL, or extra.jwksURL so that ID tokens can be verified"
        } else {
            "there is no ID token"
        }
    }

    /// The data of another user must not pass for that of the ID token's.
    fn check_same(&self, told: &Json, claims: Option<&Json>) -> Result<(), OAuthError> {
        let same = claims.is_none_or(|claims| told["sub"] == claims["sub"]);
        if self.known.source != Source::OpenId || same {
            return Ok(());
        }
        Err(OAuthError::user("the user's data and the ID token are of different users"))
    }
}

fn or<'a>(own: &'a str, known: &'a str) -> &'a str {
    if own.is_empty() { known } else { own }
}
