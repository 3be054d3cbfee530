use crate::Error;
use crate::realtime::command::Command;
use crate::realtime::event::{self, Event, Item};
use crate::realtime::queue::Receiver;
use futures_core::Stream;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::sync::mpsc;

/// The events of one topic, in the server's order. Dropping it unsubscribes.
///
/// A subscription that is not read fills its buffer, 1024 events or 1 MiB. Then the client stops to read from the server, for all its
/// subscriptions, until it is read again or dropped: nothing grows, and against Tidewire nothing is lost, for the server goes on
/// from its log. A real PocketBase ends the stream of a client that does not read for long; then [`Event::Gap`] follows.
#[derive(Debug)]
pub struct Subscription<T> {
    items: Receiver,
    guard: Guard,
    has_positions: bool,
    kind: PhantomData<fn() -> T>,
}

/// Ends a subscription when it is dropped.
#[derive(Debug)]
pub(crate) struct Guard {
    pub(crate) id: u64,
    pub(crate) commands: mpsc::UnboundedSender<Command>,
    pub(crate) url: String,
}

impl Drop for Guard {
    fn drop(&mut self) {
        // the task may have ended with its client
        let _ = self.commands.send(Command::End(self.id));
    }
}

impl<T: DeserializeOwned> Subscription<T> {
    pub(crate) fn new(items: Receiver, guard: Guard, has_positions: bool) -> Self {
        Self { items, guard, has_positions, kind: PhantomData }
    }

    /// Whether the server numbers its events, as Tidewire does: then it goes on after a reconnect without a gap, and `since`,
    /// `snapshot` and `leave` do what they say.
    pub fn has_positions(&self) -> bool {
        self.has_positions
    }

    /// The next event; `None` once it is unsubscribed. An event that is no `T` is an error, and the next one follows.
    pub async fn next(&mut self) -> Option<Result<Event<T>, Error>> {
        self.items.recv().await.map(|queued| self.read(queued.item))
    }

    fn read(&self, item: Item) -> Result<Event<T>, Error> {
        let read = match item {
            Item::Record { data, cursor } => event::read_record(&data, cursor),
            Item::Message { data, cursor } => event::read_message(&data, cursor),
            Item::Live { cursor } => Ok(Event::Live { cursor }),
            Item::Reset { reason, cursor } => Ok(Event::Reset { reason, cursor }),
            Item::Gap => Ok(Event::Gap),
            Item::Refused(refusal) => return Err(refusal.into()),
        };
        read.map_err(|reason| Error::Decode { url: self.guard.url.clone(), reason })
    }
}

impl<T: DeserializeOwned> Stream for Subscription<T> {
    type Item = Result<Event<T>, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let queued = ready!(this.items.poll_recv(cx));
        Poll::Ready(queued.map(|queued| this.read(queued.item)))
    }
}

/// A callback that is called with each event, until this is dropped or [`Listener::unsubscribe`] is called.
#[derive(Debug)]
pub struct Listener {
    task: tokio::task::JoinHandle<()>,
}

impl Listener {
    pub(crate) fn new<T: DeserializeOwned + Send + 'static>(
        mut subscription: Subscription<T>,
        mut call: impl FnMut(Result<Event<T>, Error>) + Send + 'static,
    ) -> Self {
        let listen = async move {
            while let Some(event) = subscription.next().await {
                call(event);
            }
        };
        Self { task: tokio::spawn(listen) }
    }

    /// The callback is not called again.
    pub fn unsubscribe(self) {}

    /// Goes on as long as the client lives, without anybody who holds it.
    pub fn forget(self) {
        std::mem::forget(self);
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}
