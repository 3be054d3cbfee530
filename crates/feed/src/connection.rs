use crate::inbox::{Inbox, Input};
use crate::interest::{Ending, Subscription};
use crate::outbox::{Bounds, Outbox};
use crate::rooms::{Join, JoinError};
use crate::slot::{Promise, Slot};
use bytes::Bytes;
use std::sync::Arc;
use std::task::{Context, Poll};
use tidewire_model::Principal;
use tokio::sync::oneshot;

/// Names a connection for the life of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// One client's place in the feed. Dropping it disconnects.
pub struct Connection {
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) bounds: Bounds,
}

impl Connection {
    pub fn id(&self) -> ConnectionId {
        self.outbox.id
    }

    /// Replaces principal and subscriptions. When it returns, every later commit is covered.
    pub async fn set(&self, principal: Principal, subscriptions: Vec<Subscription>) {
        let (done, answer) = oneshot::channel();
        let id = self.id();
        if self.inbox.send(Input::Set { id, principal, subscriptions, done }).await {
            // no answer: the hub has stopped and the connection is closed
            let _ = answer.await;
        }
    }

    /// Becomes a member of a room. The welcome is queued before anything that is said there.
    pub async fn join(&self, join: Join) -> Result<(), JoinError> {
        let (done, answer) = oneshot::channel();
        let input = Input::Join { id: self.id(), join: Box::new(join), done };
        if !self.inbox.send(input).await {
            return Err(JoinError::Stopped);
        }
        answer.await.unwrap_or(Err(JoinError::Stopped))
    }

    /// Says something in its room. Returns when it is queued for every member: whoever waits for it has one message under
    /// way at most.
    pub async fn say(&self, data: Bytes) {
        let (done, answer) = oneshot::channel();
        if self.inbox.send(Input::Say { id: self.id(), data, done }).await {
            // no answer: the hub has stopped and the connection is closed
            let _ = answer.await;
        }
    }

    /// Who it is now: revocation and expiry are followed.
    pub fn principal(&self) -> Principal {
        self.outbox.principal.lock().clone()
    }

    /// The next ready frames, oldest first, at most about `bytes` long; `Ready(None)` once it is closed and empty.
    pub fn poll_frames(&self, cx: &mut Context<'_>, bytes: usize, out: &mut Vec<Bytes>) -> Poll<Option<()>> {
        let read = self.outbox.read(cx, bytes, out, self.bounds);
        if read.hungry {
            self.inbox.notify(Input::Hungry(self.id()));
        }
        read.poll
    }

    /// Puts a frame of the session's own behind what is queued (a greeting, an answer).
    pub fn push(&self, frame: Bytes) {
        self.outbox.push_own(frame);
    }

    /// A place behind what is queued for an answer that is not known yet: whatever is queued later is sent after it.
    pub fn reserve(&self) -> Answer {
        let (slot, promise) = Slot::new();
        self.outbox.push_answer(slot);
        Answer(promise)
    }

    /// Bytes of prefaces and of the session's own frames that nobody has read yet. They are not bounded here: who adds to
    /// them looks first.
    pub fn owed(&self) -> usize {
        self.outbox.owed()
    }

    /// For somebody who writes what it reads.
    pub fn standing(&self) -> Standing {
        Standing(self.outbox.clone())
    }

    /// Why it takes nothing more; `None` while it does.
    pub fn ending(&self) -> Option<Ending> {
        self.outbox.ending()
    }

    /// Ends it once what is queued has been read.
    pub fn close(&self) {
        self.outbox.close(Ending::Closed);
        self.inbox.notify(Input::Disconnect(self.id()));
    }
}

/// Tells where a connection stands, to somebody who does not hold it.
#[derive(Clone)]
pub struct Standing(Arc<Outbox>);

impl Standing {
    /// True while it is told from the log what it missed, and has not reached what is told live.
    pub fn is_behind(&self) -> bool {
        self.0.is_behind()
    }
}

/// The right to fill a place; dropped unused, it leaves nothing there.
pub struct Answer(Promise);

impl Answer {
    pub fn give(self, frame: Bytes) {
        self.0.keep(Some(frame));
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.close();
    }
}
