use crate::argon::{self, CURRENT};
use crate::pool::{Job, Pool};
use argon2::password_hash::phc::PasswordHash;
use std::sync::{Arc, OnceLock};
use tokio::sync::oneshot;

/// Longer passwords are refused before any work is done for them.
pub const PASSWORD_BYTES_MAX: usize = 255;

/// Hashing on a bounded pool of its own: argon2id for new hashes, bcrypt accepted.
#[derive(Clone)]
pub struct Passwords {
    pool: Arc<Pool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// too many hashes are waiting already
    #[error("too many sign-in attempts are waiting")]
    Busy,
    #[error("password longer than {PASSWORD_BYTES_MAX} bytes")]
    TooLong,
    #[error("hashing failed")]
    Failed,
}

impl Passwords {
    /// `threads` hash at once, `waiting` more may queue; beyond that the answer is `Busy`.
    pub fn new(threads: usize, waiting: usize) -> Self {
        Self { pool: Arc::new(Pool::new(threads, waiting)) }
    }

    pub async fn hash(&self, password: &str) -> Result<String, PasswordError> {
        check_length(password)?;
        let (reply, answer) = oneshot::channel();
        self.pool.submit(Job::Hash { password: password.into(), reply })?;
        answer.await.unwrap_or(Err(PasswordError::Failed))
    }

    /// The same, on the calling thread: for commands.
    pub fn hash_here(password: &str) -> Result<String, PasswordError> {
        check_length(password)?;
        argon::hash(password).ok_or(PasswordError::Failed)
    }

    /// `hash: None` (unknown user) costs as much as a wrong password and answers false.
    pub async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, PasswordError> {
        check_length(password)?;
        let (reply, answer) = oneshot::channel();
        let hash = hash.filter(|hash| is_known(hash)).map(Into::into);
        self.pool.submit(Job::Verify { password: password.into(), hash, reply })?;
        answer.await.map_err(|_| PasswordError::Failed)
    }

    /// Passwords that wait to be hashed.
    pub fn waiting(&self) -> usize {
        self.pool.waiting()
    }

    /// Passwords that were turned away because too many waited.
    pub fn refused(&self) -> u64 {
        self.pool.refused()
    }

    /// True if the hash should be made anew with today's algorithm.
    pub fn is_outdated(hash: &str) -> bool {
        !hash.starts_with(CURRENT)
    }
}

fn check_length(password: &str) -> Result<(), PasswordError> {
    if password.len() > PASSWORD_BYTES_MAX { Err(PasswordError::TooLong) } else { Ok(()) }
}

/// True for a form of hash that [`matches`] can check.
fn is_known(hash: &str) -> bool {
    is_bcrypt(hash) || PasswordHash::new(hash).is_ok()
}

fn is_bcrypt(hash: &str) -> bool {
    hash.len() == 60 && ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| hash.starts_with(prefix))
}

/// Compares on the calling thread; without a hash, against one that nothing matches.
pub(crate) fn matches(password: &str, hash: Option<&str>) -> bool {
    match hash {
        Some(hash) if is_bcrypt(hash) => bcrypt::verify(password, hash).unwrap_or(false),
        Some(hash) => argon::matches(password, hash),
        None => {
            argon::matches(password, decoy());
            false
        }
    }
}

/// What unknown users are compared with, so that they cost what others cost.
pub(crate) fn decoy() -> &'static str {
    static DECOY: OnceLock<String> = OnceLock::new();
    DECOY.get_or_init(|| Passwords::hash_here(&tidewire_model::id::secret(40)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BCRYPT: &str = "$2y$04$3zUiqJ34Eq9bw5e9mWJqQeJMvsDtMTjJXYKNEcDuJmD2svS6qRKhG";

    fn bcrypt_as(prefix: &str, password: &str) -> String {
        bcrypt::hash(password, 4).unwrap().replacen("$2b$", prefix, 1)
    }

    #[tokio::test]
    async fn passwords_match_their_own_hash_only() {
        let passwords = Passwords::new(1, 8);
        let fresh = passwords.hash("secret-1").await.unwrap();
        let cases = [
            (Some(fresh.clone()), true, false),
            (Some(Passwords::hash_here("secret-1").unwrap()), true, false),
            (Some(bcrypt_as("$2a$", "secret-1")), true, true),
            (Some(bcrypt_as("$2b$", "secret-1")), true, true),
            (Some(bcrypt_as("$2y$", "secret-1")), true, true),
            (Some(fresh.replace("t=2", "t=1")), false, true),
            (Some(BCRYPT.to_string()), false, true),
            (Some(fresh[..fresh.len() - 1].to_string()), false, false),
            (Some("plain".into()), false, true),
            (Some(String::new()), false, true),
            (None, false, true),
        ];
        for (hash, good, outdated) in cases {
            assert_eq!(passwords.verify("secret-1", hash.as_deref()).await, Ok(good), "{hash:?}");
            assert_eq!(passwords.verify("secret-2", hash.as_deref()).await, Ok(false), "{hash:?}");
            assert_eq!(Passwords::is_outdated(hash.as_deref().unwrap_or("")), outdated, "{hash:?}");
        }
    }

    #[tokio::test]
    async fn long_passwords_are_refused() {
        let passwords = Passwords::new(1, 1);
        let long = "x".repeat(PASSWORD_BYTES_MAX + 1);
        assert_eq!(passwords.hash(&long).await, Err(PasswordError::TooLong));
        assert_eq!(passwords.verify(&long, None).await, Err(PasswordError::TooLong));
        assert_eq!(Passwords::hash_here(&long), Err(PasswordError::TooLong));
    }

    #[tokio::test]
    async fn more_work_than_threads_and_queue_is_busy() {
        let passwords = Passwords::new(1, 1);
        let all: Vec<_> = (0..16)
            .map(|_| {
                let passwords = passwords.clone();
                tokio::spawn(async move { passwords.verify("x", None).await })
            })
            .collect();
        let mut busy = 0;
        for one in all {
            busy += usize::from(one.await.unwrap() == Err(PasswordError::Busy));
        }
        assert!(busy > 0 && busy < 16, "{busy}");
    }

    #[test]
    fn the_decoy_has_todays_parameters() {
        assert!(!Passwords::is_outdated(decoy()));
    }
}
