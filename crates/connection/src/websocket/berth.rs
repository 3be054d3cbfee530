use super::{Limits, Socket, Unpacked};
use crate::settling::Settling;
use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;
use tidewire_feed::Connection;
use tokio::runtime::Handle;

/// Where a WebSocket goes on once it has settled. Who accepts sockets puts it into the request; a socket whose request has
/// none stays where it began.
#[derive(Clone)]
pub struct Berth {
    pub runtime: Handle,
    /// how long a socket is new at least
    pub new: Duration,
    pub unpack: fn(Upgraded) -> Result<Unpacked, Upgraded>,
}

impl Berth {
    /// Runs a session here until its socket has settled, then there.
    pub fn serve<F, S>(self, upgraded: Upgraded, limits: Limits, session: F)
    where
        F: FnOnce(Socket) -> S,
        S: Future<Output = ()> + Send + 'static,
    {
        let unpacked = (self.unpack)(upgraded)
            .unwrap_or_else(|upgraded| (Box::new(TokioIo::new(upgraded)), Bytes::new()));
        self.run(unpacked, limits, session);
    }

    /// The task that waits holds the session and nothing of its making, such as the buffer of what was read.
    fn run<F, S>(self, (transport, read): Unpacked, limits: Limits, session: F)
    where
        F: FnOnce(Socket) -> S,
        S: Future<Output = ()> + Send + 'static,
    {
        let settled = Arc::<AtomicBool>::default();
        let stay = Stay::new(self.new, settled.clone());
        let session = Box::pin(session(Socket::new(transport, limits).with_input(&read).staying(stay)));
        let (visit, runtime) = (Visit { session: Some(session), settled }, self.runtime);
        tokio::spawn(async move {
            if let Some(session) = visit.await {
                runtime.spawn(session);
            }
        });
    }
}

/// What a socket that is still to move knows about it.
pub(super) struct Stay {
    new: Duration,
    settling: Option<Settling>,
    settled: Arc<AtomicBool>,
}

impl Stay {
    fn new(new: Duration, settled: Arc<AtomicBool>) -> Self {
        Self { new, settling: None, settled }
    }

    /// There is nothing to write, nothing was said, and the session waits.
    pub fn rests(&mut self, connection: &Connection) {
        let new = self.new;
        let settling = self.settling.get_or_insert_with(|| {
            let standing = connection.standing();
            Settling::new(new, move || standing.is_behind())
        });
        if settling.is_due() {
            self.settled.store(true, Relaxed);
        } else {
            settling.rests();
        }
    }

    /// It is over: the socket is to move before it does anything else.
    pub fn is_over(&self) -> bool {
        self.settled.load(Relaxed)
    }
}

/// A session until it ends or its socket has settled; then the session itself comes out.
struct Visit<S> {
    session: Option<Pin<Box<S>>>,
    settled: Arc<AtomicBool>,
}

impl<S: Future<Output = ()>> Future for Visit<S> {
    type Output = Option<Pin<Box<S>>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(session) = &mut self.session else { return Poll::Ready(None) };
        if session.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        if self.settled.load(Relaxed) { Poll::Ready(self.session.take()) } else { Poll::Pending }
    }
}

#[cfg(test)]
mod tests;
