use crate::ConnectionId;
use crate::client::{Client, Held};
use crate::hub::Hub;
use crate::identities::{Fate, is_backed, renewed};
use crate::interest::{Ending, OnRevoked, Start, Subscription};
use crate::outbox::Outbox;
use hashbrown::{HashMap, HashSet};
use std::sync::Arc;
use tidewire_model::{Catalog, Change, Collection, Principal, Seq, Timestamp};

/// Who is there, as whom, and with which subscriptions.
impl Hub {
    pub fn connect(&mut self, outbox: Arc<Outbox>, on_revoked: OnRevoked) {
        let client = Client { outbox, on_revoked, principal: Principal::Guest, subscriptions: Vec::new() };
        self.clients.insert(client.outbox.id, client);
    }

    pub fn disconnect(&mut self, id: ConnectionId, ending: Ending) {
        let Some(mut client) = self.clients.remove(&id) else { return };
        self.counters.connections.subtract(1);
        self.leave_room(id);
        client.outbox.close(ending);
        self.identities.remove(id, &client.principal);
        self.subscribed -= client.subscriptions.len();
        client.leave_all(&mut self.classes);
        self.waste.throw(client, self.classes.dead());
        self.count();
    }

    /// Replaces principal and subscriptions.
    pub fn set(&mut self, id: ConnectionId, principal: Principal, subscriptions: Vec<Subscription>) {
        let now = Timestamp::now();
        let ending = if is_over(&principal, now) { Ending::Expired } else { Ending::Revoked };
        let admitted = self.identities.admit(principal, &self.catalog, now);
        let Some(client) = self.clients.get_mut(&id) else { return };
        let principal = match (admitted, client.on_revoked) {
            (Some(principal), _) => principal,
            (None, OnRevoked::BecomeGuest) => Principal::Guest,
            (None, OnRevoked::Close) => return self.disconnect(id, ending),
        };
        let asks_again = !is_equal(&client.principal, &principal);
        self.identities.remove(id, &client.principal);
        self.identities.add(id, &principal);
        client.become_principal(principal);

        let here = client.outbox.interrupt().unwrap_or(self.position);
        client.freeze(here, &mut self.classes);
        self.subscribed -= client.subscriptions.len();
        let gone = replace(client, subscriptions, self.position);
        self.subscribed += client.subscriptions.len();
        for held in client.subscriptions.iter_mut().filter(|held| asks_again || held.fresh) {
            held.ask(&client.outbox, &client.principal, &mut self.classes, &self.catalog);
        }
        // only now, so that a class lives on if its last member comes back
        for mut held in gone.into_values() {
            held.leave(&mut self.classes);
        }
        self.settle(id);
        self.count();
    }

    /// Brings every principal in line with a change of its record, before the change is matched.
    pub fn follow_identities(&mut self, change: &Change) {
        let Some((fate, concerned)) = self.identities.follow(change) else { return };
        for id in concerned {
            match &fate {
                Fate::Revoked => self.revoke(id, Ending::Revoked),
                Fate::Renewed(record) => {
                    let Some(client) = self.clients.get_mut(&id) else { continue };
                    if let Principal::Known(identity) = &client.principal {
                        let principal = renewed(identity, record);
                        client.become_principal(principal);
                    }
                    self.ask_again(id);
                }
            }
        }
    }

    /// New definitions: sign-ins that they no longer back end, and every interest is asked again.
    pub fn redefine(&mut self, catalog: Arc<Catalog>) {
        // a new collection may get the id of a deleted one: the log tells their changes apart, the ring does not
        let is_kept =
            |old: &Arc<Collection>| catalog.by_id(&old.id).is_some_and(|new| new.created == old.created);
        if !self.catalog.all().iter().all(is_kept) {
            self.ring.clear();
        }
        self.catalog = catalog;
        let everybody: Vec<ConnectionId> = self.clients.keys().copied().collect();
        for id in everybody {
            let principal = self.clients.get(&id).map(|client| &client.principal);
            match principal.and_then(Principal::identity) {
                Some(identity) if !is_backed(identity, &self.catalog) => {
                    self.revoke(id, Ending::Revoked);
                }
                _ => self.ask_again(id),
            }
        }
    }

    /// Revokes whoever's time is over.
    pub fn expire(&mut self) {
        if self.identities.next_expiry().is_none() {
            return;
        }
        let now = Timestamp::now();
        while let Some(id) = self.identities.expired(now) {
            self.revoke(id, Ending::Expired);
        }
    }

    fn revoke(&mut self, id: ConnectionId, ending: Ending) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        self.counters.revoked.add(1);
        if client.on_revoked == OnRevoked::Close {
            return self.disconnect(id, ending);
        }
        self.identities.remove(id, &client.principal);
        client.become_principal(Principal::Guest);
        self.ask_again(id);
    }

    fn ask_again(&mut self, id: ConnectionId) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        // a replay under way decides by the old answers
        let behind = client.outbox.interrupt();
        if let Some(here) = behind {
            client.freeze(here, &mut self.classes);
        }
        for held in &mut client.subscriptions {
            held.ask(&client.outbox, &client.principal, &mut self.classes, &self.catalog);
        }
        if behind.is_some() {
            self.settle(id);
        }
        self.count();
    }

    fn count(&self) {
        self.counters.subscriptions.set(self.subscribed as u64);
        self.counters.classes.set(self.classes.len() as u64);
    }
}

/// Puts `wanted` in the place of what the client holds, and returns what it no longer holds.
fn replace(client: &mut Client, wanted: Vec<Subscription>, position: Seq) -> HashMap<Box<str>, Held> {
    let mut old: HashMap<Box<str>, Held> =
        client.subscriptions.drain(..).map(|held| (held.name.clone(), held)).collect();
    let mut names = HashSet::with_capacity(wanted.len());
    for Subscription { name, interest, start } in wanted {
        if !names.insert(name.clone()) {
            continue;
        }
        let after = match start {
            Start::Now => {
                if let Some(held) = old.remove(&name) {
                    client.subscriptions.push(held);
                    continue;
                }
                position
            }
            Start::After { seq, preface } => {
                preface.into_iter().for_each(|frame| client.outbox.push_own(frame));
                seq
            }
        };
        client.subscriptions.push(Held { name, interest, after, seats: Vec::new(), fresh: true });
    }
    client.subscriptions.shrink_to_fit();
    old
}

fn is_over(principal: &Principal, now: Timestamp) -> bool {
    principal.identity().and_then(|identity| identity.expires_at).is_some_and(|at| at <= now)
}

/// True if no interest can tell the two apart.
fn is_equal(a: &Principal, b: &Principal) -> bool {
    match (a, b) {
        (Principal::Guest, Principal::Guest) => true,
        (Principal::Known(a), Principal::Known(b)) => {
            a.superuser == b.superuser
                && a.tenant == b.tenant
                && a.record.tenant == b.record.tenant
                && Arc::ptr_eq(&a.record.collection, &b.record.collection)
                && a.record.values == b.record.values
        }
        _ => false,
    }
}
