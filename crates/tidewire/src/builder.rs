use crate::pool::{Pool, Timed};
use crate::server::Server;
use crate::{Moment, Retry};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tidewire_hooks::{Event, Handler, Hands, HookError, Hooks, Occasion, Registration};
use tidewire_model::Action;
use tidewire_server::config::Config;
use tidewire_server::serve::Running;

/// The group of after-hooks that are given no other.
const GROUP: &str = "rust";

/// A server that is ready to run.
pub struct Tidewire {
    config: Config,
}

/// Collects hooks and settings.
pub struct Builder {
    config: Config,
    group: String,
    priority: i64,
    strict: bool,
    /// of before-hooks of records
    time: Option<Duration>,
    trusted: bool,
    pool: Pool,
}

impl Tidewire {
    /// On port 8090 of this machine, with the folder `tw_data`.
    pub fn builder() -> Builder {
        let config = Config::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 8090)), Path::new("tw_data"));
        let pool = Pool::default();
        Builder {
            config,
            group: GROUP.to_owned(),
            priority: 0,
            strict: false,
            time: None,
            trusted: false,
            pool,
        }
    }

    /// Opens the folder and listens. Needs a runtime of tokio with several threads.
    pub async fn start(self) -> anyhow::Result<Server> {
        Ok(Server::new(Running::start(self.config).await?))
    }

    /// Serves until SIGINT or SIGTERM, then ends cleanly.
    pub async fn serve(self) -> anyhow::Result<()> {
        let server = self.start().await?;
        let ended = server.until_signal().await;
        server.stop().await;
        ended
    }
}

impl Builder {
    /// Where data are kept; made if it is missing. One server has it at a time.
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.config.dir = dir.into();
        self
    }

    /// Where to listen; port 0 takes a free one.
    pub fn http(mut self, address: impl Into<SocketAddr>) -> Self {
        self.config.http = address.into();
        self
    }

    /// Everything else that `tidewire serve` can be told.
    pub fn configure(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// How often after-hooks that fail are called again.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.config.retry = retry;
        self
    }

    /// After-hooks that are added from here on follow the log by themselves, with a place of their own that is kept under
    /// this name. One group does not wait for another.
    pub fn group(mut self, name: &str) -> Self {
        self.group = name.to_owned();
        self
    }

    /// Hooks that are added from here on: higher ones are called first.
    pub fn priority(mut self, priority: i64) -> Self {
        self.priority = priority;
        self
    }

    /// Hooks that are added from here on refuse when they break, instead of being passed over.
    pub fn stop_on_error(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// Before-hooks of records that are added from here on may hold a write no longer than this; then they count as failed.
    /// Else it is the time of all hooks, 2 s.
    pub fn hook_time(mut self, time: Duration) -> Self {
        self.time = Some(time);
        self
    }

    /// Before-hooks of records that are added from here on run on the thread that writes, which saves waking another, and have
    /// no limit: one that does not return stops all writes for good.
    pub fn trusted(mut self, trusted: bool) -> Self {
        self.trusted = trusted;
        self
    }

    /// Calls a closure whenever this happens. It may block, but not for long: a before-hook holds all writes.
    pub fn on<F>(self, event: Event, call: F) -> Self
    where
        F: Fn(&mut Moment<'_>) -> Result<(), HookError> + Send + Sync + 'static,
    {
        self.add(event, None, call)
    }

    /// The same for one collection.
    pub fn on_collection<F>(self, event: Event, collection: &str, call: F) -> Self
    where
        F: Fn(&mut Moment<'_>) -> Result<(), HookError> + Send + Sync + 'static,
    {
        self.add(event, Some(collection), call)
    }

    /// A registration of any kind. A handler of a record's before-event runs on the thread that writes and limits itself.
    pub fn register(self, registration: Registration) -> Self {
        self.hooks().register(registration);
        self
    }

    pub fn build(self) -> Tidewire {
        Tidewire { config: self.config }
    }

    fn hooks(&self) -> &Hooks {
        &self.config.hooks
    }

    fn add<F>(self, event: Event, collection: Option<&str>, call: F) -> Self
    where
        F: Fn(&mut Moment<'_>) -> Result<(), HookError> + Send + Sync + 'static,
    {
        let handler =
            move |occasion: &mut Occasion, hands: &mut dyn Hands| call(&mut Moment { occasion, hands });
        let registration =
            Registration::new(event, &format!("rust {}", event.name()), self.bounded(event, handler));
        let registration = Registration {
            collection: collection.map(Into::into),
            priority: self.priority,
            stop_on_error: self.strict,
            group: self.group.as_str().into(),
            ..registration
        };
        self.register(registration)
    }

    fn bounded(&self, event: Event, handler: impl Handler + 'static) -> Arc<dyn Handler> {
        let inside = [Action::Create, Action::Update, Action::Delete].map(Event::before).contains(&event);
        if !inside || self.trusted {
            return Arc::new(handler);
        }
        let time = self.time.unwrap_or_else(|| self.hooks().limits().time);
        Arc::new(Timed { handler: Arc::new(handler), pool: self.pool.clone(), time })
    }
}
