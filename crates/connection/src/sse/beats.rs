use super::Signs;
use bytes::Bytes;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// Signs of life at fixed periods from the start on, whatever else is sent.
pub struct Beats {
    timer: Pin<Box<Sleep>>,
    beats: Vec<(Beat, Instant)>,
}

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Beat {
    pub period: Duration,
    pub frame: fn() -> Bytes,
}

impl Beats {
    /// Of those that are due at once the first goes first.
    pub fn new(beats: impl IntoIterator<Item = Beat>) -> Self {
        let now = Instant::now();
        let beats: Vec<_> = beats.into_iter().map(|beat| (beat, now + beat.period)).collect();
        Self { timer: Box::pin(tokio::time::sleep_until(next(&beats))), beats }
    }
}

impl Signs for Beats {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        while self.timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            let due = self.beats.iter_mut().find(|(_, at)| *at <= now);
            let frame = due.map(|(beat, at)| {
                // from the start on, however late this is
                *at = if *at + beat.period > now { *at + beat.period } else { now + beat.period };
                (beat.frame)()
            });
            self.timer.as_mut().reset(next(&self.beats));
            if frame.is_some() {
                return Poll::Ready(frame);
            }
        }
        Poll::Pending
    }
}

fn next(beats: &[(Beat, Instant)]) -> Instant {
    let far = || Instant::now() + Duration::from_secs(3600);
    beats.iter().map(|(_, at)| *at).min().unwrap_or_else(far)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    #[tokio::test(start_paused = true)]
    async fn periods_are_kept_from_the_start() {
        let beat = |seconds, frame| Beat { period: Duration::from_secs(seconds), frame };
        let mut beats = Beats::new([
            beat(30, || Bytes::from_static(b"heartbeat")),
            beat(15, || Bytes::from_static(b"ping")),
        ]);
        let (start, mut seen) = (Instant::now(), Vec::new());
        for _ in 0..6 {
            beats.sent();
            let frame = poll_fn(|cx| beats.poll(cx)).await.unwrap();
            seen.push((start.elapsed().as_secs(), frame));
        }
        let expected =
            [(15, "ping"), (30, "heartbeat"), (30, "ping"), (45, "ping"), (60, "heartbeat"), (60, "ping")];
        assert_eq!(seen, expected.map(|(second, frame)| (second, Bytes::from_static(frame.as_bytes()))));
    }
}
