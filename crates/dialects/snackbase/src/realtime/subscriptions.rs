use crate::realtime::interest::CollectionInterest;
use std::sync::Arc;
use tidewire_feed::{Start, Subscription};

/// Distinct collections of one connection.
const MOST: usize = 100;
pub const TOO_MANY: &str = "Max subscriptions reached (100)";

/// What one connection listens to: each collection once.
#[derive(Default)]
pub struct Subscriptions(Vec<Arc<CollectionInterest>>);

impl Subscriptions {
    /// True if this collection may be among them.
    pub fn has_room_for(&self, collection: &str) -> bool {
        self.0.len() < MOST || self.place(collection).is_some()
    }

    /// Takes the place of what was wanted of the same collection.
    pub fn put(&mut self, interest: Arc<CollectionInterest>) {
        match self.place(&interest.wanted.collection) {
            Some(place) => self.0[place] = interest,
            None => self.0.push(interest),
        }
    }

    /// True if it was there.
    pub fn remove(&mut self, collection: &str) -> bool {
        let place = self.place(collection);
        if let Some(place) = place {
            self.0.remove(place);
        }
        place.is_some()
    }

    pub fn all(&self) -> impl Iterator<Item = &Arc<CollectionInterest>> {
        self.0.iter()
    }

    /// As the feed takes them: the one that is new begins at `start`, the others go on where they are.
    pub fn with_start(&self, new: &Arc<CollectionInterest>, start: Start) -> Vec<Subscription> {
        let mut start = Some(start);
        let subscriptions = self.0.iter().map(|interest| {
            let start = if Arc::ptr_eq(interest, new) { start.take() } else { None };
            subscription(interest, start.unwrap_or(Start::Now))
        });
        subscriptions.collect()
    }

    /// All go on where they are.
    pub fn as_they_are(&self) -> Vec<Subscription> {
        self.0.iter().map(|interest| subscription(interest, Start::Now)).collect()
    }

    fn place(&self, collection: &str) -> Option<usize> {
        self.0.iter().position(|interest| *interest.wanted.collection == *collection)
    }
}

pub fn subscription(interest: &Arc<CollectionInterest>, start: Start) -> Subscription {
    Subscription { name: interest.wanted.name(), interest: interest.clone(), start }
}
