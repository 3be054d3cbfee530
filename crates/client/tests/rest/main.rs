//! Records and sign-in through the client, against Tidewire and against the real PocketBase.

#![allow(clippy::unwrap_used)]

mod account;
mod admin;
mod batch;
#[path = "../common/mod.rs"]
#[allow(dead_code)]
mod common;
mod connection;
mod files;
mod mail;
mod oauth2;
mod records;
mod sign_in;

use futures_core::Stream;
use std::pin::Pin;

/// The next item of a stream.
async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    std::future::poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
}
