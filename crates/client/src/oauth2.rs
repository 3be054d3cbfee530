use crate::loopback::Loopback;
use crate::{Auth, Collection, Error};
use reqwest::{Method, Url};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(300);

/// Who was signed in through a provider, and what the provider says.
#[derive(Clone, Debug, PartialEq)]
pub struct OAuth2Auth {
    pub auth: Auth,
    /// `id`, `name`, `email`, `accessToken`, `rawUser`, `isNew` and others
    pub meta: Json,
}

/// A code that a provider gave, and what it was asked with.
#[derive(Clone, Debug, Default)]
pub struct OAuth2Code {
    pub provider: String,
    pub code: String,
    /// of PKCE; empty if it was not used
    pub code_verifier: String,
    /// the same that the provider was told
    pub redirect_url: String,
    /// fields of the record, if one is made
    pub create_data: Option<Json>,
}

/// A sign-in in the user's browser, before it begins.
#[derive(Debug)]
#[must_use = "nobody is asked until `open` is called"]
pub struct OAuth2 {
    collection: Collection,
    provider: String,
    scopes: Option<String>,
    create_data: Option<Json>,
    port: u16,
    timeout: Duration,
}

/// What the server says of a provider.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Offer {
    name: String,
    state: String,
    #[serde(rename = "authURL")]
    auth_url: String,
    code_verifier: String,
}

#[derive(Deserialize)]
struct Answer {
    token: String,
    record: Json,
    #[serde(default)]
    meta: Json,
}

impl Collection {
    /// Signs in with a code of a provider, for those who handle the redirect themselves, and keeps the token.
    pub async fn auth_with_oauth2_code(&self, code: &OAuth2Code) -> Result<OAuth2Auth, Error> {
        let body = json!({
            "provider": code.provider,
            "code": code.code,
            "codeVerifier": code.code_verifier,
            "redirectURL": code.redirect_url,
            "createData": code.create_data.clone().unwrap_or_else(|| json!({})),
        });
        // signed, for whoever is signed in already links the account
        let answer: Answer = self.call(Method::POST, "auth-with-oauth2")?.json(&body).read().await?;
        let auth = self.keep(Auth { token: answer.token, record: answer.record })?;
        Ok(OAuth2Auth { auth, meta: answer.meta })
    }

    /// Signs in through a provider in the user's browser: [`OAuth2::open`] gives the address to show there, and waits on this machine
    /// until the provider sends the user back to `http://127.0.0.1:PORT/callback`, which it must know as redirect address.
    ///
    /// ```no_run
    /// # async fn example(client: tidewire_client::Client) -> Result<(), tidewire_client::Error> {
    /// let signed_in = client.collection("users").auth_with_oauth2("google").open(|url| println!("open {url}")).await?;
    /// println!("{}", signed_in.meta["email"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn auth_with_oauth2(&self, provider: impl Into<String>) -> OAuth2 {
        OAuth2 {
            collection: self.clone(),
            provider: provider.into(),
            scopes: None,
            create_data: None,
            port: 0,
            timeout: TIMEOUT,
        }
    }
}

impl OAuth2 {
    /// What the provider is asked for, instead of what the server names.
    pub fn scopes(mut self, scopes: &[&str]) -> Self {
        self.scopes = Some(scopes.join(" "));
        self
    }

    /// Fields of the record, if one is made.
    pub fn create_data(mut self, data: Json) -> Self {
        self.create_data = Some(data);
        self
    }

    /// The port of the redirect address, for providers that compare it; a free one unless told.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// How long the user may take; five minutes unless told.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Hands out the address to open in a browser, waits for the code and signs in with it.
    pub async fn open(self, open: impl FnOnce(&str)) -> Result<OAuth2Auth, Error> {
        let offer = self.offer().await?;
        let loopback = Loopback::bind(self.port).await?;
        open(address(&offer, self.scopes.as_deref(), &loopback.url)?.as_str());
        let waiting = tokio::time::timeout(self.timeout, loopback.code(&offer.state));
        let code =
            waiting.await.map_err(|_| Error::OAuth2(format!("nobody came back in {:?}", self.timeout)))??;
        let code = OAuth2Code {
            provider: self.provider,
            code,
            code_verifier: offer.code_verifier,
            redirect_url: loopback.url,
            create_data: self.create_data,
        };
        self.collection.auth_with_oauth2_code(&code).await
    }

    async fn offer(&self) -> Result<Offer, Error> {
        let methods = self.collection.auth_methods().await?;
        let offers = methods["oauth2"]["providers"].as_array().into_iter().flatten();
        let offer = offers.filter_map(|offer| Offer::deserialize(offer).ok());
        offer.into_iter().find(|offer| offer.name == self.provider).ok_or_else(|| {
            Error::Invalid(format!("{} offers no provider {:?}", self.collection.name, self.provider))
        })
    }
}

/// The server leaves `redirect_uri` open.
fn address(offer: &Offer, scopes: Option<&str>, redirect: &str) -> Result<Url, Error> {
    let mut url = Url::parse(&offer.auth_url)
        .map_err(|error| Error::Invalid(format!("{:?} is no address: {error}", offer.auth_url)))?;
    let kept = url.query_pairs().into_owned();
    let kept = kept.filter(|(name, _)| name != "redirect_uri" && (name != "scope" || scopes.is_none()));
    let kept: Vec<_> = kept.collect();
    let mut pairs = url.query_pairs_mut();
    pairs.clear().extend_pairs(kept).extend_pairs(scopes.map(|scopes| ("scope", scopes)));
    pairs.append_pair("redirect_uri", redirect);
    drop(pairs);
    Ok(url)
}
