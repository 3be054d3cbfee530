//! The REST side of the dialect, driven as a client would.

#![allow(clippy::unwrap_used)]

mod oauth2;
mod oracle;
mod scenarios;
mod world;
