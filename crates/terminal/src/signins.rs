//! Tokens that `token --save` keeps for `--as`: a file for each, which only the user may read.

use crate::connect::Identity;
use crate::{Failure, token};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use tidewire_client::{Auth, AuthStore, Error};

/// The folder, which may not be there yet.
pub struct SignIns {
    folder: Option<PathBuf>,
}

impl SignIns {
    /// `config`: the folder of the user's settings.
    pub fn at(config: Option<&Path>) -> Self {
        Self { folder: config.map(|folder| folder.join("tidewire").join("sign-ins")) }
    }

    /// One whose token holds for a while yet. What renews it keeps it there.
    pub fn find(&self, url: &str, who: &Identity) -> Result<Option<AuthStore>, Failure> {
        let Some(folder) = &self.folder else { return Ok(None) };
        let path = folder.join(name(url, who));
        let store = AuthStore::file(&path).map_err(|error| fault(&path, &error))?;
        Ok(Some(store).filter(|store| token::holds(&store.token())))
    }

    /// Keeps it in place of an older one; answers where.
    pub fn keep(&self, url: &str, who: &Identity, token: String, record: Json) -> Result<PathBuf, Failure> {
        let Some(folder) = &self.folder else {
            return Err(Failure::Failed("there is no home folder to keep the token in".to_owned()));
        };
        let path = folder.join(name(url, who));
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| fault(folder, &error.into()))?;
        remove_unreadable(&path).map_err(|error| fault(&path, &error.into()))?;
        let store = AuthStore::file(&path).map_err(|error| fault(&path, &error))?;
        store.save(Auth { token, record }).map_err(|error| fault(&path, &error))?;
        Ok(path)
    }
}

/// Whoever signs in again is not kept from it by what an old file holds.
fn remove_unreadable(path: &Path) -> io::Result<()> {
    match AuthStore::file(path) {
        Err(Error::Store(error)) if error.kind() == io::ErrorKind::InvalidData => fs::remove_file(path),
        _ => Ok(()),
    }
}

fn fault(path: &Path, error: &Error) -> Failure {
    match error {
        Error::Store(error) if error.kind() == io::ErrorKind::InvalidData => {
            Failure::Failed(format!("{} holds no sign-in: remove it", path.display()))
        }
        Error::Store(error) => Failure::Failed(format!("{}: {error}", path.display())),
        error => Failure::of(error),
    }
}

/// Of any address and identity a name that every file system takes.
fn name(url: &str, who: &Identity) -> String {
    let told = [url.trim_end_matches('/'), &who.collection, &who.identity].join("\n");
    let digest = Sha256::digest(told);
    let hex: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{hex}.json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn who(identity: &str) -> Identity {
        Identity { collection: "users".into(), identity: identity.into() }
    }

    #[test]
    fn the_newest_token_that_holds_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let kept = SignIns::at(Some(folder.path()));
        let find = |url, name| kept.find(url, &who(name)).unwrap().map(|store| store.token());
        let keep = |name, token| kept.keep("http://h:1/", &who(name), token, Json::Null).unwrap();
        assert_eq!(find("http://h:1", "a"), None);
        let (old, new) = (token::tests::token(4_000_000_000), token::tests::token(4_000_000_001));
        keep("a", old);
        let path = keep("a", new.clone());
        keep("b", token::tests::token(1));
        assert_eq!(find("http://h:1", "a"), Some(new.clone()));
        assert_eq!((find("http://h:2", "a"), find("http://h:1", "b")), (None, None));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        fs::write(&path, "rubbish").unwrap();
        let failure = kept.find("http://h:1", &who("a")).unwrap_err().to_string();
        assert!(failure.ends_with("holds no sign-in: remove it"), "{failure}");
        keep("a", new.clone());
        assert_eq!(find("http://h:1", "a"), Some(new));
    }

    #[test]
    fn without_a_home_nothing_is_kept() {
        let kept = SignIns::at(None);
        assert!(kept.find("http://h", &who("a")).unwrap().is_none());
        assert_eq!(kept.keep("http://h", &who("a"), String::new(), Json::Null).unwrap_err().code(), 1);
    }
}
