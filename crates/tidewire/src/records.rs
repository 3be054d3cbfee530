use crate::acts::Target;
use crate::server::Server;
use serde_json::Value as Json;
use tidewire_hooks::ActError;

/// Records of one collection of a server that runs.
pub struct Records<'a> {
    server: &'a Server,
    target: Target,
}

impl<'a> Records<'a> {
    pub(crate) fn new(server: &'a Server, target: Target) -> Self {
        Self { server, target }
    }

    pub async fn get(&self, id: &str) -> Result<Json, ActError> {
        self.server.act(self.target.get(id)).await
    }

    /// A page of those that a filter lets through; at most 1000.
    pub async fn list(&self, filter: &str, sort: &str, page: u64, per_page: u64) -> Result<Json, ActError> {
        self.server.act(self.target.list(filter, sort, page, per_page)).await
    }

    pub async fn create(&self, data: Json) -> Result<Json, ActError> {
        self.server.act(self.target.create(data)?).await
    }

    pub async fn update(&self, id: &str, data: Json) -> Result<Json, ActError> {
        self.server.act(self.target.update(id, data)?).await
    }

    pub async fn delete(&self, id: &str) -> Result<(), ActError> {
        self.server.act(self.target.delete(id)).await.map(drop)
    }
}
