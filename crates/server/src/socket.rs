//! A client's TCP socket, readable from two sides: hyper speaks HTTP on it, and a stream's body learns from it that the
//! client is gone.

use crate::admit::Permit;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tidewire_connection::websocket::{Transport, Unpacked};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Half-closed clients still get their answers, so hyper does not watch for the end of input while it answers.
#[derive(Clone)]
pub struct Socket(Arc<Open>);

struct Open {
    stream: TcpStream,
    _place: Place,
}

/// What is given back once nobody holds the socket any more, whatever protocol it speaks by then.
pub struct Place {
    _permit: Permit,
    /// the listener waits until all of them are dropped
    _open: mpsc::Sender<()>,
}

impl Place {
    pub fn new(permit: Permit, open: mpsc::Sender<()>) -> Self {
        Self { _permit: permit, _open: open }
    }
}

/// Sets what a stream of small frames needs, on a listener: the sockets that it accepts have it from there. A system that
/// lacks an option goes without it.
pub fn prepare(listener: &TcpListener, unsent: u32) {
    let socket = socket2::SockRef::from(listener);
    let alive = socket2::TcpKeepalive::new().with_time(std::time::Duration::from_secs(60));
    let _ = socket.set_tcp_nodelay(true);
    let _ = socket.set_tcp_keepalive(&alive);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = socket.set_tcp_notsent_lowat(unsent);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = unsent;
}

impl Socket {
    pub fn new(stream: TcpStream, place: Place) -> Self {
        Self(Arc::new(Open { stream, _place: place }))
    }

    /// Out of what the HTTP library made of it, with what that has read of it.
    pub fn unpack(upgraded: Upgraded) -> Result<Unpacked, Upgraded> {
        let parts = upgraded.downcast::<TokioIo<Self>>()?;
        Ok((Box::new(parts.io.into_inner()), parts.read_buf))
    }

    /// Its only holder gives it to the runtime that this is called in.
    fn try_move_in(&mut self) -> io::Result<()> {
        let open = Arc::get_mut(&mut self.0).ok_or(io::ErrorKind::ResourceBusy)?;
        let twin = socket2::SockRef::from(&open.stream).try_clone()?;
        open.stream = TcpStream::from_std(twin.into())?;
        Ok(())
    }

    /// Ready once the client has closed its side, or the connection has failed.
    pub fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut byte = [0u8; 1];
        match ready!(self.0.stream.poll_peek(cx, &mut ReadBuf::new(&mut byte))) {
            Ok(0) | Err(_) => Poll::Ready(()),
            Ok(_) => Poll::Pending,
        }
    }
}

impl Transport for Socket {
    fn move_in(&mut self) {
        if let Err(error) = self.try_move_in() {
            tracing::debug!(%error, "a socket stays where it was");
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.stream.poll_read_ready(cx))?;
            match self.0.stream.try_read(buffer.initialize_unfilled()) {
                Ok(count) => {
                    buffer.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl Socket {
    fn poll_try(
        &self,
        cx: &mut Context<'_>,
        attempt: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.stream.poll_write_ready(cx))?;
            match attempt(&self.0.stream) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_try(cx, |stream| stream.try_write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_try(cx, |stream| stream.try_write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(socket2::SockRef::from(&self.0.stream).shutdown(std::net::Shutdown::Write))
    }
}

/// A body of unknown length that fails as soon as its reader is gone; bodies of known length pass as they are.
pub struct Watched<B> {
    body: B,
    socket: Option<Socket>,
}

impl<B: Body> Watched<B> {
    pub fn new(body: B, socket: Socket) -> Self {
        let endless = body.size_hint().exact().is_none() && !body.is_end_stream();
        Self { body, socket: endless.then_some(socket) }
    }
}

impl<B> Body for Watched<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        match &self.socket {
            Some(socket) => socket.poll_gone(cx).map(|()| Some(Err("the client is gone".into()))),
            None => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
