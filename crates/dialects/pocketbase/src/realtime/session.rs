//! One client's stream, from its greeting to its clean end.

use crate::App;
use crate::asker;
use crate::realtime::clients::{Client, Greeting};
use crate::realtime::{Options, Realtime, frame};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, header};
use http_body::Frame;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tidewire_feed::OnRevoked;
use tokio::time::{Instant, Sleep};

/// Frames taken from the feed at once.
const BATCH_BYTES: usize = 64 * 1024;
const BOSBASE_AGENT: &[u8] = b"bosbase-python-sdk";

pub async fn connect(State(app): State<App>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let body = match parts.method {
        Method::HEAD => Body::new(NoStream),
        _ => Body::new(Stream::open(&app, &parts)),
    };
    let mut response = Response::new(body);
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The body of a stream. Dropping it disconnects the client.
struct Stream {
    realtime: Arc<Realtime>,
    client: Arc<Client>,
    ready: VecDeque<Bytes>,
    taken: Vec<Bytes>,
    clock: Clock,
}

impl Stream {
    fn open(app: &App, parts: &Parts) -> Self {
        let last_event_id = parts.headers.get("last-event-id").and_then(|value| value.to_str().ok());
        let client = app.realtime.clients.open(Greeting {
            connection: app.feed.connect(OnRevoked::BecomeGuest),
            began: app.store.head(),
            address: asker::address(parts),
            last_event_id: last_event_id.filter(|text| !text.is_empty()).map(Into::into),
        });
        let ready = VecDeque::from([frame::connected(&client.id)]);
        let clock = Clock::new(&app.realtime.options, parts);
        Self { realtime: app.realtime.clone(), client, ready, taken: Vec::new(), clock }
    }

    /// The next frame, whoever it comes from; `None` at the end.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(frame) = self.ready.pop_front() {
            return Poll::Ready(Some(frame));
        }
        match self.client.connection.poll_frames(cx, BATCH_BYTES, &mut self.taken) {
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Ready(Some(())) if !self.taken.is_empty() => {
                self.clock.message();
                self.ready.extend(self.taken.drain(..));
                return Poll::Ready(self.ready.pop_front());
            }
            Poll::Ready(Some(())) | Poll::Pending => {}
        }
        self.clock.poll(cx).map(|tick| match tick {
            Tick::Heartbeat => Some(Bytes::from_static(frame::HEARTBEAT)),
            Tick::Idle => None,
        })
    }
}

impl http_body::Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.get_mut().poll_next(cx).map(|frame| frame.map(|bytes| Ok(Frame::data(bytes))))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.realtime.clients.close(&self.client);
    }
}

/// When a quiet stream needs a sign of life, and when it has been quiet for too long.
struct Clock {
    timer: Pin<Box<Sleep>>,
    heartbeat: Duration,
    idle: Duration,
    last_bytes: Instant,
    last_message: Instant,
}

#[derive(Debug, PartialEq)]
enum Tick {
    Heartbeat,
    Idle,
}

impl Clock {
    fn new(options: &Options, parts: &Parts) -> Self {
        let agent = parts.headers.get(header::USER_AGENT).map_or(&b""[..], HeaderValue::as_bytes);
        let heartbeat =
            if agent.starts_with(BOSBASE_AGENT) { options.heartbeat_bosbase } else { options.heartbeat };
        let now = Instant::now();
        let timer = Box::pin(tokio::time::sleep(heartbeat.min(options.idle)));
        Self { timer, heartbeat, idle: options.idle, last_bytes: now, last_message: now }
    }

    fn message(&mut self) {
        self.last_message = Instant::now();
        self.last_bytes = self.last_message;
    }

    /// The timer is set again only when it has run out: messages cost nothing here.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Tick> {
        while self.timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            let end = self.last_message + self.idle;
            if now >= end {
                return Poll::Ready(Tick::Idle);
            }
            let due = now >= self.last_bytes + self.heartbeat;
            if due {
                self.last_bytes = now;
            }
            self.timer.as_mut().reset(end.min(self.last_bytes + self.heartbeat));
            if due {
                return Poll::Ready(Tick::Heartbeat);
            }
        }
        Poll::Pending
    }
}

/// A body of unknown length, so that the answer to HEAD states none.
struct NoStream;

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

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    fn parts(agent: &'static str) -> Parts {
        let request = http::Request::builder().header(header::USER_AGENT, agent);
        request.body(()).unwrap().into_parts().0
    }

    /// Seconds at which a quiet stream ticks, until it ends.
    async fn ticks(agent: &'static str, message_at: u64) -> Vec<u64> {
        let mut clock = Clock::new(&Options::default(), &parts(agent));
        let start = Instant::now();
        if message_at > 0 {
            tokio::time::sleep(Duration::from_secs(message_at)).await;
            clock.message();
        }
        let mut seconds = Vec::new();
        loop {
            let tick = poll_fn(|cx| clock.poll(cx)).await;
            seconds.push(start.elapsed().as_secs());
            if tick == Tick::Idle {
                return seconds;
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn heartbeats_do_not_keep_an_idle_stream_alive() {
        for (agent, message_at, expected) in [
            ("other", 0, (1..=20).map(|n| n * 15).collect::<Vec<_>>()),
            ("bosbase-python-sdk/0.1.5", 0, (1..=60).map(|n| n * 5).collect()),
            ("other", 10, (1..=20).map(|n| n * 15 + 10).collect()),
        ] {
            assert_eq!(ticks(agent, message_at).await, expected, "{agent} {message_at}");
        }
    }
}
