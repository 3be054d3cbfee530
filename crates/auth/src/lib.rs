//! Password hashes, tokens and API keys. Says who a request is; what they may do is decided by rules.

use tidewire_model::{Collection, Record};

/// Hashing on a bounded pool of its own: argon2id for new hashes, bcrypt accepted.
#[derive(Clone)]
pub struct Passwords {}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// too many hashes are waiting already
    #[error("too many sign-in attempts are waiting")]
    Busy,
    #[error("hashing failed")]
    Failed,
}

impl Passwords {
    /// `threads` hash at once, `waiting` more may queue.
    pub fn new(threads: usize, waiting: usize) -> Self {
        let _ = (threads, waiting);
        unimplemented!()
    }

    pub async fn hash(&self, password: &str) -> Result<String, PasswordError> {
        let _ = password;
        unimplemented!()
    }

    /// The same, on the calling thread: for commands.
    pub fn hash_here(password: &str) -> Result<String, PasswordError> {
        let _ = password;
        unimplemented!()
    }

    /// `hash: None` (unknown user) costs as much as a wrong password and answers false.
    pub async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, PasswordError> {
        let _ = (password, hash);
        unimplemented!()
    }

    /// True if the hash should be made anew with today's algorithm.
    pub fn is_outdated(hash: &str) -> bool {
        let _ = hash;
        unimplemented!()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    Auth,
    File,
    Verification,
    PasswordReset,
    EmailChange,
}

/// What a token says. Nothing in it is to be trusted before [`verify`].
#[derive(Clone, Debug, PartialEq)]
pub struct Claims {
    pub id: String,
    pub collection_id: String,
    /// "auth", "file", …
    pub kind: String,
    pub refreshable: bool,
    /// seconds since 1970
    pub exp: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("malformed token")]
    Malformed,
    #[error("expired token")]
    Expired,
    #[error("bad signature")]
    Signature,
    #[error("not that kind of token")]
    Kind,
}

/// Signs a token for an auth record: HS256, key = record.tokenKey + collection.<kind>Token.secret.
/// `seconds`: `None` takes the collection's duration.
pub fn issue(record: &Record, kind: TokenKind, refreshable: bool, seconds: Option<i64>) -> String {
    let _ = (record, kind, refreshable, seconds);
    unimplemented!()
}

/// Reads claims without checking the signature: to know which record to load. Refuses expired ones.
pub fn peek(token: &str) -> Result<Claims, TokenError> {
    let _ = token;
    unimplemented!()
}

/// Checks signature, expiry and kind against the loaded record.
pub fn verify(token: &str, record: &Record, kind: TokenKind) -> Result<Claims, TokenError> {
    let _ = (token, record, kind);
    unimplemented!()
}

/// Hash under which an API key is kept: keys are long and random, so one fast hash is enough.
pub fn key_hash(key: &str) -> String {
    let _ = key;
    unimplemented!()
}

#[allow(dead_code)]
fn unused(_: &Collection) {}
