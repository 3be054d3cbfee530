//! Accepts sockets and speaks HTTP/1.1 on them.

use crate::admit::{Gatekeeper, Refused};
use crate::config::ConnectionLimits;
use crate::event_stream::{self, Head, Unfit};
use crate::lanes::{Lane, Wants, move_in};
use crate::socket::{self, Place, Socket, Watched};
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;
use tidewire_connection::settling::Settling;
use tidewire_connection::websocket::Berth;
use tidewire_feed::Standing;
use tokio::io::ReadBuf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt as _;

/// How long a stream or a WebSocket counts as new at least; it also does while it catches up, for others are not to wait for
/// that.
const NEW: Duration = Duration::from_secs(1);
/// Refused sockets that may linger at once, so that their answer arrives before the reset.
const LINGERING: usize = 64;

/// Serves `router` until `stop` turns true and every connection has ended.
pub async fn listen(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    gatekeeper: Arc<Gatekeeper>,
    lane: Lane,
    mut stop: watch::Receiver<bool>,
) {
    socket::prepare(&listener, limits.unsent);
    let listening = Listening {
        router,
        limits,
        lane,
        gatekeeper,
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

#[derive(Clone)]
struct Listening {
    router: Router,
    limits: ConnectionLimits,
    lane: Lane,
    gatekeeper: Arc<Gatekeeper>,
    lingering: Arc<Semaphore>,
    stop: watch::Receiver<bool>,
}

impl Listening {
    fn take(&self, stream: TcpStream, peer: SocketAddr, open: tokio::sync::mpsc::Sender<()>) {
        match self.gatekeeper.admit(peer.ip().to_canonical()) {
            Ok(permit) => {
                let listening = self.clone();
                let place = Place::new(permit, open);
                tokio::spawn(async move { listening.route(stream, peer, place).await });
            }
            Err(refused) => self.refuse(stream, refused),
        }
    }

    /// Streams and requests go to runtimes of their own; a client that says nothing for too long is let go.
    async fn route(mut self, stream: TcpStream, peer: SocketAddr, place: Place) {
        let first = first(&self.lane, &stream, peer);
        let first = tokio::select! {
            first = tokio::time::timeout(self.limits.header_timeout, first) => first,
            _ = self.stop.wait_for(|stop| *stop) => return,
        };
        let lane = self.lane.clone();
        match first {
            Ok(First::Stream(head)) => self.stream(stream, *head, place).await,
            Ok(First::WebSocket) => {
                let berth = Berth { runtime: lane.streams().clone(), new: NEW, unpack: Socket::unpack };
                self.serve(stream, peer, place, Some(berth)).await;
            }
            Ok(First::Else(Wants::Stream)) => {
                lane.stream(move_in(stream, move |stream| self.serve(stream, peer, place, None)));
            }
            Ok(First::Else(Wants::Subscriptions)) => self.serve(stream, peer, place, None).await,
            Ok(First::Else(Wants::Answer)) => {
                lane.answer(move_in(stream, move |stream| self.serve(stream, peer, place, None)));
            }
            Err(_) => {}
        }
    }

    /// A new stream is written beside the arrivals. What is done once is on the heap, so that an open stream does not pay
    /// for it.
    async fn stream(self, stream: TcpStream, head: Head, place: Place) {
        let lane = self.lane.clone();
        let socket = Socket::new(stream, place);
        let begun = Box::pin(async move {
            match event_stream::answer(socket, head, self.router).await? {
                Some((chunks, standing)) => {
                    let is_behind = move || standing.as_ref().is_some_and(Standing::is_behind);
                    chunks.begin(Settling::new(NEW, is_behind)).await
                }
                None => Ok(None),
            }
        });
        match begun.await {
            Ok(Some(chunks)) => lane.stream(async move { note(chunks.go_on().await) }),
            ended => note(ended),
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

    /// A WebSocket moves to its berth when it has settled.
    fn serve(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        place: Place,
        berth: Option<Berth>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let socket = Socket::new(stream, place);
        let (router, watched) = (self.router.clone(), socket.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let (router, watched, berth) = (router.clone(), watched.clone(), berth.clone());
            async move {
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(ConnectInfo(peer));
                if let Some(berth) = berth {
                    request.extensions_mut().insert(berth);
                }
                let answer = router.oneshot(request).await;
                answer.map(|answer| answer.map(|body| Watched::new(body, watched)))
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header_timeout)
            .max_buf_size(self.limits.buffer)
            .half_close(true)
            .serve_connection(TokioIo::new(socket), service)
            .with_upgrades();
        let mut stop = self.stop.clone();
        async move {
            tokio::pin!(connection);
            tokio::select! {
                result = connection.as_mut() => return note(result),
                _ = stop.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
            }
            note(connection.await);
        }
    }
}

/// What a new socket's first request is.
enum First {
    /// one that our own stream may answer
    Stream(Box<Head>),
    WebSocket,
    /// the library's
    Else(Wants),
}

/// Looks at a new socket's first bytes without taking them.
async fn first(lane: &Lane, stream: &TcpStream, peer: SocketAddr) -> First {
    poll_fn(|cx| {
        let mut bytes = [0; Head::LENGTH];
        let mut buffer = ReadBuf::new(&mut bytes);
        // a broken socket tells it again to whoever serves it
        let _ = ready!(stream.poll_peek(cx, &mut buffer));
        let wants = lane.wants(buffer.filled());
        if wants != Wants::Stream {
            return Poll::Ready(First::Else(wants));
        }
        Poll::Ready(match Head::parse(buffer.filled(), peer) {
            Ok(head) => First::Stream(Box::new(head)),
            Err(Unfit::WebSocket) => First::WebSocket,
            Err(Unfit::Library) => First::Else(wants),
        })
    })
    .await
}

/// Clients come and go: a broken connection is no event.
fn note<T>(result: Result<T, impl std::fmt::Display>) {
    if let Err(error) = result {
        tracing::debug!(%error, "connection ended");
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::App;
    use crate::config::Config;
    use crate::event_stream::Chunks;
    use crate::lanes::Lanes;
    use axum::routing::get;
    use bytes::{Bytes, BytesMut};
    use http_body::{Body as HttpBody, Frame};
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    use std::task::Context;
    use tidewire_connection::websocket;
    use tidewire_feed::{Connection, Feed, OnRevoked};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::runtime::{Builder, Runtime};
    use tokio::sync::mpsc;

    /// Says "first", then nothing, and tells when it is dropped.
    struct Endless(bool, mpsc::Sender<()>);

    impl HttpBody for Endless {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            if std::mem::replace(&mut self.0, true) {
                return Poll::Pending;
            }
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"first")))))
        }
    }

    impl Drop for Endless {
        fn drop(&mut self) {
            let _ = self.1.try_send(());
        }
    }

    /// Says what it is told, to the end.
    struct Said(mpsc::Receiver<Bytes>);

    impl HttpBody for Said {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            self.0.poll_recv(cx).map(|said| said.map(|bytes| Ok(Frame::data(bytes))))
        }
    }

    struct Listener {
        address: SocketAddr,
        stop: watch::Sender<bool>,
        ended: tokio::task::JoinHandle<()>,
        dropped: mpsc::Receiver<()>,
        _lanes: Lanes,
    }

    async fn start(limits: ConnectionLimits) -> Listener {
        start_on(TcpListener::bind("127.0.0.1:0").await.unwrap(), limits)
    }

    fn start_on(listener: TcpListener, limits: ConnectionLimits) -> Listener {
        let (sender, dropped) = mpsc::channel(8);
        let router = Router::new()
            .route("/hello", get(async || "hello"))
            .route("/endless", get(async move || Body::new(Endless(false, sender.clone()))));
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let lanes = Lanes::start(["/endless"]).unwrap();
        let ended =
            tokio::spawn(listen(listener, router, limits, Gatekeeper::new(limits), lanes.lane(), stopped));
        Listener { address, stop, ended, dropped, _lanes: lanes }
    }

    async fn send(listener: &Listener, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(listener.address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    async fn rest(stream: &mut TcpStream) -> String {
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    async fn until(stream: &mut TcpStream, end: &str) -> String {
        let mut text = String::new();
        while !text.ends_with(end) {
            text.push(char::from(stream.read_u8().await.unwrap()));
        }
        text
    }

    #[tokio::test]
    async fn half_closed_clients_get_their_answer() {
        let listener = start(ConnectionLimits::default()).await;
        let mut stream = send(&listener, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n").await;
        stream.shutdown().await.unwrap();
        assert!(rest(&mut stream).await.ends_with("\r\n\r\nhello"));
    }

    #[tokio::test]
    async fn connections_are_kept_for_the_next_request() {
        let listener = start(ConnectionLimits::default()).await;
        let mut stream = send(&listener, "HEAD /endless HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(until(&mut stream, "\r\n\r\n").await.starts_with("HTTP/1.1 200"));
        stream.write_all(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        assert!(until(&mut stream, "hello").await.starts_with("HTTP/1.1 200"));
    }

    #[tokio::test]
    async fn a_stream_ends_when_its_reader_leaves() {
        let mut listener = start(ConnectionLimits::default()).await;
        let mut stream = send(&listener, "GET /endless HTTP/1.1\r\nHost: x\r\n\r\n").await;
        until(&mut stream, "first\r\n").await;
        drop(stream);
        listener.dropped.recv().await.unwrap();
    }

    /// What streams need is set on the socket that listens, and the accepted ones have it from there.
    #[tokio::test]
    async fn accepted_sockets_have_what_streams_need() {
        let limits = ConnectionLimits { unsent: 16 << 10, ..ConnectionLimits::default() };
        let twin = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        twin.set_nonblocking(true).unwrap();
        let listener = start_on(TcpListener::from_std(twin.try_clone().unwrap()).unwrap(), limits);
        listener.stop.send(true).unwrap();
        listener.ended.await.unwrap();
        let _late = TcpStream::connect(listener.address).await.unwrap();
        twin.set_nonblocking(false).unwrap();
        let (accepted, _) = twin.accept().unwrap();
        let socket = socket2::SockRef::from(&accepted);
        assert!(socket.tcp_nodelay().unwrap() && socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(60));
        #[cfg(target_os = "linux")]
        assert_eq!(socket.tcp_notsent_lowat().unwrap(), 16 << 10);
    }

    /// A stream whose body says what it is told, and its client.
    async fn told() -> (Chunks, mpsc::Sender<Bytes>, TcpStream) {
        let (words, said) = mpsc::channel::<Bytes>(8);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, peer) = listener.accept().await.unwrap();
        let permit = Gatekeeper::new(ConnectionLimits::default()).admit(peer.ip()).ok().unwrap();
        let socket = Socket::new(stream, Place::new(permit, mpsc::channel(1).0));
        (Chunks::new(socket, BytesMut::from("head "), Body::new(Said(said))), words, client)
    }

    /// What a body says on the second thread is written there, for the stream has settled by then.
    #[test]
    fn a_stream_that_has_settled_goes_on_in_another_runtime() {
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (first, second) = (runtime(), runtime());
        let (chunks, words, mut client) = first.block_on(async {
            let (chunks, words, mut client) = told().await;
            let begun = tokio::spawn(chunks.begin(Settling::new(Duration::ZERO, || false)));
            until(&mut client, "head ").await;
            words.send(Bytes::from_static(b"early")).await.unwrap();
            let settled = begun.await.unwrap().unwrap();
            (settled.expect("it has settled"), words, client.into_std().unwrap())
        });
        // nothing of it is left to a runtime that is gone
        drop(first);
        words.try_send(Bytes::from_static(b"late")).unwrap();
        drop(words);
        second.block_on(chunks.go_on()).unwrap();
        client.set_nonblocking(false).unwrap();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut client, &mut text).unwrap();
        assert_eq!(text, "5\r\nearly\r\n4\r\nlate\r\n0\r\n\r\n");
    }

    #[tokio::test]
    async fn a_stream_that_catches_up_does_not_settle_before_it_has() {
        let (chunks, words, mut client) = told().await;
        let behind = Arc::new(AtomicBool::new(true));
        let standing = behind.clone();
        let begun = tokio::spawn(chunks.begin(Settling::new(Duration::ZERO, move || standing.load(Relaxed))));
        for (word, is_behind) in [("missed", true), ("more", true), ("the last", false)] {
            behind.store(is_behind, Relaxed);
            words.send(Bytes::from_static(word.as_bytes())).await.unwrap();
            until(&mut client, &format!("{word}\r\n")).await;
            assert!(!begun.is_finished(), "{word} is written before it settles");
        }
        words.send(Bytes::from_static(b"live")).await.unwrap();
        assert!(begun.await.unwrap().unwrap().is_some());
        assert!(until(&mut client, "live\r\n").await.ends_with("4\r\nlive\r\n"));
    }

    /// Answers each message with the name of the thread that read it.
    async fn tell_where(mut socket: websocket::Socket, connection: Connection) {
        while let Ok(websocket::Received::Message(_)) = socket.next(&connection).await {
            let here = std::thread::current().name().unwrap_or_default().to_owned();
            connection.push(websocket::frame::text(here));
        }
    }

    /// Listens on a thread of its own, with sockets at `/socket`.
    struct Sockets {
        address: SocketAddr,
        arrivals: Runtime,
        _lanes: Lanes,
        _stop: watch::Sender<bool>,
    }

    async fn start_sockets(feed: Feed) -> Sockets {
        let socket = async move |request: Request<Body>| {
            let upgrade = websocket::accept(&mut request.into_parts().0).unwrap();
            let connection = feed.connect(OnRevoked::Close);
            upgrade.run(websocket::Limits::default(), |socket| tell_where(socket, connection))
        };
        let router = Router::new().route("/socket", get(socket));
        let (lanes, limits) = (Lanes::start(["/socket"]).unwrap(), ConnectionLimits::default());
        let (lane, (stop, stopped)) = (lanes.lane(), watch::channel(false));
        let mut arrivals = Builder::new_multi_thread();
        let arrivals = arrivals.worker_threads(1).thread_name("arrival").enable_all().build().unwrap();
        let bound = arrivals.spawn(TcpListener::bind("127.0.0.1:0")).await.unwrap().unwrap();
        let address = bound.local_addr().unwrap();
        arrivals.spawn(listen(bound, router, limits, Gatekeeper::new(limits), lane, stopped));
        Sockets { address, arrivals, _lanes: lanes, _stop: stop }
    }

    /// Sends an empty text.
    async fn ask_where(client: &mut TcpStream) -> String {
        client.write_all(b"\x81\x80\0\0\0\0").await.unwrap();
        let mut answer = vec![0; 2];
        client.read_exact(&mut answer).await.unwrap();
        answer.resize(usize::from(answer[1]), 0);
        client.read_exact(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test]
    async fn a_websocket_that_has_settled_goes_on_among_the_streams() {
        let folder = tempfile::tempdir().unwrap();
        let app = App::open(&Config::new(([127, 0, 0, 1], 0).into(), folder.path())).unwrap();
        let sockets = start_sockets(app.feed.clone()).await;
        let mut client = TcpStream::connect(sockets.address).await.unwrap();
        let head = "GET /socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        client.write_all(head.as_bytes()).await.unwrap();
        assert!(until(&mut client, "\r\n\r\n").await.starts_with("HTTP/1.1 101"));
        assert_eq!(ask_where(&mut client).await, "arrival");
        while ask_where(&mut client).await != "stream" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // nothing of it is left to a runtime that is gone
        tokio::task::spawn_blocking(move || drop(sockets.arrivals)).await.unwrap();
        assert_eq!(ask_where(&mut client).await, "stream");
        app.close();
    }

    #[tokio::test]
    async fn sockets_beyond_the_limit_are_told_so() {
        let limits = ConnectionLimits { per_address: 1, ..ConnectionLimits::default() };
        let listener = start(limits).await;
        let mut first = send(&listener, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n").await;
        until(&mut first, "hello").await;
        let mut second = send(&listener, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(rest(&mut second).await.starts_with("HTTP/1.1 429"));
    }

    #[tokio::test]
    async fn heads_that_never_end_are_cut_off() {
        let limits =
            ConnectionLimits { header_timeout: Duration::from_millis(20), ..ConnectionLimits::default() };
        let listener = start(limits).await;
        for head in [String::new(), "GET / HTTP/1.1\r\nHost".to_owned()] {
            let mut stream = send(&listener, &head).await;
            assert!(!rest(&mut stream).await.contains("200"), "{head}");
        }
        let long = format!("GET /hello HTTP/1.1\r\nX: {}\r\n", "x".repeat(20_000));
        let mut stream = send(&listener, &long).await;
        assert!(until(&mut stream, "\r\n\r\n").await.starts_with("HTTP/1.1 431"));
    }

    #[tokio::test]
    async fn stopping_waits_for_requests_and_closes_what_is_idle() {
        let listener = start(ConnectionLimits::default()).await;
        let mut idle = send(&listener, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n").await;
        until(&mut idle, "hello").await;
        listener.stop.send(true).unwrap();
        listener.ended.await.unwrap();
        assert_eq!(rest(&mut idle).await, "");
        assert!(TcpStream::connect(listener.address).await.is_err());
    }
}
