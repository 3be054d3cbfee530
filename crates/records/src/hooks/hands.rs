//! What handlers can do: inside of the transaction of a write, or on the store as anybody else.

use crate::hooks::act;
use crate::hooks::image::{confirmed, hashed_here};
use crate::{Asker, Body, Prepared, prepare};
use serde_json::Value as Json;
use std::sync::Arc;
use tidewire_auth::Passwords;
use tidewire_hooks::{Act, ActError, Hands, Hooks};
use tidewire_model::{Catalog, Collection, Identity, Principal, TenantId};
use tidewire_store::{Part, Store, StoreError, Tx, block_on};

/// Reads and writes of user code in one job.
const MOST_ACTS: u32 = 10_000;

/// Works in the transaction of the record that a before-hook is called for.
pub(crate) struct TxHands<'t, 'a> {
    tx: &'t mut Tx<'a>,
    asker: &'t Asker,
    /// from the first act on that writes
    part: Option<Part>,
    /// it has read or written, so what it did depends on the transaction
    worked: bool,
}

impl<'t, 'a> TxHands<'t, 'a> {
    pub fn new(tx: &'t mut Tx<'a>, asker: &'t Asker) -> Self {
        Self { tx, asker, part: None, worked: false }
    }

    /// Whether it has read or written. What it wrote is undone unless it is to be kept.
    pub fn end(self, keep: bool) -> Result<bool, StoreError> {
        if let Some(part) = self.part {
            self.tx.end_part(part, keep)?;
        }
        Ok(self.worked)
    }

    fn admit(&mut self, act: &Act) -> Result<(), ActError> {
        if self.tx.waits() {
            return Err(ActError::new(503, "the write waits for a hook elsewhere, and will be done again"));
        }
        let nesting = self.tx.nesting();
        nesting.acts += 1;
        if nesting.acts > MOST_ACTS {
            return Err(ActError::new(429, format!("hooks did more than {MOST_ACTS} things in one write")));
        }
        let speaks = matches!(act, Act::Say { .. } | Act::Broadcast { .. });
        let reads = matches!(act, Act::Get { .. } | Act::List { .. } | Act::Setting { .. });
        self.worked |= !speaks;
        if !speaks && !reads && self.part.is_none() {
            self.part = Some(self.tx.begin_part().map_err(act::broken)?);
        }
        Ok(())
    }
}

impl Hands for TxHands<'_, '_> {
    fn act(&mut self, act: Act) -> Result<Json, ActError> {
        self.admit(&act)?;
        let asker = as_told(&act, self.asker, self.tx.catalog());
        match act {
            Act::Get { .. } | Act::List { .. } | Act::Setting { .. } => act::read(self.tx, &asker, act),
            Act::Create { .. } | Act::Update { .. } | Act::Delete { .. } => {
                let hash =
                    |collection: &Collection, body| hashed_here(collection, confirmed(collection, body));
                act::write(self.tx, &asker, act, hash)
            }
            Act::Publish { topic, data } => act::publish(self.tx, &asker.tenant, &topic, &data),
            Act::Say { .. } | Act::Broadcast { .. } => speak(&self.tx.hooks(), &asker.tenant, act),
        }
    }

    fn broken_off(&self) -> bool {
        self.tx.waits()
    }
}

/// Works on the store, each act in a transaction of its own. Its thread is blocked meanwhile.
#[derive(Clone)]
pub struct StoreHands {
    store: Store,
    passwords: Passwords,
    who: Who,
}

/// Whom the acts with `rules` are for.
#[derive(Clone)]
enum Who {
    Asker(Box<Asker>),
    /// looked up when it is needed: the actor of a change
    Actor {
        tenant: TenantId,
        actor: Box<str>,
    },
}

impl StoreHands {
    pub fn new(store: Store, passwords: Passwords, asker: Asker) -> Self {
        Self { store, passwords, who: Who::Asker(Box::new(asker)) }
    }

    /// On behalf of the actor of a change, as it is now; of a guest if it is gone.
    pub(crate) fn of_actor(store: Store, passwords: Passwords, tenant: TenantId, actor: &str) -> Self {
        Self { store, passwords, who: Who::Actor { tenant, actor: actor.into() } }
    }

    fn asker(&self) -> Result<Asker, ActError> {
        let (tenant, actor) = match &self.who {
            Who::Asker(asker) => return Ok(Asker::clone(asker)),
            Who::Actor { tenant, actor } => (tenant, actor),
        };
        let found = self.store.read_here(|snapshot| {
            let parts = actor.split_once('/').filter(|(_, id)| !id.is_empty());
            let Some((collection, id)) = parts else { return Ok(None) };
            let Some(collection) = snapshot.catalog().by_id(collection).cloned() else { return Ok(None) };
            let home = if collection.is_superusers() { TenantId::default() } else { tenant.clone() };
            snapshot.get(&collection, &home, id)
        });
        let principal = match found.map_err(act::broken)? {
            Some(record) => {
                let superuser = record.collection.is_superusers();
                let tenant = record.tenant.clone();
                let identity = Identity { record, superuser, tenant, expires_at: None };
                Principal::Known(Arc::new(identity))
            }
            None => Principal::Guest,
        };
        Ok(Asker { principal, tenant: tenant.clone(), context: "default", ..Asker::default() })
    }

    fn write(&self, asker: Asker, act: Act) -> Result<Json, ActError> {
        let prepared = match &act {
            Act::Create { collection, data, .. } => self.prepare(&asker, collection, None, data)?,
            Act::Update { collection, id, data, .. } => self.prepare(&asker, collection, Some(id), data)?,
            _ => Prepared::default(),
        };
        let written =
            self.store.write_blocking(move |tx| act::write(tx, &asker, act, |_, _| prepared).map_err(Failed));
        written.map_err(|failed| failed.0)
    }

    /// Hashes passwords where all are hashed.
    fn prepare(
        &self,
        asker: &Asker,
        name: &str,
        id: Option<&str>,
        data: &Body,
    ) -> Result<Prepared, ActError> {
        let collection = act::collection(&self.store.catalog(), &asker.tenant, name)?;
        let body = confirmed(&collection, data.clone());
        let preparing = prepare::prepare(&self.store, &self.passwords, asker, &collection, id, body);
        block_on(preparing).map_err(act::refusal)
    }
}

impl Hands for StoreHands {
    fn act(&mut self, act: Act) -> Result<Json, ActError> {
        let asker = as_told(&act, &self.asker()?, &self.store.catalog());
        match act {
            Act::Get { .. } | Act::List { .. } | Act::Setting { .. } => {
                let read = self.store.read_here(|snapshot| act::read(snapshot, &asker, act).map_err(Failed));
                read.map_err(|failed| failed.0)
            }
            Act::Create { .. } | Act::Update { .. } | Act::Delete { .. } => self.write(asker, act),
            Act::Publish { topic, data } => {
                let published = self
                    .store
                    .write_blocking(move |tx| act::publish(tx, &asker.tenant, &topic, &data).map_err(Failed));
                published.map_err(|failed| failed.0)
            }
            Act::Say { .. } | Act::Broadcast { .. } => speak(self.store.hooks(), &asker.tenant, act),
        }
    }
}

/// An act that was not done, or a store that could not do it.
struct Failed(ActError);

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self(act::broken(error))
    }
}

/// The asker itself where its rules are to hold, else the server.
fn as_told(act: &Act, asker: &Asker, catalog: &Catalog) -> Asker {
    let rules = match act {
        Act::Get { rules, .. }
        | Act::List { rules, .. }
        | Act::Create { rules, .. }
        | Act::Update { rules, .. }
        | Act::Delete { rules, .. } => *rules,
        _ => false,
    };
    if rules {
        asker.clone()
    } else {
        Asker { language: asker.language, ..Asker::system(catalog, &asker.tenant) }
    }
}

fn speak(hooks: &Hooks, tenant: &TenantId, act: Act) -> Result<Json, ActError> {
    let voice = hooks.voice().ok_or_else(|| ActError::new(503, "nobody can be spoken to here"))?;
    match act {
        Act::Say { room, data } => voice.say(tenant, &room, data)?,
        Act::Broadcast { event, data } => voice.broadcast(tenant, &event, data)?,
        _ => return Err(ActError::new(500, "this is no speaking")),
    }
    Ok(Json::Null)
}
