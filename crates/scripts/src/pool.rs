use crate::engine::{Declared, Engine};
use crate::fetch::Fetch;
use crate::lane::{Lane, Refused};
use crate::options::{MARGIN, SLACK};
use crate::run::Sound;
use crate::sources::Sources;
use crate::talk::{Claim, Job};
use crate::{LoadError, Options};
use parking_lot::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;
use tidewire_hooks::Event;

/// Threads per runtime that may hang in something that cannot be interrupted, before no more are started.
const HANGING: usize = 4;
/// Between two attempts to build a runtime that could be built before.
const AGAIN: Duration = Duration::from_secs(1);

/// The runtimes of one set of files. They end with it.
pub struct Pool {
    shared: Arc<Shared>,
    pub id: u64,
}

struct Shared {
    beside: Lane,
    inside: Lane,
    sources: Arc<Sources>,
    options: Options,
    fetch: Fetch,
    threads: Mutex<Threads>,
}

#[derive(Default)]
struct Threads {
    hanging: usize,
    /// runtimes that were not replaced, because too many hang
    missing: Vec<Kind>,
}

/// Who waits for whom: a hook beside a write may itself write, and then waits for a hook inside of it. The latter have a
/// runtime for themselves, so that they wait for nobody. There is one writer, so one is enough.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Beside,
    Inside,
}

type Report = Sender<Result<Vec<Declared>, String>>;

impl Kind {
    pub fn of(event: Event) -> Self {
        match event {
            Event::RecordBeforeCreate | Event::RecordBeforeUpdate | Event::RecordBeforeDelete => Self::Inside,
            _ => Self::Beside,
        }
    }
}

impl Pool {
    /// Reads the files in one runtime, then, if they are right, in all others.
    pub fn start(
        sources: Sources,
        options: &Options,
        fetch: &Fetch,
    ) -> Result<(Arc<Self>, Vec<Declared>), LoadError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let shared = Arc::new(Shared {
            beside: Lane::new(options.queue),
            inside: Lane::new(options.queue),
            sources: Arc::new(sources),
            options: options.clone(),
            fetch: fetch.clone(),
            threads: Mutex::default(),
        });
        // from here on, whatever fails ends the threads
        let pool = Self { shared, id: NEXT.fetch_add(1, Ordering::Relaxed) };
        let declared = pool.begin(&[Kind::Inside], None)?;
        if !declared.is_empty() {
            pool.begin(&vec![Kind::Beside; options.runtimes.max(1)], Some(&declared))?;
        }
        Ok((Arc::new(pool), declared))
    }

    fn begin(&self, kinds: &[Kind], expected: Option<&[Declared]>) -> Result<Vec<Declared>, LoadError> {
        let (report, reports) = channel();
        for kind in kinds {
            let (shared, kind, report) = (self.shared.clone(), *kind, report.clone());
            let quiet = expected.is_some();
            self.shared.spawn(move || shared.begin(kind, quiet, report)).map_err(LoadError::Thread)?;
        }
        let mut declared = Vec::new();
        for _ in kinds {
            let report = reports.recv_timeout(self.shared.options.load + SLACK);
            declared = report.map_err(|_| LoadError::TimedOut)?.map_err(LoadError::Script)?;
            if expected.is_some_and(|expected| expected != declared) {
                return Err(LoadError::Unsteady);
            }
        }
        Ok(declared)
    }

    pub fn push(&self, kind: Kind, job: Job) -> Result<(), Refused> {
        self.shared.lane(kind).push(job)
    }

    pub fn withdraw(&self, kind: Kind, claim: &Arc<Claim>) {
        self.shared.lane(kind).withdraw(claim);
    }

    /// Puts another runtime in the place of one that does not answer.
    pub fn replace(&self, kind: Kind) {
        let mut threads = self.shared.threads.lock();
        threads.hanging += 1;
        let started = threads.hanging <= HANGING * (self.shared.options.runtimes + 1) && {
            let shared = self.shared.clone();
            self.shared.spawn(move || shared.resume(kind)).is_ok()
        };
        if !started {
            tracing::error!("a runtime of hooks hangs and cannot be replaced");
            threads.missing.push(kind);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.beside.close();
        self.shared.inside.close();
    }
}

impl Shared {
    fn lane(&self, kind: Kind) -> &Lane {
        match kind {
            Kind::Beside => &self.beside,
            Kind::Inside => &self.inside,
        }
    }

    fn spawn(&self, run: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        let thread = std::thread::Builder::new().name("hooks".to_owned());
        thread.stack_size(self.options.stack + MARGIN).spawn(run).map(drop)
    }

    fn build(&self, quiet: bool) -> Result<(Engine, Vec<Declared>), String> {
        Engine::build(&self.sources, &self.options, self.fetch.clone(), quiet)
    }

    /// A thread's life in a new pool.
    fn begin(&self, kind: Kind, quiet: bool, report: Report) {
        let (engine, outcome) = match self.build(quiet) {
            Ok((engine, declared)) => (Some(engine), Ok(declared)),
            Err(text) => (None, Err(text)),
        };
        let heard = report.send(outcome).is_ok();
        drop(report);
        if let Some(engine) = engine.filter(|_| heard) {
            self.work(kind, engine);
        }
    }

    /// A thread's life in the place of another.
    fn resume(&self, kind: Kind) {
        if let Some(engine) = self.rebuild(kind) {
            self.work(kind, engine);
        }
    }

    fn work(&self, mut kind: Kind, mut engine: Engine) {
        while let Some(job) = self.lane(kind).take() {
            let sound = catch_unwind(AssertUnwindSafe(|| engine.run(job))).unwrap_or(Sound::No);
            match sound {
                Sound::Yes => continue,
                Sound::No => {}
                Sound::GivenUp => match self.come_back() {
                    Some(missing) => kind = missing,
                    None => return,
                },
            }
            drop(engine);
            match self.rebuild(kind) {
                Some(anew) => engine = anew,
                None => return,
            }
        }
    }

    /// What a runtime that was given up does next, if it is needed.
    fn come_back(&self) -> Option<Kind> {
        let mut threads = self.threads.lock();
        threads.hanging = threads.hanging.saturating_sub(1);
        threads.missing.pop()
    }

    /// None if the pool ends.
    fn rebuild(&self, kind: Kind) -> Option<Engine> {
        loop {
            match self.build(true) {
                Ok((engine, _)) => return Some(engine),
                Err(error) => tracing::error!(error, "the hooks cannot be read again"),
            }
            if self.lane(kind).closes_within(AGAIN) {
                return None;
            }
        }
    }
}
