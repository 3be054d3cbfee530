use super::berth::Stay;
use super::decoder::{Decoder, Item};
use super::life::{Beat, Life};
use super::output::Output;
use super::{Close, Message, Periods, Transport, frame};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tidewire_feed::{Connection, Ending};
use tokio::io::{AsyncWriteExt as _, ReadBuf};

/// Bytes read at once, on the stack.
const READ: usize = 4096;
/// Own frames that may wait; a client that lets more wait is not listened to until it reads.
const OWED: usize = 64 * 1024;
/// How long a close may take: what is queued, the close frame, and the client's end.
const CLOSING: Duration = Duration::from_secs(3);

/// Bounds of one socket.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// bytes of one message; default 64 KiB
    pub message: usize,
    pub periods: Periods,
}

impl Default for Limits {
    fn default() -> Self {
        Self { message: 64 * 1024, periods: Periods::default() }
    }
}

/// One client's WebSocket. Whoever awaits [`Socket::next`] also writes what the feed has for the client.
pub struct Socket<T = Box<dyn Transport>> {
    stream: T,
    decoder: Decoder,
    /// what was read behind the last message
    input: Vec<u8>,
    output: Output,
    life: Life,
    /// until it has moved to where it belongs
    stay: Option<Box<Stay>>,
}

/// What happened.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    Message(Message),
    /// a period is over
    Tick,
}

/// Why nothing more is received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Over {
    /// the client said so, with its status
    Left(Option<Close>),
    /// the client is gone without a word
    Lost,
    /// the client broke the protocol, or did not answer a ping
    Fault(Close),
    /// the connection to the feed is over, and everything that it had is written
    Ended(Ending),
}

impl<T: Transport> Socket<T> {
    pub fn new(stream: T, limits: Limits) -> Self {
        Self {
            stream,
            decoder: Decoder::new(limits.message),
            input: Vec::new(),
            output: Output::default(),
            life: Life::new(limits.periods),
            stay: None,
        }
    }

    /// Bytes of it that were read already.
    pub(super) fn with_input(mut self, read: &[u8]) -> Self {
        self.input = read.to_vec();
        self
    }

    /// For some time it is where it does not stay.
    pub(super) fn staying(mut self, stay: Stay) -> Self {
        self.stay = Some(Box::new(stay));
        self
    }

    /// The client's next message; meanwhile the feed's frames are written. May be given up and called again.
    pub async fn next(&mut self, connection: &Connection) -> Result<Received, Over> {
        poll_fn(|cx| {
            if self.stay.take_if(|stay| stay.is_over()).is_some() {
                self.stream.move_in();
                self.life.move_in();
            }
            let next = self.poll_next(connection, cx);
            if let (Poll::Pending, Some(stay), true) = (&next, &mut self.stay, self.output.is_empty()) {
                stay.rests(connection);
            }
            next
        })
        .await
    }

    fn poll_next(&mut self, connection: &Connection, cx: &mut Context<'_>) -> Poll<Result<Received, Over>> {
        loop {
            match self.output.poll_drain(&mut self.stream, connection, cx) {
                Poll::Ready(Ok(())) => {
                    let ending = connection.ending().unwrap_or(Ending::Closed);
                    return Poll::Ready(Err(Over::Ended(ending)));
                }
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Over::Lost)),
                Poll::Pending => {}
            }
            if connection.owed() <= OWED {
                match self.poll_read(cx) {
                    // an answer to write
                    Poll::Ready(Ok(None)) => continue,
                    Poll::Ready(Ok(Some(message))) => {
                        return Poll::Ready(Ok(Received::Message(message)));
                    }
                    Poll::Ready(Err(over)) => return Poll::Ready(Err(over)),
                    Poll::Pending => {}
                }
            }
            match self.life.poll(cx) {
                Poll::Ready(Beat::Ping) => self.output.ping(),
                Poll::Ready(Beat::Tick) => return Poll::Ready(Ok(Received::Tick)),
                Poll::Ready(Beat::Dead) => {
                    let close = Close::new(Close::INTERNAL, "keepalive ping timeout");
                    return Poll::Ready(Err(Over::Fault(close)));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// `None`: a ping came.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Message>, Over>> {
        if !self.input.is_empty() {
            let input = std::mem::take(&mut self.input);
            if let Some(done) = self.decode(&input).transpose() {
                return Poll::Ready(done);
            }
        }
        loop {
            let mut bytes = [0; READ];
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => return Poll::Ready(Err(Over::Lost)),
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Over::Lost)),
                Poll::Pending => return Poll::Pending,
            }
            self.life.heard();
            if let Some(done) = self.decode(buffer.filled()).transpose() {
                return Poll::Ready(done);
            }
        }
    }

    /// The first thing in `bytes` to act on, if any; keeps the rest.
    fn decode(&mut self, mut bytes: &[u8]) -> Result<Option<Option<Message>>, Over> {
        loop {
            let acted = match self.decoder.decode(&mut bytes).map_err(Over::Fault)? {
                None => return Ok(None),
                Some(Item::Pong) => continue,
                Some(Item::Ping(payload)) => {
                    self.output.pong(payload);
                    None
                }
                Some(Item::Message(message)) => Some(message),
                Some(Item::Close(close)) => return Err(Over::Left(close)),
            };
            self.input = bytes.to_vec();
            return Ok(Some(acted));
        }
    }

    /// Ends the connection, writes what it still had, says why, and reads on for a moment: unread bytes would let the
    /// close frame be lost.
    pub async fn close(&mut self, connection: &Connection, close: Option<Close>) {
        connection.close();
        // on the heap: an idle socket does not pay for its end
        let _ = Box::pin(tokio::time::timeout(CLOSING, self.finish(connection, close))).await;
    }

    /// The answer to [`Over`]: what a fault says, or the client's own status back; `ended` says the rest.
    pub async fn end(&mut self, connection: &Connection, over: Over, ended: impl FnOnce(Ending) -> Close) {
        let close = match over {
            Over::Lost => return connection.close(),
            Over::Left(close) => close.map(|close| Close::new(close.code, "")),
            Over::Fault(close) => Some(close),
            Over::Ended(ending) => Some(ended(ending)),
        };
        self.close(connection, close).await;
    }

    async fn finish(&mut self, connection: &Connection, close: Option<Close>) -> io::Result<()> {
        poll_fn(|cx| {
            self.poll_waste(cx, |this, cx| this.output.poll_drain(&mut this.stream, connection, cx))
        })
        .await?;
        self.output.push(frame::close(close.as_ref()));
        poll_fn(|cx| self.poll_waste(cx, |this, cx| this.output.poll_write(&mut this.stream, cx))).await?;
        self.stream.shutdown().await?;
        let mut waste = [0; 512];
        poll_fn(|cx| {
            loop {
                let mut buffer = ReadBuf::new(&mut waste);
                match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
                    Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                    Poll::Ready(result) => return Poll::Ready(result),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await
    }

    /// Reads and forgets while `write` is under way.
    fn poll_waste(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(&mut Self, &mut Context<'_>) -> Poll<io::Result<()>>,
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(done) = write(self, cx) {
            return Poll::Ready(done);
        }
        let mut waste = [0; READ];
        loop {
            let mut buffer = ReadBuf::new(&mut waste);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                // a half-closed client may still read
                Poll::Ready(Ok(())) | Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            }
        }
    }
}

#[cfg(test)]
mod tests;
