//! A panic in a handler costs that request, not the connection.

use crate::error::ApiError;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

pub async fn recover(request: Request, next: Next) -> Response {
    let mut answer = pin!(next.run(request));
    poll_fn(|cx| {
        catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(cx))).unwrap_or_else(|_| {
            tracing::error!("a handler panicked");
            Poll::Ready(ApiError::internal().into_response())
        })
    })
    .await
}
