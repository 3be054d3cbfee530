//! Runtimes beside the one of requests. A fan-out wakes thousands of streams at once, and requests must not stand in that
//! queue; and when thousands of clients come at once, those who are served already must not wait for them.

use std::io;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle, Runtime};

/// Owns the runtimes; dropping it ends what still runs there.
pub struct Lanes {
    runtimes: Vec<Runtime>,
    lane: Lane,
}

/// Paths of requests whose answers are streams; one that ends with a slash stands for all below it.
type Paths = Arc<[&'static str]>;

/// Where to serve what.
#[derive(Clone)]
pub struct Lane {
    arrivals: Handle,
    streams: Handle,
    requests: Handle,
    paths: Paths,
}

/// What a new socket asks for first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    Stream,
    /// to set what a stream tells; what else comes on its connection is answered beside the arrivals too
    Subscriptions,
    Answer,
}

impl Lanes {
    /// Requests stay on the runtime that this is called on.
    pub fn start(paths: impl IntoIterator<Item = &'static str>) -> io::Result<Self> {
        let streams = Builder::new_multi_thread().thread_name("stream").enable_all().build()?;
        let arrivals = Builder::new_multi_thread()
            .thread_name("arrival")
            .worker_threads(half_the_cores())
            .enable_all()
            .build()?;
        let lane = Lane {
            arrivals: arrivals.handle().clone(),
            streams: streams.handle().clone(),
            requests: Handle::current(),
            paths: paths.into_iter().collect(),
        };
        Ok(Self { runtimes: vec![streams, arrivals], lane })
    }

    pub fn lane(&self) -> Lane {
        self.lane.clone()
    }
}

/// However many come, the other half is left to those who are here.
fn half_the_cores() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1))
}

impl Drop for Lanes {
    fn drop(&mut self) {
        for runtime in self.runtimes.drain(..) {
            runtime.shutdown_background();
        }
    }
}

impl Lane {
    /// Where sockets are accepted and looked at.
    pub fn arrivals(&self) -> &Handle {
        &self.arrivals
    }

    /// Where streams are written.
    pub fn streams(&self) -> &Handle {
        &self.streams
    }

    /// What the first bytes of a socket ask for. A stream that is asked for later on a kept connection, or whose first line
    /// comes in pieces, is served beside the requests: that costs time, not correctness.
    pub fn wants(&self, head: &[u8]) -> Wants {
        let (wants, target) = match (head.strip_prefix(b"GET "), head.strip_prefix(b"POST ")) {
            (Some(target), _) => (Wants::Stream, target),
            (_, Some(target)) => (Wants::Subscriptions, target),
            _ => return Wants::Answer,
        };
        let names_stream = self.paths.iter().any(|path| {
            let after = target.strip_prefix(path.as_bytes()).and_then(|rest| rest.first());
            matches!(after, Some(b' ' | b'?')) || (path.ends_with('/') && after.is_some())
        });
        if names_stream { wants } else { Wants::Answer }
    }

    /// Runs it where streams are written.
    pub fn stream(&self, served: impl Future<Output = ()> + Send + 'static) {
        self.streams.spawn(served);
    }

    /// Runs it where requests are answered.
    pub fn answer(&self, served: impl Future<Output = ()> + Send + 'static) {
        self.requests.spawn(served);
    }
}

/// Serves a socket in the runtime that runs this.
pub fn move_in<F, S>(stream: TcpStream, serve: F) -> impl Future<Output = ()> + Send
where
    F: FnOnce(TcpStream) -> S + Send + 'static,
    S: Future<Output = ()> + Send,
{
    let stream = stream.into_std();
    async move {
        match stream.and_then(TcpStream::from_std) {
            Ok(stream) => serve(stream).await,
            Err(error) => tracing::warn!(%error, "a socket could not be moved"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn wishes_are_known_by_their_first_line() {
        let lanes = Lanes::start(["/api/realtime", "/realtime/collections/"]).unwrap();
        let lane = lanes.lane();
        for (head, expected) in [
            ("GET /api/realtime HTTP/1.1\r\n", Wants::Stream),
            ("GET /api/realtime?token=x HTTP/1.1\r\n", Wants::Stream),
            ("POST /api/realtime HTTP/1.1\r\n", Wants::Subscriptions),
            ("PUT /api/realtime HTTP/1.1\r\n", Wants::Answer),
            ("POST /api/collections/posts/records HTTP/1.1\r\n", Wants::Answer),
            ("GET /api/realtimes HTTP/1.1\r\n", Wants::Answer),
            ("GET /realtime/collections/posts HTTP/1.1\r\n", Wants::Stream),
            ("GET /realtime/collections HTTP/1.1\r\n", Wants::Answer),
            ("GET /api/real", Wants::Answer),
            ("GET /", Wants::Answer),
            ("", Wants::Answer),
        ] {
            assert_eq!(lane.wants(head.as_bytes()), expected, "{head}");
        }
    }
}
