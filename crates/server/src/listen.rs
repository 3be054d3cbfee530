//! Accepts sockets and speaks HTTP/1.1 on them.

use crate::admit::{Gatekeeper, Permit, Refused};
use crate::config::ConnectionLimits;
use crate::socket::{Socket, Watched};
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt as _;

/// Refused sockets that may linger at once, so that their answer arrives before the reset.
const LINGERING: usize = 64;

/// Serves `router` until `stop` turns true and every connection has ended.
pub async fn listen(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    mut stop: watch::Receiver<bool>,
) {
    let listening = Listening {
        router,
        limits,
        gatekeeper: Gatekeeper::new(limits),
        lingering: Arc::new(Semaphore::new(LINGERING)),
        stop: stop.clone(),
    };
    let (open, mut all_closed) = tokio::sync::mpsc::channel::<()>(1);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, peer)) => listening.take(stream, peer, open.clone()),
            Err(error) => pause_after(&error).await,
        }
    }
    drop((listener, open));
    let _ = all_closed.recv().await;
}

struct Listening {
    router: Router,
    limits: ConnectionLimits,
    gatekeeper: Arc<Gatekeeper>,
    lingering: Arc<Semaphore>,
    stop: watch::Receiver<bool>,
}

impl Listening {
    fn take(&self, stream: TcpStream, peer: SocketAddr, open: tokio::sync::mpsc::Sender<()>) {
        match self.gatekeeper.admit(peer.ip().to_canonical()) {
            Ok(permit) => {
                let serving = self.serve(stream, peer, permit);
                tokio::spawn(async move {
                    serving.await;
                    drop(open);
                });
            }
            Err(refused) => self.refuse(stream, refused),
        }
    }

    fn refuse(&self, stream: TcpStream, refused: Refused) {
        let _ = stream.try_write(refused.answer());
        let Ok(place) = self.lingering.clone().try_acquire_owned() else { return };
        tokio::spawn(async move {
            let _ = socket2::SockRef::from(&stream).shutdown(std::net::Shutdown::Write);
            let _ = tokio::time::timeout(Duration::from_secs(1), drain(&stream)).await;
            drop(place);
        });
    }

    fn serve(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        permit: Permit,
    ) -> impl Future<Output = ()> + Send + use<> {
        let socket = Socket::new(stream, self.limits.unsent);
        let (router, watched) = (self.router.clone(), socket.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let (router, watched) = (router.clone(), watched.clone());
            async move {
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(ConnectInfo(peer));
                let answer = router.oneshot(request).await;
                answer.map(|answer| answer.map(|body| Watched::new(body, watched)))
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header_timeout)
            .max_buf_size(self.limits.buffer)
            .half_close(true)
            .serve_connection(TokioIo::new(socket), service);
        let mut stop = self.stop.clone();
        async move {
            tokio::pin!(connection);
            tokio::select! {
                result = connection.as_mut() => return note(result, permit),
                _ = stop.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
            }
            note(connection.await, permit);
        }
    }
}

/// Clients come and go: a broken connection is no event.
fn note(result: hyper::Result<()>, permit: Permit) {
    if let Err(error) = result {
        tracing::debug!(%error, "connection ended");
    }
    drop(permit);
}

/// Reads and forgets until the client closes.
async fn drain(stream: &TcpStream) {
    let mut waste = [0u8; 1024];
    while stream.readable().await.is_ok() {
        match stream.try_read(&mut waste) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

/// A client that gave up is not our fault; when files have run out, waiting is all that helps.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    if !matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
        tracing::warn!(%error, "cannot accept a connection");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
