//! Signing in through providers.

mod meta;
mod methods;
mod names;
mod page;
pub mod redirect;
mod sign_in;

pub use methods::{Method, methods, providers};
pub use page::page;
pub use sign_in::sign_in;

use names::Names;
use std::time::Duration;
use tidewire_outbound::{Client, Policy, Roots};
use tokio::sync::Semaphore;

/// Sign-ins that wait for providers at once; more are refused.
const MOST: usize = 64;
/// of one answer of a provider
const BYTES: usize = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(15);

/// What sign-ins through providers share.
pub struct OAuth2 {
    client: Client,
    places: Semaphore,
    names: Names,
}

impl Default for OAuth2 {
    fn default() -> Self {
        Self::trusting(&Roots::default())
    }
}

impl OAuth2 {
    /// Superusers set the addresses of providers, which may well be in their own network, and be vouched for by it.
    pub fn trusting(roots: &Roots) -> Self {
        let policy = Policy { private: true, bytes: BYTES, timeout: PATIENCE };
        let client = Client::trusting(roots, policy);
        Self { client, places: Semaphore::new(MOST), names: Names::default() }
    }
}
