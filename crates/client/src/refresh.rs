use crate::client::Inner;
use crate::jwt::Claims;
use crate::path::segment;
use crate::realtime::Backoff;
use crate::request::{Request, decode};
use crate::{Auth, Client, Error};
use parking_lot::Mutex;
use reqwest::Method;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// between tries of a refresh that failed
const AGAIN: Backoff = Backoff { base: Duration::from_secs(2), cap: Duration::from_secs(60) };
/// a clock that jumped is noticed after so long
const LONGEST: Duration = Duration::from_secs(60);

/// Renews the token before it ends: before each request, and in a task of its own for those who only listen.
pub(crate) struct Refresh {
    /// so long before its end
    before: Duration,
    /// one at a time
    turn: tokio::sync::Mutex<Last>,
    task: Mutex<Option<AbortHandle>>,
}

/// The token that was tried last, how often in a row in vain, and until when it is left alone.
#[derive(Default)]
struct Last {
    token: String,
    failures: u32,
    until: Option<Instant>,
}

impl Refresh {
    pub(crate) fn new(before: Duration) -> Self {
        Self { before, turn: tokio::sync::Mutex::default(), task: Mutex::default() }
    }

    /// The same for another client.
    pub(crate) fn same(&self) -> Self {
        Self::new(self.before)
    }

    /// After it the token of the store is good for a while, or cannot be renewed now. An error is the store's.
    pub(crate) async fn renew(&self, client: &Client) -> Result<(), Error> {
        self.watch(client);
        if !self.is_due(&client.auth().auth()) {
            return Ok(());
        }
        let mut last = self.turn.lock().await;
        let auth = client.auth().auth();
        // somebody else may have renewed it meanwhile, or tried in vain
        let is_left_alone =
            last.token == auth.token && last.until.is_some_and(|until| until > Instant::now());
        if is_left_alone || !self.is_due(&auth) {
            return Ok(());
        }
        match ask(client, &auth).await {
            Some(renewed) => {
                // a token that does not even live for `before` is not renewed with each request
                let half =
                    Claims::of(&renewed.token).and_then(|claims| claims.left()).unwrap_or_default() / 2;
                *last =
                    Last { token: renewed.token.clone(), failures: 0, until: Some(Instant::now() + half) };
                client.auth().save_after(&auth.token, renewed)
            }
            None => {
                let failures = if last.token == auth.token { last.failures } else { 0 };
                let until = Some(Instant::now() + AGAIN.bound(failures) / 2 + AGAIN.wait(failures, None) / 2);
                *last = Last { token: auth.token, failures: failures.saturating_add(1), until };
                Ok(())
            }
        }
    }

    fn is_due(&self, auth: &Auth) -> bool {
        self.wait(auth) == Some(Duration::ZERO)
    }

    /// How long until the token is to be renewed; `None` if it never is.
    fn wait(&self, auth: &Auth) -> Option<Duration> {
        let claims = Claims::of(&auth.token).filter(|claims| claims.refreshable)?;
        claims.collection_id.as_ref()?;
        Some(claims.left()?.saturating_sub(self.before))
    }

    /// Begins the task, anew if the runtime that it ran on has ended.
    fn watch(&self, client: &Client) {
        let mut task = self.task.lock();
        if task.as_ref().is_none_or(AbortHandle::is_finished) {
            let weak = Arc::downgrade(&client.inner);
            *task = Some(tokio::spawn(keep(weak)).abort_handle());
        }
    }
}

impl Drop for Refresh {
    fn drop(&mut self) {
        if let Some(task) = &*self.task.lock() {
            task.abort();
        }
    }
}

/// Renews the token for as long as there is a client.
async fn keep(client: Weak<Inner>) {
    loop {
        let Some(inner) = client.upgrade() else { return };
        let client = Client { inner };
        let Some(refresh) = &client.inner.refresh else { return };
        let mut changes = client.auth().changes();
        changes.mark_unchanged();
        // nobody asked for this: the memory has the token, and whoever saves next hears of the file
        let _ = refresh.renew(&client).await;
        let wait = match refresh.wait(&client.auth().auth()) {
            None => LONGEST,
            Some(Duration::ZERO) => AGAIN.base,
            Some(wait) => wait.min(LONGEST),
        };
        drop(client);
        // a change, a time that has come, or a store that is gone: all are looked at again
        let _ = tokio::time::timeout(wait, changes.changed()).await;
    }
}

/// The renewed token, nobody if the server refuses the old one (401), `None` if that is not known.
async fn ask(client: &Client, auth: &Auth) -> Option<Auth> {
    let collection = Claims::of(&auth.token)?.collection_id?;
    let path = format!("api/collections/{}/auth-refresh", segment(&collection).ok()?);
    let answer = Request::new(client, Method::POST, &path).exchange(auth.token.clone(), 0).await;
    match answer {
        Ok(answer) => decode(answer).await.ok(),
        Err(error) if error.status() == Some(401) => Some(Auth::default()),
        Err(_) => None,
    }
}
