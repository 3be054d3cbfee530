use super::frame;
use bytes::Bytes;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tidewire_feed::Connection;
use tokio::io::AsyncWrite;

/// Frames taken from the feed at once.
const BATCH_BYTES: usize = 64 * 1024;
/// Frames written at once; a system call takes 1024.
const BATCH_FRAMES: usize = 512;
/// A queue that grew beyond this gives its memory back when it is empty.
const KEPT_FRAMES: usize = 16;

/// What is on its way to the client.
#[derive(Debug, Default)]
pub(super) struct Output {
    frames: Vec<Bytes>,
    /// the frame being written, and how much of it was
    at: usize,
    offset: usize,
    /// a ping's payload that waits for its answer; a newer one takes its place
    pong: Option<Box<[u8]>>,
    ping: bool,
    /// the last control frame in `frames`: no other is put there before it is written, so that they are bounded
    control: Option<usize>,
}

impl Output {
    pub fn pong(&mut self, payload: Vec<u8>) {
        self.pong = Some(payload.into());
    }

    pub fn ping(&mut self) {
        self.ping = true;
    }

    /// The very last frame.
    pub fn push(&mut self, frame: Bytes) {
        self.frames.push(frame);
    }

    /// All that was taken is written.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Writes what the connection has until nothing is left: `Ready(Ok(()))` once it is closed and empty.
    pub fn poll_drain<W: AsyncWrite + Unpin>(
        &mut self,
        writer: &mut W,
        connection: &Connection,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_write(writer, cx))?;
            match connection.poll_frames(cx, BATCH_BYTES, &mut self.frames) {
                Poll::Ready(Some(())) => {}
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Writes what was taken and what control frames wait.
    pub fn poll_write<W: AsyncWrite + Unpin>(
        &mut self,
        writer: &mut W,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            self.take_control();
            if self.at == self.frames.len() {
                self.clear();
                return Poll::Ready(Ok(()));
            }
            let written = ready!(match self.frames.len() - self.at {
                1 => self.poll_batch::<1, W>(writer, cx),
                2..=16 => self.poll_batch::<16, W>(writer, cx),
                _ => self.poll_batch::<BATCH_FRAMES, W>(writer, cx),
            })?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(written);
        }
    }

    /// Of at most `N` frames: most writes have one, and do not clear a table for hundreds.
    fn poll_batch<const N: usize, W: AsyncWrite + Unpin>(
        &self,
        writer: &mut W,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut slices = [IoSlice::new(&[]); N];
        let mut count = 0;
        for (slice, frame) in slices.iter_mut().zip(&self.frames[self.at..]) {
            let skipped = if count == 0 { self.offset } else { 0 };
            *slice = IoSlice::new(&frame[skipped..]);
            count += 1;
        }
        Pin::new(writer).poll_write_vectored(cx, &slices[..count])
    }

    /// Control frames stand between the frame being written and the next.
    fn take_control(&mut self) {
        if self.control.is_some() || (self.pong.is_none() && !self.ping) {
            return;
        }
        let mut place = self.at + usize::from(self.offset > 0);
        if let Some(payload) = self.pong.take() {
            self.frames.insert(place, frame::pong(&payload));
            self.control = Some(place);
            place += 1;
        }
        if std::mem::take(&mut self.ping) {
            self.frames.insert(place, frame::ping(&rand::random::<[u8; 4]>()));
            self.control = Some(place);
        }
    }

    fn advance(&mut self, mut written: usize) {
        while let Some(frame) = self.frames.get_mut(self.at) {
            let left = frame.len() - self.offset;
            if written < left {
                self.offset += written;
                break;
            }
            written -= left;
            // others may hold it for longer than this one needs it
            *frame = Bytes::new();
            (self.at, self.offset) = (self.at + 1, 0);
        }
        self.control = self.control.filter(|place| *place >= self.at);
    }

    fn clear(&mut self) {
        self.frames.clear();
        (self.at, self.offset, self.control) = (0, 0, None);
        if self.frames.capacity() > KEPT_FRAMES {
            self.frames = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use tokio::io::AsyncReadExt as _;

    /// Written a few bytes at a time, however frames are cut.
    #[tokio::test]
    async fn control_frames_stand_between_frames() {
        let (mut near, mut far) = tokio::io::duplex(3);
        let mut output = Output::default();
        for text in ["one", "two", "three"] {
            output.push(frame::text(text));
        }
        let (mut seen, mut polls) = (Vec::new(), 0);
        let expected = 5 + 5 + 7 + 2 * 6;
        while seen.len() < expected {
            poll_fn(|cx| {
                let _ = output.poll_write(&mut near, cx);
                Poll::Ready(())
            })
            .await;
            if polls < 3 {
                // only the newest unwritten answer is kept
                output.pong(format!("pon{polls}").into_bytes());
            }
            polls += 1;
            let mut some = [0; 3];
            let count = far.read(&mut some).await.unwrap();
            seen.extend_from_slice(&some[..count]);
        }
        let text = String::from_utf8_lossy(&seen).into_owned();
        let of = |part: &str| text.find(part).unwrap();
        assert!(of("one") < of("pon0") && of("pon0") < of("two") && of("two") < of("pon2"), "{text}");
        assert!(!text.contains("pon1"), "{text}");
    }
}
