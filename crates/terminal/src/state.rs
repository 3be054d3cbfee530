//! How far long work has come, in a file beside it.

use crate::Failure;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

/// The file; it goes when the work is done.
pub struct StateFile<T> {
    path: PathBuf,
    kind: PhantomData<T>,
}

impl<T: Serialize + DeserializeOwned> StateFile<T> {
    pub fn beside(path: &Path) -> Self {
        Self { path: with_suffix(path, ".tidewire-state"), kind: PhantomData }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn load(&self) -> Result<Option<T>, Failure> {
        match fs::read(&self.path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|_| {
                Failure::Failed(format!(
                    "{} is no state of ours: remove it, or add --restart",
                    self.path.display()
                ))
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.fault(&error)),
        }
    }

    /// All of it or nothing, whenever the process ends.
    pub fn save(&self, state: &T) -> Result<(), Failure> {
        let fresh = with_suffix(&self.path, ".new");
        let text = serde_json::to_vec(state).map_err(|error| Failure::Failed(error.to_string()))?;
        fs::write(&fresh, text)
            .and_then(|()| fs::rename(&fresh, &self.path))
            .map_err(|error| self.fault(&error))
    }

    pub fn remove(&self) -> Result<(), Failure> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.fault(&error)),
            _ => Ok(()),
        }
    }

    fn fault(&self, error: &io::Error) -> Failure {
        Failure::Failed(format!("{}: {error}", self.path.display()))
    }
}

pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_kept_until_the_work_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let file = StateFile::<Vec<u64>>::beside(&folder.path().join("posts.csv"));
        assert_eq!(file.load().unwrap(), None);
        file.save(&vec![1, 2]).unwrap();
        assert_eq!(file.load().unwrap(), Some(vec![1, 2]));
        fs::write(file.path(), "{").unwrap();
        assert_eq!(file.load().unwrap_err().code(), 1);
        file.remove().unwrap();
        file.remove().unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
