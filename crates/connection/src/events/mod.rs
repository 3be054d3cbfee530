//! What happens on connections, as user code is told: who comes, subscribes, speaks and goes, each connection's events one
//! after the other. Nobody registered: nothing is kept and nothing is done.

mod goodbye;
mod origin;
mod sign_in;
mod turn;
mod visit;
mod wish;

pub use goodbye::Goodbye;
pub use origin::{Origin, Who};
pub use sign_in::SignIn;
pub use turn::Turn;
pub use visit::Visit;
pub use wish::{Grant, Wish};

use http::StatusCode;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tidewire_auth::Passwords;
use tidewire_hooks::{Event, Hooks, Refusal};
use tidewire_records::Asker;
use tidewire_records::hooks::StoreHands;
use tidewire_store::Store;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};

/// What happens on a connection. Whoever registers for one of them later is told of connections that come later.
const FOLLOWED: [Event; 9] = [
    Event::RealtimeConnect,
    Event::RealtimeDisconnect,
    Event::RealtimeSubscribe,
    Event::RealtimeUnsubscribe,
    Event::RealtimeMessage,
    Event::RoomCreate,
    Event::RoomJoin,
    Event::RoomMessage,
    Event::RoomLeave,
];

/// This many times the longest time limit of a handler is what the events of one request may take together; then they
/// count as late.
const PATIENCE: u32 = 5;

/// Tells user code; cheap to clone.
#[derive(Clone)]
pub struct Events {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    passwords: Passwords,
    /// where events are told that nobody waits for
    runtime: Option<Handle>,
    /// places of events that nobody waits for: farewells and sign-ins
    waiting: Arc<Semaphore>,
    places: usize,
    lost: AtomicU64,
    /// connections that are followed, and events that are still to be told
    open: Arc<watch::Sender<usize>>,
}

/// Counts among what is open.
struct Open(Arc<watch::Sender<usize>>);

impl Events {
    /// To be made within the runtime that outlives all connections.
    pub fn new(store: Store, passwords: Passwords) -> Self {
        let places = store.hooks().limits().waiting.min(Semaphore::MAX_PERMITS);
        let (waiting, lost) = (Arc::new(Semaphore::new(places)), AtomicU64::new(0));
        let (open, runtime) = (Arc::new(watch::Sender::new(0)), Handle::try_current().ok());
        Self { inner: Arc::new(Inner { store, passwords, runtime, waiting, places, lost, open }) }
    }

    /// Whether anybody would be told of anything on a connection that comes now.
    pub fn follows(&self) -> bool {
        FOLLOWED.into_iter().any(|event| self.hooks().has(event))
    }

    /// Returns when every event was told and no connection is followed any more.
    pub async fn settled(&self) {
        // the sender lives as long as this handle
        let _ = self.inner.open.subscribe().wait_for(|open| *open == 0).await;
    }

    /// Events that nobody waits for and that are still to be told.
    pub fn waiting(&self) -> usize {
        self.inner.places.saturating_sub(self.inner.waiting.available_permits())
    }

    /// Events that were never told because too many waited.
    pub fn lost(&self) -> u64 {
        self.inner.lost.load(Ordering::Relaxed)
    }

    fn hooks(&self) -> &Hooks {
        self.inner.store.hooks()
    }

    /// What handlers can do that are called because of this asker.
    fn hands(&self, asker: &Asker) -> StoreHands {
        // they ask as requests do, whatever they are called for
        let asker = Asker { context: "default", ..asker.clone() };
        StoreHands::new(self.inner.store.clone(), self.inner.passwords.clone(), asker)
    }

    /// Tells something that nobody waits for.
    fn later(&self, job: impl Future<Output = ()> + Send + 'static) {
        let place = self.inner.waiting.clone().try_acquire_owned();
        let (Some(runtime), Ok(place)) = (&self.inner.runtime, place) else {
            let lost = self.inner.lost.fetch_add(1, Ordering::Relaxed) + 1;
            // a flood of them is no flood of lines
            if lost.is_power_of_two() {
                tracing::error!(lost, "hooks are not told of an event: too many wait");
            }
            return;
        };
        let open = self.open();
        runtime.spawn(async move {
            job.await;
            drop((place, open));
        });
    }

    fn open(&self) -> Open {
        self.inner.open.send_modify(|open| *open += 1);
        Open(self.inner.open.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}

/// The status of an answer that tells a refusal.
pub fn status(refusal: &Refusal) -> StatusCode {
    StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST)
}

#[cfg(test)]
mod tests;
