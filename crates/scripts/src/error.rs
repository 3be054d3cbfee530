use std::io;
use std::path::PathBuf;

/// Why the files are not used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("cannot read {}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error("more than {0} files")]
    Files(usize),
    #[error("the files are larger than {0} bytes")]
    Bytes(usize),
    #[error("folders are nested deeper than {0}")]
    Deep(usize),
    /// with file and line
    #[error("{0}")]
    Script(String),
    #[error("reading the files took longer than its time limit")]
    TimedOut,
    #[error("the files register something else each time they are read")]
    Unsteady,
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}
