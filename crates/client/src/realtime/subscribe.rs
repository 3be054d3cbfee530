use crate::realtime::command::{Begin, Command};
use crate::realtime::event::Event;
use crate::realtime::queue::queue;
use crate::realtime::subscription::{Guard, Listener, Subscription};
use crate::realtime::task::Task;
use crate::realtime::topic::Topic;
use crate::{Client, Error};
use serde::de::DeserializeOwned;
use std::marker::PhantomData;
use std::pin::Pin;
use tokio::sync::oneshot;

/// A subscription to be: `.await` it, or give it a callback.
#[derive(Debug)]
#[must_use = "nothing is subscribed until this is awaited"]
pub struct Subscribe<T> {
    client: Client,
    topic: Topic,
    since: Option<String>,
    is_patient: bool,
    kind: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Subscribe<T> {
    pub(crate) fn new(client: Client, name: String, has_records: bool) -> Self {
        let topic = Topic { name, has_records, ..Topic::default() };
        Self { client, topic, since: None, is_patient: false, kind: PhantomData }
    }

    /// Only records for which this holds.
    pub fn filter(self, filter: impl Into<String>) -> Self {
        self.query("filter", filter)
    }

    /// Relations whose records come with each event, e.g. `author,comments_via_post`.
    pub fn expand(self, expand: impl Into<String>) -> Self {
        self.query("expand", expand)
    }

    /// Fields to send, e.g. `id,title,expand.author.name`.
    pub fn fields(self, fields: impl Into<String>) -> Self {
        self.query("fields", fields)
    }

    /// A parameter that rules read as `@request.query.NAME`.
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.topic.query.push((name.into(), value.into()));
        self
    }

    /// A header that rules read as `@request.headers.NAME`.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.topic.headers.push((name.into(), value.into()));
        self
    }

    /// First what came after this cursor, then what comes. Tidewire only.
    pub fn since(mut self, cursor: impl Into<String>) -> Self {
        self.since = Some(cursor.into());
        self
    }

    /// First the records as they are, then [`Event::Live`], then what comes, without gap or overlap. Tidewire only.
    pub fn snapshot(mut self) -> Self {
        self.topic.snapshot = true;
        self
    }

    /// Also tells when an update takes a record out of the rule or the filter. Tidewire only.
    pub fn leave(self) -> Self {
        self.query("leave", "1")
    }

    /// Waits for a server that is not there yet instead of failing.
    pub fn patient(mut self) -> Self {
        self.is_patient = true;
        self
    }

    /// Calls back with each event, on a task of its own, until the listener is dropped.
    pub async fn callback(
        self,
        call: impl FnMut(Result<Event<T>, Error>) + Send + 'static,
    ) -> Result<Listener, Error>
    where
        T: Send + 'static,
    {
        Ok(Listener::new(self.begin().await?, call))
    }

    async fn begin(self) -> Result<Subscription<T>, Error> {
        let Self { client, topic, since, is_patient, .. } = self;
        topic.check(since.as_deref())?;
        let (sink, items) = queue();
        let (done, answer) = oneshot::channel();
        let shared = client.inner.realtime.shared.clone();
        let id = shared.next_id();
        let url = client.inner.url.to_string();
        let begin = Begin { id, topic, since, is_patient, sink, done };
        let started = shared.clone();
        let commands =
            shared.send(Command::Begin(Box::new(begin)), |commands| Task::start(client, started, commands));
        // whoever gives up waiting unsubscribes by that
        let guard = Guard { id, commands, url };
        let taken = answer.await.unwrap_or(Err(Error::Closed))?;
        Ok(Subscription::new(items, guard, taken.has_positions))
    }
}

impl<T: DeserializeOwned + 'static> IntoFuture for Subscribe<T> {
    type Output = Result<Subscription<T>, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// Returns when the server has confirmed it: every later commit is told.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.begin())
    }
}
