use crate::{Auth, Error};
use rand::RngExt as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// Where a token and its record are kept as JSON.
pub(crate) struct AuthFile {
    path: PathBuf,
}

impl AuthFile {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Nobody if there is no file.
    pub(crate) fn read(&self) -> Result<Auth, Error> {
        match fs::read(&self.path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).map_err(io::Error::from)?),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Auth::default()),
            Err(error) => Err(error.into()),
        }
    }

    /// Written beside its place and moved there, so that whoever reads finds the whole old or the whole new one.
    pub(crate) fn write(&self, auth: &Auth) -> Result<(), Error> {
        if auth.token.is_empty() {
            return self.remove();
        }
        let beside = self.beside();
        let written = put(&beside, auth).and_then(|()| fs::rename(&beside, &self.path));
        if written.is_err() {
            // it may not be there at all
            let _ = fs::remove_file(&beside);
        }
        Ok(written?)
    }

    fn remove(&self) -> Result<(), Error> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn beside(&self) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{:016x}", rand::rng().random::<u64>()));
        self.path.with_file_name(name)
    }
}

fn put(path: &Path, auth: &Auth) -> io::Result<()> {
    let mut file = create(path)?;
    file.write_all(&serde_json::to_vec(auth)?)?;
    file.sync_all()
}

/// A new file that only its owner may read.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
