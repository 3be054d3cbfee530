use crate::client::Inner;
use crate::jwt::Claims;
use crate::path::segment;
use crate::realtime::Realtime;
use crate::refresh::Refresh;
use crate::{Auth, AuthStore, Client, Collection, Error};
use reqwest::Method;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use std::time::Duration;

/// What goes by mail or is done for somebody. Tidewire has no mailer yet: of these it knows `impersonate`.
impl Collection {
    /// Sends a password for one sign-in by mail; its id, also if nobody has this address.
    pub async fn request_otp(&self, email: &str) -> Result<String, Error> {
        let answer: Json =
            self.call(Method::POST, "request-otp")?.json(&json!({ "email": email })).read().await?;
        Ok(answer["otpId"].as_str().unwrap_or_default().to_owned())
    }

    /// Signs in with a password that was sent by mail, and keeps the token.
    pub async fn auth_with_otp(&self, otp_id: &str, password: &str) -> Result<Auth, Error> {
        let body = json!({ "otpId": otp_id, "password": password });
        self.keep(self.call(Method::POST, "auth-with-otp")?.token(String::new()).json(&body).read().await?)
    }

    /// Sends a mail that proves an address.
    pub async fn request_verification(&self, email: &str) -> Result<(), Error> {
        self.tell("request-verification", json!({ "email": email })).await
    }

    /// Proves an address with the token of the mail. If it is that of who is signed in, the store knows.
    pub async fn confirm_verification(&self, token: &str) -> Result<(), Error> {
        self.tell("confirm-verification", json!({ "token": token })).await?;
        let store = self.client.auth();
        let mut auth = store.auth();
        if is_of(token, &auth) {
            auth.record["verified"] = Json::Bool(true);
            store.save_after(&auth.token.clone(), auth)?;
        }
        Ok(())
    }

    /// Sends a mail with which a new password can be set.
    pub async fn request_password_reset(&self, email: &str) -> Result<(), Error> {
        self.tell("request-password-reset", json!({ "email": email })).await
    }

    /// Sets a new password with the token of the mail. All tokens of the record end.
    pub async fn confirm_password_reset(&self, token: &str, password: &str) -> Result<(), Error> {
        let body = json!({ "token": token, "password": password, "passwordConfirm": password });
        self.tell("confirm-password-reset", body).await
    }

    /// Sends a mail to the new address of who is signed in.
    pub async fn request_email_change(&self, new_email: &str) -> Result<(), Error> {
        self.tell("request-email-change", json!({ "newEmail": new_email })).await
    }

    /// Changes the address with the token of the mail and the password. All tokens of the record end: if it is signed in here, it
    /// is not any more.
    pub async fn confirm_email_change(&self, token: &str, password: &str) -> Result<(), Error> {
        self.tell("confirm-email-change", json!({ "token": token, "password": password })).await?;
        let store = self.client.auth();
        let auth = store.auth();
        if is_of(token, &auth) { store.save_after(&auth.token, Auth::default()) } else { Ok(()) }
    }

    /// A client that acts as this record, with a store of its own. For superusers. The token cannot be renewed; it is good for so
    /// many seconds, or as long as others if `None`.
    pub async fn impersonate(&self, id: &str, duration: Option<Duration>) -> Result<Client, Error> {
        let request = self.call(Method::POST, &format!("impersonate/{}", segment(id)?))?;
        let seconds = duration.map_or(0, |duration| duration.as_secs());
        let auth: Auth = request.json(&json!({ "duration": seconds })).read().await?;
        let store = AuthStore::default();
        store.save(auth)?;
        Ok(self.client.with_store(store))
    }

    async fn tell(&self, name: &str, body: Json) -> Result<(), Error> {
        self.call(Method::POST, name)?.json(&body).send().await.map(drop)
    }
}

impl Client {
    /// The same server and settings, and somebody else.
    pub fn with_store(&self, auth: AuthStore) -> Self {
        let inner = &self.inner;
        let inner = Arc::new_cyclic(|weak| Inner {
            http: inner.http.clone(),
            url: inner.url.clone(),
            auth,
            timeout: inner.timeout,
            retries: inner.retries,
            refresh: inner.refresh.as_ref().map(Refresh::same),
            realtime: Realtime::new(weak.clone()),
            headers: inner.headers.clone(),
            socket_tls: inner.socket_tls.clone(),
        });
        Self { inner }
    }
}

/// Whether a token of a mail is for who is signed in.
fn is_of(token: &str, auth: &Auth) -> bool {
    let claims = Claims::of(token);
    let id = claims.and_then(|claims| claims.id);
    id.is_some_and(|id| auth.record["id"].as_str() == Some(&id))
}
