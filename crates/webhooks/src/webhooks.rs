use crate::call::Caller;
use crate::{Fail, Hook, WebhookError, draft, shelf};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tidewire_hooks::{Elsewhere, Event, HookId, Hooks, Registration};
use tidewire_outbound::Client;
use tidewire_records::hooks::Followers;
use tidewire_store::{Store, StoreError};
use tokio::runtime::Handle;
use tokio::sync::Mutex;

/// Definitions in all.
const MOST: usize = 100;

/// All hooks over HTTP of one server; cheap to clone.
#[derive(Clone)]
pub struct Webhooks {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    client: Client,
    followers: Followers,
    runtime: Handle,
    /// one change at a time
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    hooks: Vec<Hook>,
    registered: BTreeMap<String, Vec<HookId>>,
}

impl Webhooks {
    /// Registers what is kept in the store. `runtime` is where requests are sent from.
    pub fn open(
        store: Store,
        client: Client,
        followers: Followers,
        runtime: Handle,
    ) -> Result<Self, WebhookError> {
        let hooks = shelf::load(&store)?;
        let mut state = State::default();
        let inner = Inner { store, client, followers, runtime, state: Mutex::default() };
        for hook in &hooks {
            state.registered.insert(hook.id.clone(), inner.register(hook));
        }
        state.hooks = hooks;
        Ok(Self { inner: Arc::new(Inner { state: Mutex::new(state), ..inner }) })
    }

    /// Takes all of them out of the registry, which may outlive the store.
    pub async fn close(&self) {
        let registered = std::mem::take(&mut self.inner.state.lock().await.registered);
        registered.into_values().flatten().for_each(|id| self.inner.store.hooks().unregister(id));
    }

    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    pub async fn list(&self) -> Vec<Hook> {
        self.inner.state.lock().await.hooks.clone()
    }

    pub async fn get(&self, id: &str) -> Result<Hook, WebhookError> {
        let state = self.inner.state.lock().await;
        state.hooks.iter().find(|hook| hook.id == id).cloned().ok_or(WebhookError::Missing)
    }

    pub async fn create(&self, body: &Map<String, Json>) -> Result<Hook, WebhookError> {
        let mut hook = draft::empty();
        draft::lay_over(&mut hook, body)?;
        let mut state = self.inner.state.lock().await;
        if state.hooks.len() >= MOST {
            return Err(WebhookError::TooMany(MOST));
        }
        let mut hooks = state.hooks.clone();
        hooks.push(hook.clone());
        self.inner.change(&mut state, hooks, &hook.id).await?;
        Ok(hook)
    }

    /// Tells as well whether the hook has another secret now.
    pub async fn update(&self, id: &str, body: &Map<String, Json>) -> Result<(Hook, bool), WebhookError> {
        let mut state = self.inner.state.lock().await;
        let mut hooks = state.hooks.clone();
        let hook = hooks.iter_mut().find(|hook| hook.id == id).ok_or(WebhookError::Missing)?;
        let renewed = draft::lay_over(hook, body)?;
        let changed = hook.clone();
        self.inner.change(&mut state, hooks, id).await?;
        Ok((changed, renewed))
    }

    pub async fn delete(&self, id: &str) -> Result<(), WebhookError> {
        let mut state = self.inner.state.lock().await;
        let mut hooks = state.hooks.clone();
        hooks.retain(|hook| hook.id != id);
        if hooks.len() == state.hooks.len() {
            return Err(WebhookError::Missing);
        }
        self.inner.change(&mut state, hooks, id).await
    }
}

impl Inner {
    /// Saves, then lets it hold: no event meets neither the old nor the new definition.
    async fn change(&self, state: &mut State, hooks: Vec<Hook>, id: &str) -> Result<(), WebhookError> {
        let saved = hooks.clone();
        self.store.write(move |tx| shelf::save(tx, &saved)).await?;
        let new = hooks.iter().find(|hook| hook.id == id);
        let registered = new.map(|hook| self.register(hook)).unwrap_or_default();
        for old in state.registered.remove(id).unwrap_or_default() {
            self.store.hooks().unregister(old);
        }
        // what happens while it is off it is never told
        let follows = new.is_some_and(|hook| hook.enabled && hook.events().any(is_after));
        if !follows {
            self.followers.forget(&format!("http:{id}"));
        }
        state.registered.insert(id.to_owned(), registered);
        state.registered.retain(|_, ids| !ids.is_empty());
        state.hooks = hooks;
        // whoever is told that it holds may count on being told of what is committed from then on, whatever happens
        let followers = self.followers.clone();
        let rooted = tokio::task::spawn_blocking(move || followers.rooted()).await;
        rooted.map_err(|_| StoreError::Closed.into())
    }

    fn register(&self, hook: &Hook) -> Vec<HookId> {
        if !hook.enabled {
            return Vec::new();
        }
        let hooks: &Hooks = self.store.hooks();
        let (client, runtime) = (self.client.clone(), self.runtime.clone());
        let handler = Arc::new(Caller { hook: hook.clone(), client, runtime });
        let each = hook.events().map(|event| {
            hooks.register(Registration {
                collection: (!hook.collection.is_empty()).then(|| hook.collection.as_str().into()),
                priority: hook.priority,
                stop_on_error: hook.fail == Fail::Closed,
                elsewhere: is_before(event).then(|| handler.clone() as Arc<dyn Elsewhere>),
                group: hook.group().into(),
                ..Registration::new(event, &format!("http {}", hook.name), handler.clone())
            })
        });
        each.collect()
    }
}

/// A slow receiver must not hold the one writer.
fn is_before(event: Event) -> bool {
    matches!(event, Event::RecordBeforeCreate | Event::RecordBeforeUpdate | Event::RecordBeforeDelete)
}

fn is_after(event: Event) -> bool {
    matches!(event, Event::RecordAfterCreate | Event::RecordAfterUpdate | Event::RecordAfterDelete)
}
