use crate::ConnectionId;
use hashbrown::{Equivalent, HashMap};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use tidewire_model::{Action, Catalog, Change, Identity, Principal, Record, TenantId, Timestamp};

/// The field whose change ends all sign-ins of a record.
const TOKEN_KEY: &str = "tokenKey";
/// The field that ends them for as long as it is true.
const DISABLED: &str = "accountDisabled";

/// Who is connected as which record, until when; and what lately became of such records.
#[derive(Default)]
pub(crate) struct Identities {
    connections: HashMap<Name, Vec<ConnectionId>>,
    expiries: BTreeSet<(Timestamp, ConnectionId)>,
    /// The newest image of records that changed lately, and token keys that died lately: whoever was authenticated just
    /// before such a change may arrive just after it.
    latest: HashMap<Name, Latest>,
    dead: HashMap<Box<str>, u32>,
    /// oldest first; bounds `latest` and `dead`
    recent: VecDeque<(Name, Option<Box<str>>)>,
    kept: usize,
}

struct Latest {
    /// none once deleted
    image: Option<Arc<Record>>,
    /// how often it stands in `recent`
    changes: u32,
}

/// Tenant, collection id and record id of somebody.
type Name = (TenantId, Box<str>, Box<str>);

/// The same, borrowed.
#[derive(Hash)]
struct Named<'a>(&'a TenantId, &'a str, &'a str);

impl<'a> Named<'a> {
    fn of(record: &'a Record) -> Self {
        Self(&record.tenant, &record.collection.id, record.id())
    }
}

impl Equivalent<Name> for Named<'_> {
    fn equivalent(&self, (tenant, collection, id): &Name) -> bool {
        self.0 == tenant && *self.1 == **collection && *self.2 == **id
    }
}

/// What a change of an auth record means to those who are signed in as it.
pub(crate) enum Fate {
    Renewed(Arc<Record>),
    Revoked,
}

impl Identities {
    /// `kept` changes of auth records are remembered.
    pub fn new(kept: usize) -> Self {
        Self { kept, ..Self::default() }
    }

    pub fn add(&mut self, id: ConnectionId, principal: &Principal) {
        let Some(identity) = principal.identity() else { return };
        self.connections.entry(name(&identity.record)).or_default().push(id);
        self.expiries.extend(identity.expires_at.map(|at| (at, id)));
    }

    pub fn remove(&mut self, id: ConnectionId, principal: &Principal) {
        let Some(identity) = principal.identity() else { return };
        let name = Named::of(&identity.record);
        if let Some(connections) = self.connections.get_mut(&name) {
            if let Some(at) = connections.iter().position(|known| *known == id) {
                connections.swap_remove(at);
            }
            if connections.is_empty() {
                self.connections.remove(&name);
            }
        }
        if let Some(at) = identity.expires_at {
            self.expiries.remove(&(at, id));
        }
    }

    /// What is known of somebody who arrives: the newest record, or `None` if the sign-in is no longer valid.
    pub fn admit(&self, principal: Principal, catalog: &Catalog, now: Timestamp) -> Option<Principal> {
        let Principal::Known(identity) = &principal else { return Some(principal) };
        let key = identity.record.text(TOKEN_KEY);
        let expired = identity.expires_at.is_some_and(|at| at <= now);
        if expired || !is_backed(identity, catalog) || (!key.is_empty() && self.dead.contains_key(key)) {
            return None;
        }
        match self.latest.get(&Named::of(&identity.record)).and_then(|latest| latest.image.as_ref()) {
            Some(record) if record.bool(DISABLED) => None,
            Some(record) if record.text(TOKEN_KEY) == key => Some(renewed(identity, record)),
            _ if identity.record.bool(DISABLED) => None,
            _ => Some(principal),
        }
    }

    /// Who is concerned by this change, and how. Remembers it for those who are on their way.
    pub fn follow(&mut self, change: &Change) -> Option<(Fate, Vec<ConnectionId>)> {
        if !change.collection.is_auth() {
            return None;
        }
        let (old_key, new_key) = (token_key(change.old.as_ref()), token_key(change.new.as_ref()));
        let name = name(change.record());
        let died = old_key.filter(|key| Some(*key) != new_key && !key.is_empty());
        self.remember(&name, died, change.new.as_ref());
        let fate = match &change.new {
            Some(record) if old_key == new_key && !record.bool(DISABLED) => Fate::Renewed(record.clone()),
            _ if change.action == Action::Create => return None,
            _ => Fate::Revoked,
        };
        Some((fate, self.connections.get(&name)?.clone()))
    }

    fn remember(&mut self, name: &Name, died: Option<&str>, image: Option<&Arc<Record>>) {
        let latest = self.latest.entry(name.clone()).or_insert(Latest { image: None, changes: 0 });
        latest.image = image.cloned();
        latest.changes += 1;
        if let Some(key) = died {
            *self.dead.entry(key.into()).or_default() += 1;
        }
        self.recent.push_back((name.clone(), died.map(Into::into)));
        while self.recent.len() > self.kept
            && let Some((name, died)) = self.recent.pop_front()
        {
            self.forget(&name, died.as_deref());
        }
    }

    fn forget(&mut self, name: &Name, died: Option<&str>) {
        if let Some(latest) = self.latest.get_mut(name) {
            latest.changes -= 1;
            if latest.changes == 0 {
                self.latest.remove(name);
            }
        }
        if let Some(key) = died
            && let Some(count) = self.dead.get_mut(key)
        {
            *count -= 1;
            if *count == 0 {
                self.dead.remove(key);
            }
        }
    }

    pub fn next_expiry(&self) -> Option<Timestamp> {
        self.expiries.first().map(|(at, _)| *at)
    }

    /// Somebody whose time is over.
    pub fn expired(&self, now: Timestamp) -> Option<ConnectionId> {
        self.expiries.first().filter(|(at, _)| *at <= now).map(|(_, id)| *id)
    }
}

/// False if the collection that vouched for it is gone, or has another secret.
pub(crate) fn is_backed(identity: &Identity, catalog: &Catalog) -> bool {
    let was = &identity.record.collection;
    let Some(is) = catalog.by_id(&was.id) else { return false };
    match (&was.auth, &is.auth) {
        (Some(was), Some(is)) => was.auth_token.secret == is.auth_token.secret,
        _ => false,
    }
}

/// The same sign-in with the record as it is now.
pub(crate) fn renewed(identity: &Identity, record: &Arc<Record>) -> Principal {
    Principal::Known(Arc::new(Identity { record: record.clone(), ..identity.clone() }))
}

fn name(record: &Record) -> Name {
    (record.tenant.clone(), record.collection.id.clone(), record.id().into())
}

fn token_key(image: Option<&Arc<Record>>) -> Option<&str> {
    image.map(|record| record.text(TOKEN_KEY))
}
