//! Hooks in JavaScript, and what all hooks are told of the server itself.

use crate::app::App;
use crate::config::Config;
use anyhow::Context;
use std::net::SocketAddr;
use std::sync::Arc;
use tidewire_auth::Passwords;
use tidewire_hooks::{Event, Hands, Occasion};
use tidewire_model::TenantId;
use tidewire_outbound::{Client, Policy};
use tidewire_records::Asker;
use tidewire_records::hooks::StoreHands;
use tidewire_scripts::Scripts;
use tidewire_store::Store;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// Reads the folder; an error in a file is one here, for a hook that is missing refuses nothing.
pub async fn start(app: &App, config: &Config) -> anyhow::Result<Scripts> {
    let (hooks, options, tokio) = (app.store.hooks().clone(), config.scripts.clone(), Handle::current());
    let policy = Policy { private: config.private_addresses, ..Policy::default() };
    let client = Client::trusting(&config.roots, policy);
    let (store, passwords) = (app.store.clone(), app.passwords.clone());
    let starting = tokio::task::spawn_blocking(move || {
        let maker = Arc::new(move || hands(&store, &passwords));
        Scripts::start(hooks, options, client, tokio, maker)
    });
    starting.await?.with_context(|| format!("hooks in {}", config.scripts.folder.display()))
}

/// Calls the handlers of `start` or `stop`.
pub fn tell(app: &App, event: Event, address: SocketAddr) -> JoinHandle<()> {
    let (hooks, mut hands) = (app.store.hooks().clone(), hands(&app.store, &app.passwords));
    tokio::task::spawn_blocking(move || {
        let mut occasion = Occasion::new(event, TenantId::default()).with("address", address.to_string());
        // neither can be refused, and failures are in the log
        let _ = hooks.call(&mut occasion, &mut *hands);
    })
}

/// For what happens on behalf of nobody.
fn hands(store: &Store, passwords: &Passwords) -> Box<dyn Hands + Send> {
    Box::new(StoreHands::new(store.clone(), passwords.clone(), Asker::default()))
}
