use crate::class::{ClassSpec, guarded};
use crate::classes::{Classes, SeatId};
use crate::interest::{Interest, OnRevoked};
use crate::outbox::Outbox;
use crate::replay::Listener;
use std::sync::Arc;
use tidewire_model::{Catalog, Principal, Seq};

/// The hub's side of a connection.
pub(crate) struct Client {
    pub outbox: Arc<Outbox>,
    pub on_revoked: OnRevoked,
    pub principal: Principal,
    pub subscriptions: Vec<Held>,
}

/// A subscription with its seats in classes.
pub(crate) struct Held {
    pub name: Box<str>,
    pub interest: Arc<dyn Interest>,
    /// it gets changes after this one
    pub after: Seq,
    pub seats: Vec<SeatId>,
    /// not asked yet
    pub fresh: bool,
}

impl Client {
    /// Tells the session as well.
    pub fn become_principal(&mut self, principal: Principal) {
        *self.outbox.principal.lock() = principal.clone();
        self.principal = principal;
    }

    pub fn leave_all(&mut self, classes: &mut Classes) {
        for held in &mut self.subscriptions {
            held.leave(classes);
        }
    }

    /// Nothing up to `here` is told again to the subscriptions it has.
    pub fn freeze(&mut self, here: Seq, classes: &mut Classes) {
        for held in &mut self.subscriptions {
            if held.after < here {
                held.after = here;
                for seat in &held.seats {
                    classes.start_after(*seat, here);
                }
            }
        }
    }

    pub fn listeners(&self, classes: &Classes) -> Box<[Listener]> {
        let seats = self.subscriptions.iter().flat_map(|held| &held.seats);
        seats
            .filter_map(|seat| classes.at(*seat))
            .map(|(decision, after)| Listener { decision: decision.clone(), after })
            .collect()
    }
}

impl Held {
    /// Asks for its classes and changes seats. New ones are taken before the old are given up, so that classes live on.
    pub fn ask(
        &mut self,
        outbox: &Arc<Outbox>,
        principal: &Principal,
        classes: &mut Classes,
        catalog: &Arc<Catalog>,
    ) {
        let specs: Vec<ClassSpec> =
            guarded("interest", || self.interest.classes(catalog, principal)).unwrap_or_default();
        let after = self.after;
        self.fresh = false;
        let join = |spec| classes.join(spec, catalog.revision, outbox, after);
        let seats: Vec<SeatId> = specs.into_iter().map(join).collect();
        for seat in std::mem::replace(&mut self.seats, seats) {
            classes.leave(seat);
        }
    }

    pub fn leave(&mut self, classes: &mut Classes) {
        for seat in self.seats.drain(..) {
            classes.leave(seat);
        }
    }
}
