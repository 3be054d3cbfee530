use std::path::{Path, PathBuf};
use std::time::Duration;

/// Instructions, that is jumps and calls, after which the engine asks whether to go on.
pub(crate) const STEP: u64 = 10_000;
/// The most instructions that a hook may ask for.
pub(crate) const MOST: u64 = 1_000_000_000_000;
/// Hooks that call each other, one inside the other.
pub(crate) const DEPTH: usize = 8;
/// UTF-16 units of one line in the log.
pub(crate) const LINE: usize = 4096;
/// Lines in the log from one call.
pub(crate) const LINES: u32 = 200;
/// How much later than its time limit a runtime may answer before it is given up.
pub(crate) const SLACK: Duration = Duration::from_millis(250);
/// Native stack beyond that of JavaScript.
pub(crate) const MARGIN: usize = 1 << 20;

/// What scripts may take.
#[derive(Clone, Debug)]
pub struct Options {
    pub folder: PathBuf,
    /// runtimes besides the one that is kept for hooks inside writes; default one per core
    pub runtimes: usize,
    /// bytes of one runtime; default 64 MiB
    pub memory: usize,
    /// bytes of its stack; default 512 KiB, at most 16 MiB
    pub stack: usize,
    /// of one call, with all that it waits for; default 2 s
    pub time: Duration,
    /// of one call: jumps of loops and conditions, and calls of functions, counted in steps of 10 000; default
    /// 1 000 000 000
    pub instructions: u64,
    /// to evaluate all files once; default 5 s
    pub load: Duration,
    /// bytes of one answer, and of one act; default 1 MiB
    pub answer: usize,
    /// calls that wait for a runtime; default 1024
    pub queue: usize,
    /// between two looks at the folder; default 1 s
    pub poll: Duration,
}

impl Options {
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            runtimes: std::thread::available_parallelism().map_or(1, Into::into),
            memory: 64 << 20,
            stack: 512 << 10,
            time: Duration::from_secs(2),
            instructions: 1_000_000_000,
            load: Duration::from_secs(5),
            answer: 1 << 20,
            queue: 1024,
            poll: Duration::from_secs(1),
        }
    }
}
