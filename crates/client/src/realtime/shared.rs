use crate::Error;
use crate::realtime::backoff::Backoff;
use crate::realtime::command::Command;
use crate::realtime::state::State;
use parking_lot::{Mutex, RwLock};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{mpsc, watch};

type OnConnect = Arc<dyn Fn(&str) + Send + Sync>;
type OnDisconnect = Arc<dyn Fn(&[String]) + Send + Sync>;

/// What handles and the task of a stream share.
pub(crate) struct Shared {
    /// of the task that runs
    sender: Mutex<Option<mpsc::UnboundedSender<Command>>>,
    state: watch::Sender<State>,
    /// why there is no connection
    fault: Mutex<Option<Arc<Error>>>,
    on_connect: RwLock<Vec<OnConnect>>,
    on_disconnect: RwLock<Vec<OnDisconnect>>,
    backoff: Mutex<Backoff>,
    last_id: AtomicU64,
}

impl Shared {
    pub(crate) fn new() -> Self {
        Self {
            sender: Mutex::default(),
            state: watch::Sender::new(State::Idle),
            fault: Mutex::default(),
            on_connect: RwLock::default(),
            on_disconnect: RwLock::default(),
            backoff: Mutex::default(),
            last_id: AtomicU64::new(0),
        }
    }

    pub(crate) fn next_id(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Tells the task, which `start` begins if none runs.
    pub(crate) fn send(
        &self,
        command: Command,
        start: impl FnOnce(mpsc::UnboundedReceiver<Command>),
    ) -> mpsc::UnboundedSender<Command> {
        let mut sender = self.sender.lock();
        let sender = sender.get_or_insert_with(|| {
            let (sender, commands) = mpsc::unbounded_channel();
            start(commands);
            sender
        });
        // a task ends only after it was taken out of here
        let _ = sender.send(command);
        sender.clone()
    }

    /// Tells the task if one runs.
    pub(crate) fn tell(&self, command: Command) {
        if let Some(sender) = &*self.sender.lock() {
            // as above
            let _ = sender.send(command);
        }
    }

    /// Whether the task may end: nobody has told it anything since.
    pub(crate) fn retire(&self, commands: &mpsc::UnboundedReceiver<Command>) -> bool {
        let mut sender = self.sender.lock();
        if !commands.is_empty() {
            return false;
        }
        *sender = None;
        self.set_state(State::Idle);
        true
    }

    pub(crate) fn set_state(&self, state: State) {
        self.state.send_replace(state);
    }

    pub(crate) fn is_connected(&self) -> bool {
        matches!(*self.state.borrow(), State::Connected { .. })
    }

    pub(crate) fn state(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    pub(crate) fn fault(&self) -> Option<Arc<Error>> {
        self.fault.lock().clone()
    }

    /// Before the state that it explains.
    pub(crate) fn set_fault(&self, fault: Option<Error>) {
        *self.fault.lock() = fault.map(Arc::new);
    }

    pub(crate) fn backoff(&self) -> Backoff {
        *self.backoff.lock()
    }

    pub(crate) fn set_backoff(&self, backoff: Backoff) {
        *self.backoff.lock() = backoff;
    }

    pub(crate) fn on_connect(&self, call: OnConnect) {
        self.on_connect.write().push(call);
    }

    pub(crate) fn on_disconnect(&self, call: OnDisconnect) {
        self.on_disconnect.write().push(call);
    }

    /// Callbacks run without a lock: they may register others.
    pub(crate) fn tell_connect(&self, client_id: &str) {
        let calls = self.on_connect.read().clone();
        calls.iter().for_each(|call| call(client_id));
    }

    pub(crate) fn tell_disconnect(&self, topics: &[String]) {
        let calls = self.on_disconnect.read().clone();
        calls.iter().for_each(|call| call(topics));
    }
}
