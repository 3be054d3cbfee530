//! Client of Tidewire and PocketBase: records, sign-in, and realtime that loses nothing when a connection drops.
//!
//! A [`Client`] is cheap to clone and may be shared by threads and tasks. It speaks PocketBase's API; what a real PocketBase does
//! not have (resuming by position, snapshots) says so.

mod account;
mod admin;
mod auth_file;
mod auth_store;
mod batch;
mod client;
mod collection;
mod error;
mod files;
mod filter;
mod jwt;
mod loopback;
mod oauth2;
mod pages;
mod path;
pub mod realtime;
mod record;
mod refresh;
mod request;
mod retry;
mod send;
mod tls;

pub use admin::{Collections, Settings};
pub use auth_store::{Auth, AuthStore};
pub use batch::{Batch, BatchResult};
pub use client::{Client, ClientBuilder};
pub use collection::{Collection, Page};
pub use error::Error;
pub use files::File;
pub use filter::filter;
pub use oauth2::{OAuth2, OAuth2Auth, OAuth2Code};
pub use pages::Pages;
pub use record::Record;
pub use reqwest::Response;
