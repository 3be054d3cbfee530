use crate::LoadError;
use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

const FILES: usize = 1000;
const BYTES: usize = 16 << 20;
const DEEP: usize = 8;

/// All files of the folder at one moment, by their path inside of it.
#[derive(Debug, Default, PartialEq)]
pub struct Sources {
    files: BTreeMap<String, String>,
}

/// By what it is seen that files changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stamp(BTreeMap<String, (Option<SystemTime>, u64)>);

impl Sources {
    /// A folder that is not there is an empty one.
    pub fn read(folder: &Path) -> Result<Self, LoadError> {
        let (mut files, mut bytes) = (BTreeMap::new(), 0);
        walk(folder, "", 0, &mut |name, path, _| {
            let text = fs::read_to_string(&path).map_err(|error| LoadError::Io { path, error })?;
            bytes += text.len();
            if bytes > BYTES {
                return Err(LoadError::Bytes(BYTES));
            }
            files.insert(name, text);
            if files.len() > FILES { Err(LoadError::Files(FILES)) } else { Ok(()) }
        })?;
        Ok(Self { files })
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.files.get(name).map(String::as_str)
    }

    /// Those that are run, in order: `*.js` directly in the folder. The others are there to be imported.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        let entries = self.files.iter().filter(|(name, _)| !name.contains('/') && name.ends_with(".js"));
        entries.map(|(name, text)| (name.as_str(), text.as_str()))
    }
}

impl Stamp {
    pub fn of(folder: &Path) -> Result<Self, LoadError> {
        let mut files = BTreeMap::new();
        walk(folder, "", 0, &mut |name, _, about| {
            files.insert(name, (about.modified().ok(), about.len()));
            if files.len() > FILES { Err(LoadError::Files(FILES)) } else { Ok(()) }
        })?;
        Ok(Self(files))
    }
}

type Visit<'a> = dyn FnMut(String, PathBuf, &Metadata) -> Result<(), LoadError> + 'a;

/// Visits `*.js` and `*.mjs`. Hidden names are passed over, and folders that are links.
fn walk(folder: &Path, inside: &str, depth: usize, visit: &mut Visit<'_>) -> Result<(), LoadError> {
    if depth > DEEP {
        return Err(LoadError::Deep(DEEP));
    }
    let fault = |error| LoadError::Io { path: folder.to_owned(), error };
    let entries = match fs::read_dir(folder) {
        Err(error) if depth == 0 && error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(fault)?,
    };
    for entry in entries {
        let entry = entry.map_err(fault)?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name.starts_with('.') {
            continue;
        }
        let within = format!("{inside}{name}");
        if entry.file_type().map_err(fault)?.is_dir() {
            walk(&entry.path(), &format!("{within}/"), depth + 1, visit)?;
        } else if name.ends_with(".js") || name.ends_with(".mjs") {
            let path = entry.path();
            match fs::metadata(&path) {
                Ok(about) if about.is_file() => visit(within, path, &about)?,
                _ => {}
            }
        }
    }
    Ok(())
}
