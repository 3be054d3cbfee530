use crate::socket::Socket;
use axum::body::Body;
use bytes::{Buf as _, Bytes, BytesMut};
use http_body::Body as _;
use std::fmt::Write as _;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tidewire_connection::settling::Settling;
use tidewire_connection::websocket::Transport as _;
use tokio::io::AsyncWrite;

/// Frames written at once, and about as many bytes. A chunk has three parts, and a system call takes 1024.
const FRAMES: usize = 340;
const BYTES: usize = 64 * 1024;

/// Writes a body until it ends or the client leaves: each frame is a chunk, all that are ready go in one write.
pub struct Chunks {
    /// dropped before the socket: who sees the end finds the client gone
    body: Body,
    socket: Socket,
    /// what the socket did not take yet
    rest: BytesMut,
    ended: bool,
    /// while it is new
    settling: Option<Settling>,
}

impl Chunks {
    /// `head` goes first.
    pub fn new(socket: Socket, head: BytesMut, body: Body) -> Self {
        Self { body, socket, rest: head, ended: false, settling: None }
    }

    /// Writes for as long as the stream is new: the way in, and what it missed. Gives it back after the first frame
    /// that follows, `None` at its end.
    pub async fn begin(mut self, settling: Settling) -> io::Result<Option<Self>> {
        self.settling = Some(settling);
        let settled = poll_fn(|cx| self.poll_write(cx)).await?;
        Ok(settled.then_some(self))
    }

    /// Goes on in the runtime that this is called in.
    pub async fn go_on(mut self) -> io::Result<()> {
        self.socket.move_in();
        poll_fn(|cx| self.poll_write(cx)).await.map(drop)
    }

    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.rest.is_empty() {
            let count = ready!(Pin::new(&mut self.socket).poll_write(cx, &self.rest))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.rest.advance(count);
        }
        // a stream that was slow once does not keep the memory
        self.rest = BytesMut::new();
        Poll::Ready(Ok(()))
    }

    /// True once a new stream has settled, false at the end.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        loop {
            ready!(self.poll_rest(cx))?;
            if self.ended {
                return Pin::new(&mut self.socket).poll_shutdown(cx).map_ok(|()| false);
            }
            let frames = self.gather(cx);
            if frames.is_empty() && !self.ended {
                self.settling.iter_mut().for_each(Settling::rests);
                return self.socket.poll_gone(cx).map(|()| Ok(false));
            }
            if !frames.is_empty() {
                self.write(&frames, cx)?;
            }
            if self.ended {
                self.rest.extend_from_slice(b"0\r\n\r\n");
            } else if self.settling.take_if(|settling| settling.is_due()).is_some() {
                return Poll::Ready(Ok(true));
            }
        }
    }

    /// The frames that are ready; none: the body waits, or has ended.
    fn gather(&mut self, cx: &mut Context<'_>) -> Vec<Bytes> {
        let mut frames = Vec::new();
        let mut bytes = 0;
        while frames.len() < FRAMES && bytes < BYTES {
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    let data = frame.into_data().unwrap_or_default();
                    bytes += data.len();
                    // an empty chunk would end the stream
                    frames.extend(Some(data).filter(|data| !data.is_empty()));
                }
                Poll::Ready(None | Some(Err(_))) => {
                    self.ended = true;
                    break;
                }
                Poll::Pending => break,
            }
        }
        frames
    }

    /// Writes what the socket takes at once and keeps the rest.
    fn write(&mut self, frames: &[Bytes], cx: &mut Context<'_>) -> io::Result<()> {
        match frames.len() {
            1 => self.write_up_to::<1>(frames, cx),
            2..=16 => self.write_up_to::<16>(frames, cx),
            17..=64 => self.write_up_to::<64>(frames, cx),
            _ => self.write_up_to::<FRAMES>(frames, cx),
        }
    }

    /// Of at most `N` frames: most writes have one, and do not clear a table for hundreds.
    fn write_up_to<const N: usize>(&mut self, frames: &[Bytes], cx: &mut Context<'_>) -> io::Result<()> {
        let mut sizes = [Size::default(); N];
        for (size, frame) in sizes.iter_mut().zip(frames) {
            // cannot fail: the longest length fits
            let _ = write!(size, "{:x}\r\n", frame.len());
        }
        let mut chunks = [[IoSlice::new(&[]); 3]; N];
        for ((chunk, size), frame) in chunks.iter_mut().zip(&sizes).zip(frames) {
            let parts = [size.text(), frame, b"\r\n"];
            *chunk = parts.map(IoSlice::new);
        }
        let slices = chunks[..frames.len()].as_flattened();
        let mut taken = match Pin::new(&mut self.socket).poll_write_vectored(cx, slices) {
            Poll::Ready(taken) => taken?,
            Poll::Pending => 0,
        };
        for slice in slices {
            let skipped = taken.min(slice.len());
            self.rest.extend_from_slice(&slice[skipped..]);
            taken -= skipped;
        }
        Ok(())
    }
}

/// The line before a chunk, without an allocation.
#[derive(Clone, Copy, Default)]
struct Size {
    text: [u8; 18],
    length: usize,
}

impl Size {
    fn text(&self) -> &[u8] {
        &self.text[..self.length]
    }
}

impl std::fmt::Write for Size {
    fn write_str(&mut self, part: &str) -> std::fmt::Result {
        let end = self.length + part.len();
        let place = self.text.get_mut(self.length..end).ok_or(std::fmt::Error)?;
        place.copy_from_slice(part.as_bytes());
        self.length = end;
        Ok(())
    }
}
