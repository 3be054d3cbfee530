//! A runtime of its own for streams: a fan-out wakes thousands of them at once, and requests must not stand in that queue.

use std::io;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle, Runtime};

/// Owns the runtime; dropping it ends what still runs there.
pub struct Streams {
    runtime: Option<Runtime>,
    paths: Paths,
}

/// Paths of requests whose answers are streams; one that ends with a slash stands for all below it.
type Paths = Arc<[&'static str]>;

/// Where to serve streams.
#[derive(Clone)]
pub struct Lane {
    runtime: Handle,
    paths: Paths,
}

impl Streams {
    pub fn start(paths: impl IntoIterator<Item = &'static str>) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().thread_name("stream").enable_all().build()?;
        Ok(Self { runtime: Some(runtime), paths: paths.into_iter().collect() })
    }

    /// `None` once it was ended.
    pub fn lane(&self) -> Option<Lane> {
        let runtime = self.runtime.as_ref()?.handle().clone();
        Some(Lane { runtime, paths: self.paths.clone() })
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Lane {
    /// Looks at a new socket's first bytes without taking them. A stream that is asked for later on a kept connection, or
    /// whose first line comes in pieces, is served beside the requests: that costs time, not correctness.
    pub async fn wants(&self, stream: &TcpStream) -> bool {
        let mut head = [0u8; 64];
        match stream.peek(&mut head).await {
            Ok(count) => self.names_stream(&head[..count]),
            Err(_) => false,
        }
    }

    fn names_stream(&self, head: &[u8]) -> bool {
        let Some(target) = head.strip_prefix(b"GET ") else { return false };
        self.paths.iter().any(|path| {
            let after = target.strip_prefix(path.as_bytes()).and_then(|rest| rest.first());
            matches!(after, Some(b' ' | b'?')) || (path.ends_with('/') && after.is_some())
        })
    }

    /// Runs `serve` on a socket that has moved over.
    pub fn spawn<F, S>(&self, stream: TcpStream, serve: F)
    where
        F: FnOnce(TcpStream) -> S + Send + 'static,
        S: Future<Output = ()> + Send,
    {
        let Ok(stream) = stream.into_std() else { return };
        self.runtime.spawn(async move {
            match TcpStream::from_std(stream) {
                Ok(stream) => serve(stream).await,
                Err(error) => tracing::warn!(%error, "a socket could not be moved"),
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_known_by_their_first_line() {
        let streams = Streams::start(["/api/realtime", "/realtime/collections/"]).unwrap();
        let lane = streams.lane().unwrap();
        for (head, expected) in [
            ("GET /api/realtime HTTP/1.1\r\n", true),
            ("GET /api/realtime?token=x HTTP/1.1\r\n", true),
            ("POST /api/realtime HTTP/1.1\r\n", false),
            ("GET /api/realtimes HTTP/1.1\r\n", false),
            ("GET /realtime/collections/posts HTTP/1.1\r\n", true),
            ("GET /realtime/collections HTTP/1.1\r\n", false),
            ("GET /api/real", false),
            ("GET /", false),
            ("", false),
        ] {
            assert_eq!(lane.names_stream(head.as_bytes()), expected, "{head}");
        }
    }
}
