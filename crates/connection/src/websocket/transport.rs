use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// What a WebSocket's bytes go over.
pub trait Transport: AsyncRead + AsyncWrite + Send + Unpin {
    /// From now on the runtime that this is called in tells when there is something to do. One that cannot move goes on
    /// as it is: that costs time, not correctness.
    fn move_in(&mut self);
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn move_in(&mut self) {
        T::move_in(self);
    }
}

/// Whatever the HTTP library had: nobody knows how to move it.
impl Transport for TokioIo<Upgraded> {
    fn move_in(&mut self) {}
}

/// A transport that was taken out of what the HTTP library had, and what was read of it already.
pub type Unpacked = (Box<dyn Transport>, Bytes);
