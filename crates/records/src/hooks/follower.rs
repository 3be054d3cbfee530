//! One group of after-hooks on its way through the log.

use crate::hooks::after::Inner;
use crate::hooks::hands::StoreHands;
use crate::hooks::image::image;
use crate::hooks::occasion::{by, is_seen, operation};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use tidewire_hooks::{Event, HookError, Occasion, Registration};
use tidewire_model::{Action, Catalog, Change, Seq};
use tidewire_store::StoreError;

/// changes read at a time
const PAGE: usize = 256;

/// What is told of a group.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    pub place: AtomicU64,
    pub calls: AtomicU64,
    pub retries: AtomicU64,
    pub given_up: AtomicU64,
    /// where it began is on disk
    pub rooted: AtomicBool,
}

/// Follows until nobody is registered in the group any more, or all end.
pub(crate) fn follow(inner: &Inner, group: &str, numbers: &Numbers) {
    let mut walk = Walk { inner, group, numbers };
    inner.root(numbers);
    while !inner.is_stopping() && !inner.leaves(group) {
        match walk.page() {
            Ok(true) => inner.cursors.save(&inner.store, false),
            Ok(false) => inner.rest(walk.place()),
            Err(error) => {
                tracing::error!(%error, group, "after-hooks cannot read the log of changes");
                inner.pause(inner.retry.longest);
            }
        }
    }
}

struct Walk<'a> {
    inner: &'a Inner,
    group: &'a str,
    numbers: &'a Numbers,
}

impl Walk<'_> {
    fn place(&self) -> Seq {
        self.numbers.place.load(Relaxed)
    }

    /// Calls the hooks for the next changes. False if there are none.
    fn page(&mut self) -> Result<bool, StoreError> {
        let place = self.place();
        if place >= self.inner.store.head() {
            return Ok(false);
        }
        let store = &self.inner.store;
        let (changes, catalog) = store.read_here(|snapshot| {
            Ok::<_, StoreError>((snapshot.changes_after(place, PAGE)?, snapshot.catalog().clone()))
        })?;
        let first = changes.first().map_or_else(|| store.floor() + 1, |change| change.position.seq);
        if first > place + 1 {
            let (lost, group) = (first - place - 1, self.group);
            tracing::error!(group, lost, after = place, "changes were deleted before after-hooks saw them");
            self.reach(first - 1);
        }
        for change in &changes {
            if self.inner.is_stopping() || !self.change(&catalog, change) {
                return Ok(true);
            }
            self.reach(change.position.seq);
        }
        Ok(true)
    }

    fn reach(&self, place: Seq) {
        self.numbers.place.store(place, Relaxed);
        self.inner.cursors.set(self.group, place);
    }

    /// Calls those that asked for this change. False if it must be done again after a restart.
    fn change(&self, catalog: &Arc<Catalog>, change: &Change) -> bool {
        let (event, name) = (Event::after(change.action), &change.collection.name);
        if !is_seen(&change.collection) || !self.inner.store.hooks().has_for(event, name) {
            return true;
        }
        let mut concerned = self.inner.store.hooks().registered(event);
        concerned.retain(|one| &*one.group == self.group && one.concerns(Some(name)));
        if concerned.is_empty() {
            return true;
        }
        let occasion = occasion(catalog, event, change);
        concerned.iter().all(|registration| self.tries(registration, &occasion, change))
    }

    fn tries(&self, registration: &Registration, occasion: &Occasion, change: &Change) -> bool {
        let mut failed = 0;
        loop {
            let Inner { store, passwords, .. } = self.inner;
            let (store, passwords) = (store.clone(), passwords.clone());
            let mut hands = StoreHands::of_actor(store, passwords, change.tenant.clone(), &change.actor);
            self.numbers.calls.fetch_add(1, Relaxed);
            let Err(error) = registration.call(&mut occasion.clone(), &mut hands) else { return true };
            failed += 1;
            let (hook, position) = (&*registration.name, change.position.seq);
            let pause = self.inner.retry.pause_after(failed).filter(|_| !is_refusal(&error));
            let Some(pause) = pause else {
                tracing::error!(hook, position, failed, %error, "an after-hook was given up");
                self.numbers.given_up.fetch_add(1, Relaxed);
                return true;
            };
            tracing::warn!(hook, position, failed, %error, "an after-hook failed and is called again");
            self.numbers.retries.fetch_add(1, Relaxed);
            self.inner.pause(pause);
            if self.inner.is_stopping() {
                return false;
            }
        }
    }
}

/// What has happened cannot be refused: then it is of no use to ask again.
fn is_refusal(error: &HookError) -> bool {
    matches!(error, HookError::Abort(_))
}

fn occasion(catalog: &Arc<Catalog>, event: Event, change: &Change) -> Occasion {
    let (user_id, auth) = by(catalog, &change.actor);
    let mut occasion = Occasion::new(event, change.tenant.clone())
        .of(&change.collection.name)
        .with("operation", operation(change.action))
        .with("user_id", user_id)
        .with("account_id", change.tenant.as_str())
        .with("auth", auth)
        .with("position", change.position.seq)
        .with("at", change.at.to_text())
        .with("transaction", change.transaction);
    let record = change.new.as_ref().or(change.old.as_ref());
    if let Some(record) = record {
        occasion = occasion.with("record", image(catalog, record));
    }
    match &change.old {
        Some(old) if change.action == Action::Update => occasion.with("old", image(catalog, old)),
        _ => occasion,
    }
}
