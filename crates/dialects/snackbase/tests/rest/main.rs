//! The REST side of the dialect, driven as a client would.

#![allow(clippy::unwrap_used)]

mod scenarios;
mod sign_in;
mod world;
