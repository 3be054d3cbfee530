//! Client of Tidewire and PocketBase: records, sign-in, and realtime that loses nothing when a connection drops.
//!
//! A [`Client`] is cheap to clone and may be shared by threads and tasks. It speaks PocketBase's API; what a real PocketBase does
//! not have (resuming by position, snapshots) says so.

mod auth_file;
mod auth_store;
mod client;
mod collection;
mod error;
mod filter;
mod jwt;
mod pages;
mod path;
pub mod realtime;
mod record;
mod refresh;
mod request;
mod retry;
mod send;
mod tls;

pub use auth_store::{Auth, AuthStore};
pub use client::{Client, ClientBuilder};
pub use collection::{Collection, Page};
pub use error::Error;
pub use filter::filter;
pub use pages::Pages;
pub use record::Record;
pub use reqwest::Response;
