use crate::auth_file::AuthFile;
use crate::jwt::Claims;
use crate::{Error, Record};
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::watch;

/// A token and the record that it signs in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Auth {
    pub token: String,
    pub record: Json,
}

type OnChange = Arc<dyn Fn(&Auth) + Send + Sync>;

/// Who is signed in, in memory or in a file. Clones share it.
#[derive(Clone)]
pub struct AuthStore {
    shared: Arc<Shared>,
}

struct Shared {
    auth: watch::Sender<Auth>,
    file: Option<AuthFile>,
    /// held while both the file and the memory are changed, so that they agree
    changing: Mutex<()>,
    calls: RwLock<Vec<OnChange>>,
}

impl Auth {
    /// The record as a [`Record`], if there is one.
    pub fn as_record(&self) -> Option<Record> {
        Record::deserialize(&self.record).ok()
    }

    /// When the token ends, as it says itself.
    pub fn expires_at(&self) -> Option<SystemTime> {
        Claims::of(&self.token)?.expires_at()
    }

    /// Whether there is a token that has not ended yet. The server may still refuse it.
    pub fn is_valid(&self) -> bool {
        Claims::of(&self.token)
            .is_some_and(|claims| claims.expires_at().is_none_or(|end| end > SystemTime::now()))
    }
}

impl Default for AuthStore {
    fn default() -> Self {
        Self::of(Auth::default(), None)
    }
}

impl AuthStore {
    /// Kept in this file across programs, which only its owner may read; nobody is signed in if there is none. Each change replaces
    /// the whole file at once. What other programs write to it later is not seen.
    pub fn file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let file = AuthFile::new(path.as_ref());
        Ok(Self::of(file.read()?, Some(file)))
    }

    fn of(auth: Auth, file: Option<AuthFile>) -> Self {
        let auth = watch::Sender::new(auth);
        let shared = Shared { auth, file, changing: Mutex::default(), calls: RwLock::default() };
        Self { shared: Arc::new(shared) }
    }

    /// The token; empty if nobody is signed in.
    pub fn token(&self) -> String {
        self.shared.auth.borrow().token.clone()
    }

    /// The token and its record; empty if nobody is signed in.
    pub fn auth(&self) -> Auth {
        self.shared.auth.borrow().clone()
    }

    /// Whether there is a token that has not ended yet. The server may still refuse it.
    pub fn is_valid(&self) -> bool {
        self.shared.auth.borrow().is_valid()
    }

    /// Nobody is signed in any more. An error means that the file could not be removed.
    pub fn clear(&self) -> Result<(), Error> {
        self.save(Auth::default())
    }

    /// Somebody is signed in. An error means that the file could not be written; the memory has it.
    pub fn save(&self, auth: Auth) -> Result<(), Error> {
        self.change(|_| true, auth)
    }

    /// Only if nobody changed it since this token was read.
    pub(crate) fn save_after(&self, token: &str, auth: Auth) -> Result<(), Error> {
        self.change(|current| current.token == token, auth)
    }

    fn change(&self, may: impl FnOnce(&Auth) -> bool, auth: Auth) -> Result<(), Error> {
        let shared = &self.shared;
        let written = {
            let _changing = shared.changing.lock();
            if !may(&shared.auth.borrow()) {
                return Ok(());
            }
            let written = shared.file.as_ref().map_or(Ok(()), |file| file.write(&auth));
            shared.auth.send_replace(auth);
            written
        };
        self.tell();
        written
    }

    /// Calls back after each change with who is signed in now, on the thread that changed it. A callback may change the store.
    pub fn on_change(&self, call: impl Fn(&Auth) + Send + Sync + 'static) {
        self.shared.calls.write().push(Arc::new(call));
    }

    /// Who is signed in, as a value that can be waited for.
    pub fn changes(&self) -> watch::Receiver<Auth> {
        self.shared.auth.subscribe()
    }

    /// Without a lock: callbacks may do anything.
    fn tell(&self) {
        let calls = self.shared.calls.read().clone();
        let auth = if calls.is_empty() { return } else { self.auth() };
        calls.iter().for_each(|call| call(&auth));
    }
}

/// Without the token: it is a secret.
impl std::fmt::Debug for AuthStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let file = self.shared.file.as_ref().map(AuthFile::path);
        f.debug_struct("AuthStore").field("file", &file).finish_non_exhaustive()
    }
}
