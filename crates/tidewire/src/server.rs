use crate::acts::Target;
use crate::records::Records;
use serde_json::Value as Json;
use std::net::SocketAddr;
use tidewire_hooks::{Act, ActError, Hands};
use tidewire_model::TenantId;
use tidewire_records::Asker;
use tidewire_records::hooks::StoreHands;
use tidewire_server::serve::Running;
use tidewire_store::Store;

/// A server that runs beside the program's own work.
pub struct Server {
    running: Running,
}

impl Server {
    pub(crate) fn new(running: Running) -> Self {
        Self { running }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.running.address
    }

    pub fn store(&self) -> &Store {
        self.running.store()
    }

    /// Records of a collection, without rules.
    pub fn records(&self, collection: &str) -> Records<'_> {
        Records::new(self, Target { collection: collection.to_owned(), rules: false })
    }

    /// To everyone who is subscribed to exactly this topic.
    pub async fn publish(&self, topic: &str, data: impl Into<Json>) -> Result<(), ActError> {
        self.act(Act::Publish { topic: topic.to_owned(), data: data.into() }).await.map(drop)
    }

    /// Anything that a hook can do, as the server itself.
    pub async fn act(&self, act: Act) -> Result<Json, ActError> {
        let mut hands = self.hands(&TenantId::default());
        let acting = tokio::task::spawn_blocking(move || hands.act(act));
        acting.await.unwrap_or_else(|_| Err(ActError::new(500, "the act panicked")))
    }

    /// Hands in a tenant, for threads that may be blocked.
    pub fn hands(&self, tenant: &TenantId) -> StoreHands {
        let store = self.running.store().clone();
        let asker = Asker::system(&store.catalog(), tenant);
        StoreHands::new(store, self.running.passwords().clone(), asker)
    }

    /// Until the process is told to end, by SIGINT or SIGTERM.
    pub async fn until_signal(&self) -> anyhow::Result<()> {
        self.running.until_signal().await
    }

    /// Lets requests and hooks end, and closes the folder: afterwards it can be opened again.
    pub async fn stop(self) {
        let store = self.running.store().clone();
        self.running.stop().await;
        // a panic of the store's own threads is logged by it
        let _ = tokio::task::spawn_blocking(move || store.close()).await;
    }
}
