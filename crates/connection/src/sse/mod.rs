//! Event streams: HTTP answers whose body is an outbox, with signs of life between its frames.

mod beats;
mod quiet;

pub use beats::{Beat, Beats};
pub use quiet::Quiet;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use http_body::Frame;
use std::borrow::Borrow;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use tidewire_feed::Connection;

/// Frames taken from the feed at once.
const BATCH_BYTES: usize = 64 * 1024;

/// What a stream says when the feed has nothing for it.
pub trait Signs {
    /// Frames of the feed go out.
    fn sent(&mut self) {}

    /// The next sign of life; `None` ends the stream.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>>;
}

/// The body of a stream. Dropping it drops the connection.
pub struct Stream<C, S> {
    connection: C,
    signs: S,
    ready: VecDeque<Bytes>,
    taken: Vec<Bytes>,
}

impl<C: Borrow<Connection>, S: Signs> Stream<C, S> {
    pub fn new(connection: C, signs: S, greeting: Bytes) -> Self {
        Self { connection, signs, ready: VecDeque::from([greeting]), taken: Vec::new() }
    }

    /// The answer whose body it is. It also tells the connection's `Standing`, as an extension.
    pub fn into_answer(self) -> Response
    where
        C: Unpin + Send + 'static,
        S: Unpin + Send + 'static,
    {
        let standing = self.connection.borrow().standing();
        let mut response = answer(self);
        response.extensions_mut().insert(standing);
        response
    }

    /// The next frame, whoever it comes from; `None` at the end.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(frame) = self.ready.pop_front() {
            return Poll::Ready(Some(frame));
        }
        match self.connection.borrow().poll_frames(cx, BATCH_BYTES, &mut self.taken) {
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Ready(Some(())) if !self.taken.is_empty() => {
                self.signs.sent();
                self.ready.extend(self.taken.drain(..));
                return Poll::Ready(self.ready.pop_front());
            }
            Poll::Ready(Some(())) | Poll::Pending => {}
        }
        let sign = self.signs.poll(cx);
        if matches!(sign, Poll::Ready(None)) {
            // by the server, and not because the client is gone
            self.connection.borrow().close();
        }
        sign
    }
}

impl<C, S> http_body::Body for Stream<C, S>
where
    C: Borrow<Connection> + Unpin,
    S: Signs + Unpin,
{
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.get_mut().poll_next(cx).map(|frame| frame.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// A body of unknown length without anything in it, so that the answer to HEAD states no length.
pub struct NoStream;

impl http_body::Body for NoStream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(None)
    }
}

/// An answer that no proxy keeps or holds back.
pub fn answer<B>(body: B) -> Response
where
    B: http_body::Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    let mut response = Response::new(Body::new(body));
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
