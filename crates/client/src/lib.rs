//! Client of Tidewire and PocketBase: records, sign-in, and realtime that loses nothing when a connection drops.
//!
//! A [`Client`] is cheap to clone and may be shared by threads and tasks. It speaks PocketBase's API; what a real PocketBase does
//! not have (resuming by position, snapshots) says so.

mod auth_store;
mod client;
mod collection;
mod error;
mod filter;
pub mod realtime;
mod request;
mod send;
mod tls;

pub use auth_store::{Auth, AuthStore};
pub use client::{Client, ClientBuilder};
pub use collection::Collection;
pub use error::Error;
pub use filter::filter;
pub use reqwest::Response;
