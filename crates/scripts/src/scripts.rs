use crate::crons::Crons;
use crate::fetch::Fetch;
use crate::set::Set;
use crate::sources::Stamp;
use crate::{LoadError, Options};
use jiff::Timestamp;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use tidewire_hooks::{Hands, HookId, Hooks};
use tidewire_outbound::Client;
use tokio::runtime::Handle;

/// Makes hands for what happens beside all requests: crons.
pub type HandsMaker = Arc<dyn Fn() -> Box<dyn Hands + Send> + Send + Sync>;

/// The scripts of a folder, registered and kept up to date until this is dropped.
pub struct Scripts {
    inner: Arc<Inner>,
    /// dropped, it ends the thread that watches
    _watch: Sender<()>,
}

struct Inner {
    hooks: Hooks,
    options: Options,
    fetch: Fetch,
    crons: Crons,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    set: Set,
    ids: Vec<HookId>,
    /// of the files that were read last, also in vain
    stamp: Option<Stamp>,
    stopped: bool,
}

impl Scripts {
    /// Reads the files and registers what they ask for; an error in one is an error here. `tokio` runs what they fetch, and
    /// crons.
    pub fn start(
        hooks: Hooks,
        options: Options,
        client: Client,
        tokio: Handle,
        hands: HandsMaker,
    ) -> Result<Self, LoadError> {
        let crons = Crons::new(hooks.clone(), hands, tokio.clone(), Timestamp::now());
        let fetch = Fetch { client, tokio };
        let inner = Arc::new(Inner { hooks, options, fetch, crons, state: Mutex::default() });
        inner.reload()?;
        let (watch, ended) = channel();
        let watched = inner.clone();
        let thread = std::thread::Builder::new().name("hooks-watch".to_owned());
        let spawned = thread.spawn(move || {
            let mut last = String::new();
            while ended.recv_timeout(watched.options.poll) == Err(RecvTimeoutError::Timeout) {
                watched.look(&mut last);
                watched.tick(Timestamp::now());
            }
        });
        let scripts = Self { inner, _watch: watch };
        spawned.map_err(LoadError::Thread)?;
        Ok(scripts)
    }

    /// Reads the files as `start` would and registers nothing; answers how many hooks and crons they hold.
    pub fn examine(options: &Options, client: Client, tokio: Handle) -> Result<usize, LoadError> {
        let set = Set::load(options, &Fetch { client, tokio })?;
        Ok(set.registrations.len())
    }

    /// Reads the files again if they have changed; false if they have not. If one has an error, all stays as it was.
    pub fn reload(&self) -> Result<bool, LoadError> {
        self.inner.reload()
    }

    /// Starts the crons that became due since this was done last; it is done by itself every second.
    pub fn tick(&self, now: Timestamp) {
        self.inner.tick(now);
    }
}

impl Drop for Scripts {
    /// Calls under way go on to their end.
    fn drop(&mut self) {
        let mut state = self.inner.state.lock();
        state.stopped = true;
        self.inner.hooks.replace(&state.ids, Vec::new());
        state.ids.clear();
        state.set = Set::default();
    }
}

impl Inner {
    fn reload(&self) -> Result<bool, LoadError> {
        let mut state = self.state.lock();
        // taken first: what changes while files are read is seen next time
        let stamp = Stamp::of(&self.options.folder)?;
        if state.stopped || state.stamp.as_ref() == Some(&stamp) {
            return Ok(false);
        }
        state.stamp = Some(stamp);
        let set = Set::load(&self.options, &self.fetch)?;
        let count = set.registrations.len();
        if count > 0 || !state.ids.is_empty() {
            tracing::info!(folder = %self.options.folder.display(), count, "hooks have been read");
        }
        state.ids = self.hooks.replace(&state.ids, set.registrations.clone());
        state.set = set;
        Ok(true)
    }

    /// Logs an error once, however often it is met.
    fn look(&self, last: &mut String) {
        let text = self.reload().err().map(|error| error.to_string()).unwrap_or_default();
        if !text.is_empty() && text != *last {
            tracing::error!("hooks stay as they were: {text}");
        }
        // the same files are not read twice: then there is no error, and nothing new either
        *last = text;
    }

    fn tick(&self, now: Timestamp) {
        let crons = self.state.lock().set.crons.clone();
        self.crons.tick(&crons, now);
    }
}
