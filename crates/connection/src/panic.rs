//! A panic in a handler costs that request, not the connection.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// Runs the rest of the request; `answer` is what a panic is answered with.
pub async fn recover(request: Request, next: Next, answer: fn() -> Response) -> Response {
    let mut running = pin!(next.run(request));
    poll_fn(|cx| {
        catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(cx))).unwrap_or_else(|_| {
            tracing::error!("a handler panicked");
            Poll::Ready(answer())
        })
    })
    .await
}
