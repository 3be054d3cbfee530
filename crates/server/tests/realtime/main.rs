//! Streams of a whole server, read as bytes: who is told what, when, and how it looks.

#![allow(clippy::unwrap_used)]

mod answers;
mod control;
mod durable;
mod extensions;
mod metrics;
mod oauth2;
mod payload;
mod pubsub;
mod rules;
mod server;
mod sign_in;
mod socket;
mod stream;
mod subscribe;
mod topic_rules;
mod topics;
