use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// When a socket shows that it lives, and when its client is given up.
#[derive(Clone, Copy, Debug)]
pub struct Periods {
    /// between protocol pings
    pub ping: Duration,
    /// how long a client may take to answer one
    pub pong: Duration,
    /// between ticks that the session is told, from the start on
    pub tick: Option<Duration>,
}

impl Default for Periods {
    fn default() -> Self {
        Self { ping: Duration::from_secs(20), pong: Duration::from_secs(20), tick: None }
    }
}

/// One timer for all periods.
pub(super) struct Life {
    timer: Pin<Box<Sleep>>,
    periods: Periods,
    next_ping: Instant,
    next_tick: Option<Instant>,
    /// a ping that nothing was heard after
    given_up: Option<Instant>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Beat {
    Ping,
    Tick,
    Dead,
}

impl Life {
    pub fn new(periods: Periods) -> Self {
        let now = Instant::now();
        let (next_ping, next_tick) = (now + periods.ping, periods.tick.map(|tick| now + tick));
        let timer = Box::pin(tokio::time::sleep_until(next_tick.map_or(next_ping, |at| at.min(next_ping))));
        Self { timer, periods, next_ping, next_tick, given_up: None }
    }

    /// From now on the runtime that this is called in keeps the time.
    pub fn move_in(&mut self) {
        self.timer = Box::pin(tokio::time::sleep_until(self.next()));
    }

    /// Any bytes of the client are a sign of life.
    pub fn heard(&mut self) {
        self.given_up = None;
    }

    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Beat> {
        while self.timer.as_mut().poll(cx).is_ready() {
            let beat = self.beat(Instant::now());
            let next = self.next();
            self.timer.as_mut().reset(next);
            if let Some(beat) = beat {
                return Poll::Ready(beat);
            }
        }
        Poll::Pending
    }

    fn beat(&mut self, now: Instant) -> Option<Beat> {
        if self.given_up.is_some_and(|at| at <= now) {
            return Some(Beat::Dead);
        }
        if self.next_ping <= now {
            self.next_ping = now + self.periods.ping;
            self.given_up.get_or_insert(now + self.periods.pong);
            return Some(Beat::Ping);
        }
        if let (Some(at), Some(period)) = (self.next_tick, self.periods.tick)
            && at <= now
        {
            // from the start on, however late this is
            self.next_tick = Some(if at + period > now { at + period } else { now + period });
            return Some(Beat::Tick);
        }
        None
    }

    fn next(&self) -> Instant {
        [self.next_tick, self.given_up].into_iter().flatten().fold(self.next_ping, Instant::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    /// Beats and their seconds; something is heard at `heard`.
    async fn beats(tick: Option<u64>, heard: &[u64], until: u64) -> Vec<(u64, Beat)> {
        let periods = Periods { tick: tick.map(Duration::from_secs), ..Periods::default() };
        let (start, mut life) = (Instant::now(), Life::new(periods));
        let mut heard = heard.iter().map(|second| start + Duration::from_secs(*second)).peekable();
        let mut seen = Vec::new();
        while start.elapsed() < Duration::from_secs(until) {
            let next = heard.peek().copied().unwrap_or(start + Duration::from_secs(until));
            match tokio::time::timeout_at(next, poll_fn(|cx| life.poll(cx))).await {
                Ok(beat) => {
                    let dead = beat == Beat::Dead;
                    seen.push((start.elapsed().as_secs(), beat));
                    if dead {
                        break;
                    }
                }
                Err(_) => {
                    heard.next();
                    life.heard();
                }
            }
        }
        seen
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_client_is_given_up_after_one_ping() {
        use Beat::{Dead, Ping, Tick};
        for (tick, heard, until, expected) in [
            (Some(30), vec![], 100, vec![(20, Ping), (30, Tick), (40, Dead)]),
            (None, vec![], 100, vec![(20, Ping), (40, Dead)]),
            (
                Some(30),
                vec![21, 41, 61],
                70,
                vec![(20, Ping), (30, Tick), (40, Ping), (60, Ping), (60, Tick)],
            ),
            (None, vec![10], 100, vec![(20, Ping), (40, Dead)]),
        ] {
            assert_eq!(beats(tick, &heard, until).await, expected, "{tick:?} {heard:?}");
        }
    }
}
