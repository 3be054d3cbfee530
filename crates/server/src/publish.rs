//! What `publish` does.

use crate::command::{NO_SERVER, Outcome};
use serde_json::Value as Json;
use tidewire_model::TenantId;
use tidewire_pocketbase::realtime::publish::line;
use tidewire_records::account;
use tidewire_store::Store;

/// Blocks.
pub fn run(store: &Store, account: Option<&str>, topic: &str, data: &Json) -> Outcome {
    let tenant = tenant(store, account)?;
    let (name, data) = (topic.to_owned(), line(data));
    let published = store.write_blocking(move |tx| tx.publish(&tenant, &name, data));
    published.map(|()| format!("Published to {topic:?}.")).map_err(|error| error.to_string())
}

/// The same on a folder that no server runs on: a message that is kept is heard by those who come later.
pub fn run_alone(store: &Store, account: Option<&str>, topic: &str, data: &Json) -> Outcome {
    match store.catalog().topics().keeping(topic) {
        Some(_) => run(store, account, topic, data),
        None => Err(NO_SERVER.to_owned()),
    }
}

fn tenant(store: &Store, account: Option<&str>) -> Result<TenantId, String> {
    let Some(named) = account else { return Ok(TenantId::default()) };
    let found =
        store.read_here(|snapshot| account::find(snapshot, named)).map_err(|error| error.to_string())?;
    found.map(|account| account.id).ok_or_else(|| format!("there is no account {named:?}"))
}
