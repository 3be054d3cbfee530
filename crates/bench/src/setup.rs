//! What is there before a load is made through the Rust client. What is measured goes over bare sockets, so that it is the
//! server that is measured.

use std::net::SocketAddr;

use anyhow::Result;
use serde_json::Value;
use tidewire_client::{Auth, Client, Error};
use tokio::runtime::{Builder, Runtime};

/// A client for callers that wait.
pub struct Setup {
    pub client: Client,
    runtime: Runtime,
}

impl Setup {
    /// `token` is "" for a guest.
    pub fn open(address: SocketAddr, token: &str) -> Result<Self> {
        let client = Client::new(format!("http://{address}"))?;
        client.auth().save(Auth { token: token.to_owned(), record: Value::Null })?;
        Ok(Self { client, runtime: Builder::new_current_thread().enable_all().build()? })
    }

    pub fn wait<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T> {
        Ok(self.runtime.block_on(work)?)
    }
}

/// Returns the token of a record of an auth collection.
pub fn sign_in(address: SocketAddr, collection: &str, identity: &str, password: &str) -> Result<String> {
    let guest = Setup::open(address, "")?;
    Ok(guest.wait(guest.client.collection(collection).auth_with_password(identity, password))?.token)
}
