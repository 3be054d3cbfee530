use super::Signs;
use bytes::Bytes;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// A quiet stream gets a sign of life; one that is quiet for too long ends.
pub struct Quiet {
    timer: Pin<Box<Sleep>>,
    sign: &'static [u8],
    heartbeat: Duration,
    idle: Duration,
    last_bytes: Instant,
    last_message: Instant,
}

impl Quiet {
    pub fn new(sign: &'static [u8], heartbeat: Duration, idle: Duration) -> Self {
        let now = Instant::now();
        let timer = Box::pin(tokio::time::sleep(heartbeat.min(idle)));
        Self { timer, sign, heartbeat, idle, last_bytes: now, last_message: now }
    }
}

impl Signs for Quiet {
    fn sent(&mut self) {
        self.last_message = Instant::now();
        self.last_bytes = self.last_message;
    }

    /// The timer is set again only when it has run out: messages cost nothing here.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        while self.timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            let end = self.last_message + self.idle;
            if now >= end {
                return Poll::Ready(None);
            }
            let due = now >= self.last_bytes + self.heartbeat;
            if due {
                self.last_bytes = now;
            }
            self.timer.as_mut().reset(end.min(self.last_bytes + self.heartbeat));
            if due {
                return Poll::Ready(Some(Bytes::from_static(self.sign)));
            }
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    /// Seconds at which a quiet stream says something, until it ends.
    async fn ticks(heartbeat: u64, message_at: u64) -> Vec<u64> {
        let mut quiet = Quiet::new(b":\n\n", Duration::from_secs(heartbeat), Duration::from_secs(300));
        let start = Instant::now();
        if message_at > 0 {
            tokio::time::sleep(Duration::from_secs(message_at)).await;
            quiet.sent();
        }
        let mut seconds = Vec::new();
        loop {
            let sign = poll_fn(|cx| quiet.poll(cx)).await;
            seconds.push(start.elapsed().as_secs());
            if sign.is_none() {
                return seconds;
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn heartbeats_do_not_keep_an_idle_stream_alive() {
        for (heartbeat, message_at, expected) in [
            (15, 0, (1..=20).map(|n| n * 15).collect::<Vec<_>>()),
            (5, 0, (1..=60).map(|n| n * 5).collect()),
            (15, 10, (1..=20).map(|n| n * 15 + 10).collect()),
        ] {
            assert_eq!(ticks(heartbeat, message_at).await, expected, "{heartbeat} {message_at}");
        }
    }
}
