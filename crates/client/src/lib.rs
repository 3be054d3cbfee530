#![doc = include_str!("../README.md")]

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
pub mod rooms;
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

/// The blocks of the documents compile.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/client-rust.md")]
struct Documents;
