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
use tidewire_hooks::{Event, Hands, Hooks, NoHands, Refusal};
use tidewire_records::Asker;
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

/// Events that may wait to be told when nobody waits for them: farewells and sign-ins. Beyond, they are lost, and the log
/// says so.
const WAITING: usize = 65_536;
/// The time limits of this many handlers are what the events of one request may take together; then they count as late.
const PATIENCE: u32 = 5;

/// Tells user code; cheap to clone.
#[derive(Clone)]
pub struct Events {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    /// where events are told that nobody waits for
    runtime: Option<Handle>,
    waiting: Arc<Semaphore>,
    /// connections that are followed, and events that are still to be told
    open: Arc<watch::Sender<usize>>,
}

/// Counts among what is open.
struct Open(Arc<watch::Sender<usize>>);

impl Events {
    /// To be made within the runtime that outlives all connections.
    pub fn new(store: Store) -> Self {
        let waiting = Arc::new(Semaphore::new(WAITING));
        let (open, runtime) = (Arc::new(watch::Sender::new(0)), Handle::try_current().ok());
        Self { inner: Arc::new(Inner { store, runtime, waiting, open }) }
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

    fn hooks(&self) -> &Hooks {
        self.inner.store.hooks()
    }

    /// What handlers can do that are called because of this asker.
    fn hands(&self, _: &Asker) -> impl Hands + Clone + Send + use<> {
        NoHands
    }

    /// Tells something that nobody waits for.
    fn later(&self, job: impl Future<Output = ()> + Send + 'static) {
        let place = self.inner.waiting.clone().try_acquire_owned();
        let (Some(runtime), Ok(place)) = (&self.inner.runtime, place) else {
            tracing::error!("hooks are not told of an event: too many wait");
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
