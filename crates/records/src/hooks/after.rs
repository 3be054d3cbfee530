//! Hooks after the commit: each group of them follows the log of changes by itself and calls its handlers at least once for
//! each change. A kill repeats at most what was called within the last second.

use crate::hooks::Retry;
use crate::hooks::cursors::Cursors;
use crate::hooks::follower::{Numbers, follow};
use parking_lot::{Condvar, Mutex};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tidewire_auth::Passwords;
use tidewire_hooks::Event;
use tidewire_model::Seq;
use tidewire_store::{Store, StoreError};

/// threads that follow
const MOST_GROUPS: usize = 256;
const AFTER: [Event; 3] = [Event::RecordAfterCreate, Event::RecordAfterUpdate, Event::RecordAfterDelete];

/// All groups that follow the log; cheap to clone.
#[derive(Clone)]
pub struct Followers {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub store: Store,
    pub passwords: Passwords,
    pub retry: Retry,
    pub cursors: Cursors,
    groups: Mutex<BTreeMap<Box<str>, Group>>,
    stopping: AtomicBool,
    /// threads that wait for a commit
    resting: AtomicUsize,
    lock: Mutex<()>,
    bell: Condvar,
}

struct Group {
    numbers: Arc<Numbers>,
    thread: JoinHandle<()>,
    /// its place goes with it
    forget: bool,
}

/// How far a group is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Follower {
    pub group: Box<str>,
    /// the last change that its hooks were called for
    pub place: Seq,
    /// changes that they were not called for yet
    pub lag: u64,
    pub calls: u64,
    pub retries: u64,
    pub given_up: u64,
}

impl Followers {
    /// Follows for all who are registered with the store's hooks, now and later. A group that was never seen before begins
    /// at the head.
    pub fn start(store: Store, passwords: Passwords, retry: Retry) -> Result<Self, StoreError> {
        let hooks = store.hooks().clone();
        let inner = Arc::new(Inner {
            cursors: Cursors::load(&store)?,
            store,
            passwords,
            retry,
            groups: Mutex::default(),
            stopping: AtomicBool::new(false),
            resting: AtomicUsize::new(0),
            lock: Mutex::new(()),
            bell: Condvar::new(),
        });
        let listening = Arc::downgrade(&inner);
        hooks.set_listener(move || {
            if let Some(inner) = listening.upgrade() {
                inner.look();
            }
        });
        inner.look();
        Ok(Self { inner })
    }

    /// To be called after each commit, on the writer's thread.
    pub fn ring(&self) {
        self.inner.ring();
    }

    /// Blocks until it is on disk where each group begins: from then on a crash loses none of them a change.
    pub fn rooted(&self) {
        let Inner { groups, lock, bell, .. } = &*self.inner;
        let all = || groups.lock().values().all(|group| group.numbers.rooted.load(Ordering::Acquire));
        let mut lock = lock.lock();
        while !self.inner.is_stopping() && !all() {
            bell.wait(&mut lock);
        }
    }

    /// A group that comes back under this name begins at the head.
    pub fn forget(&self, group: &str) {
        let mut groups = self.inner.groups.lock();
        match groups.get_mut(group) {
            // it may be about to say how far it is
            Some(running) => running.forget = true,
            None => self.inner.cursors.forget(group),
        }
    }

    pub fn list(&self) -> Vec<Follower> {
        let head = self.inner.store.head();
        let groups = self.inner.groups.lock();
        let list = groups.iter().map(|(group, Group { numbers, .. })| {
            let place = numbers.place.load(Ordering::Relaxed);
            Follower {
                group: group.clone(),
                place,
                lag: head.saturating_sub(place),
                calls: numbers.calls.load(Ordering::Relaxed),
                retries: numbers.retries.load(Ordering::Relaxed),
                given_up: numbers.given_up.load(Ordering::Relaxed),
            }
        });
        list.collect()
    }

    /// Lets the hooks that run end, and saves how far all are. Blocks for as long as one call may take.
    pub fn stop(&self) {
        let Inner { store, groups, stopping, .. } = &*self.inner;
        store.hooks().drop_listener();
        stopping.store(true, Ordering::Release);
        self.inner.wake_all();
        let running = std::mem::take(&mut *groups.lock());
        for (name, group) in running {
            if group.thread.join().is_err() {
                tracing::error!(group = &*name, "the thread of a group of after-hooks panicked");
            }
        }
        self.inner.cursors.save(store, true);
    }
}

impl Inner {
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Starts a thread for each group that has none.
    fn look(self: &Arc<Self>) {
        let hooks = self.store.hooks();
        let registered = AFTER.into_iter().flat_map(|event| hooks.registered(event));
        let names: BTreeSet<Box<str>> = registered.map(|registration| registration.group).collect();
        let mut groups = self.groups.lock();
        for name in names {
            if let Some(running) = groups.get_mut(&name) {
                running.forget = false;
                continue;
            }
            if self.is_stopping() {
                return;
            }
            if groups.len() >= MOST_GROUPS {
                tracing::error!(group = &*name, "too many groups of after-hooks: this one is not called");
                continue;
            }
            if let Some(group) = self.follow(&name) {
                groups.insert(name, group);
            }
        }
        drop(groups);
        // those that nobody is registered in any more see it and end
        self.wake_all();
    }

    /// A group that is new begins at the head, and must do so after a crash as well: what was committed since would be lost.
    pub fn root(&self, numbers: &Numbers) {
        self.cursors.save(&self.store, true);
        numbers.rooted.store(true, Ordering::Release);
        self.wake_all();
    }

    /// Whether nobody is registered in this group any more. Then its thread ends, and another may be started.
    pub fn leaves(&self, name: &str) -> bool {
        let hooks = self.store.hooks();
        let has =
            || AFTER.into_iter().any(|event| hooks.registered(event).iter().any(|one| *one.group == *name));
        if has() {
            return false;
        }
        let mut groups = self.groups.lock();
        // who registers looks for a running thread afterwards, under the same lock
        if has() {
            return false;
        }
        if groups.remove(name).is_some_and(|group| group.forget) {
            self.cursors.forget(name);
        }
        drop(groups);
        self.cursors.save(&self.store, true);
        true
    }

    fn follow(self: &Arc<Self>, name: &str) -> Option<Group> {
        let head = self.store.head();
        // a restored backup may be behind what was followed
        let place = self.cursors.get(name).map_or(head, |known| known.min(head));
        self.cursors.set(name, place);
        let numbers = Arc::new(Numbers { place: place.into(), ..Numbers::default() });
        let (inner, counting, group) = (self.clone(), numbers.clone(), name.to_owned());
        let thread = thread::Builder::new().name("hooks-after".into());
        match thread.spawn(move || follow(&inner, &group, &counting)) {
            Ok(thread) => Some(Group { numbers, thread, forget: false }),
            Err(error) => {
                tracing::error!(%error, group = name, "no thread for a group of after-hooks");
                None
            }
        }
    }

    fn ring(&self) {
        // the head was published before: who comes to rest after this look sees it
        fence(Ordering::SeqCst);
        if self.resting.load(Ordering::Relaxed) > 0 {
            self.wake_all();
        }
    }

    fn wake_all(&self) {
        drop(self.lock.lock());
        self.bell.notify_all();
    }

    /// Waits until there is something after `place`, or places are to be saved.
    pub fn rest(&self, place: Seq) {
        let due = self.cursors.due();
        let mut lock = self.lock.lock();
        self.resting.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if self.store.head() <= place && !self.is_stopping() {
            match due {
                Some(due) => drop(self.bell.wait_for(&mut lock, due)),
                None => self.bell.wait(&mut lock),
            }
        }
        self.resting.fetch_sub(1, Ordering::Relaxed);
        drop(lock);
        self.cursors.save(&self.store, false);
    }

    /// Waits this long, or until all end.
    pub fn pause(&self, pause: Duration) {
        let until = std::time::Instant::now() + pause;
        let mut lock = self.lock.lock();
        while !self.is_stopping() && !self.bell.wait_until(&mut lock, until).timed_out() {}
    }
}
