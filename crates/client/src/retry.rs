use crate::realtime::Backoff;
use reqwest::{Error, Method, RequestBuilder, Response};
use std::time::Duration;

const WAITS: Backoff = Backoff { base: Duration::from_millis(100), cap: Duration::from_secs(2) };

/// Reads are sent again, at most so often, if their connection was not had or broke before the answer. A write may have been done:
/// it is sent once.
pub(crate) async fn send(builder: RequestBuilder, retries: u32) -> Result<Response, Error> {
    let Some(request) = builder.try_clone().and_then(|copy| copy.build().ok()) else {
        return builder.send().await;
    };
    let retries = if matches!(*request.method(), Method::GET | Method::HEAD) { retries } else { 0 };
    let mut attempt = 0;
    loop {
        // it could be cloned a moment ago
        let Some(copy) = builder.try_clone().filter(|_| attempt < retries) else {
            return builder.send().await;
        };
        match copy.send().await {
            Err(error) if error.is_request() && !error.is_timeout() => {
                tokio::time::sleep(WAITS.wait(attempt, None)).await;
                attempt += 1;
            }
            done => return done,
        }
    }
}
