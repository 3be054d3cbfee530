//! Tokens that `token --save` keeps for `--as`: a file of the user, which nobody else may read.

use crate::{Failure, token};
use serde::{Deserialize, Serialize};
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignIn {
    pub url: String,
    pub collection: String,
    pub identity: String,
    pub token: String,
}

/// The file, which may not be there yet.
pub struct SignIns {
    path: Option<PathBuf>,
}

impl SignIns {
    /// `config`: the folder of the user's settings.
    pub fn at(config: Option<&Path>) -> Self {
        Self { path: config.map(|folder| folder.join("tidewire").join("sign-ins.json")) }
    }

    /// A token that holds for a while yet.
    pub fn find(&self, url: &str, collection: &str, identity: &str) -> Result<Option<String>, Failure> {
        let fits = |kept: &SignIn| same(kept, url, collection, identity) && token::holds(&kept.token);
        Ok(self.load()?.into_iter().find(fits).map(|kept| kept.token))
    }

    /// Keeps it in place of an older one; answers where.
    pub fn keep(&self, fresh: SignIn) -> Result<PathBuf, Failure> {
        let Some(path) = self.path.clone() else {
            return Err(Failure::Failed("there is no home folder to keep the token in".to_owned()));
        };
        let mut all = self.load()?;
        all.retain(|kept| {
            !same(kept, &fresh.url, &fresh.collection, &fresh.identity) && token::holds(&kept.token)
        });
        all.push(fresh);
        write(&path, &all).map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))?;
        Ok(path)
    }

    fn load(&self) -> Result<Vec<SignIn>, Failure> {
        let Some(path) = &self.path else { return Ok(Vec::new()) };
        match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|_| Failure::Failed(format!("{} holds no sign-ins: remove it", path.display()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(Failure::Failed(format!("{}: {error}", path.display()))),
        }
    }
}

fn same(kept: &SignIn, url: &str, collection: &str, identity: &str) -> bool {
    let bare = |text: &str| text.trim_end_matches('/').to_owned();
    bare(&kept.url) == bare(url) && kept.collection == collection && kept.identity == identity
}

fn write(path: &Path, all: &[SignIn]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let fresh = path.with_extension("new");
    // a file that was left behind might have other permissions
    if let Err(error) = fs::remove_file(&fresh)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    file.write_all(&serde_json::to_vec_pretty(all)?)?;
    fs::rename(&fresh, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn sign_in(identity: &str, token: String) -> SignIn {
        SignIn { url: "http://h:1/".into(), collection: "users".into(), identity: identity.into(), token }
    }

    #[test]
    fn the_newest_token_that_holds_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let kept = SignIns::at(Some(folder.path()));
        let find = |url, who| kept.find(url, "users", who).unwrap();
        assert_eq!(find("http://h:1", "a"), None);
        let (old, new) = (token::tests::token(4_000_000_000), token::tests::token(4_000_000_001));
        kept.keep(sign_in("a", old)).unwrap();
        let path = kept.keep(sign_in("a", new.clone())).unwrap();
        kept.keep(sign_in("b", token::tests::token(1))).unwrap();
        assert_eq!(find("http://h:1", "a"), Some(new));
        assert_eq!((find("http://h:2", "a"), find("http://h:1", "b")), (None, None));
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn without_a_home_nothing_is_kept() {
        let kept = SignIns::at(None);
        assert_eq!(kept.find("http://h", "users", "a").unwrap(), None);
        assert_eq!(kept.keep(sign_in("a", String::new())).unwrap_err().code(), 1);
    }
}
