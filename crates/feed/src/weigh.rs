use crate::hub::Hub;

/// What waits for connections and is kept for them at one moment: looked up by the hub when somebody asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// collections, records and names that somebody listens to
    pub topics: u64,
    /// bytes that wait in all outboxes; shared frames count for each
    pub outbox_bytes: u64,
    /// bytes of the fullest outbox
    pub outbox_largest: u64,
    /// connections that are served from the log
    pub behind: u64,
    /// bytes of messages that wait for connections which are behind
    pub held_bytes: u64,
    /// changes kept in memory
    pub ring: u64,
    /// bytes of messages that rooms keep
    pub history_bytes: u64,
}

impl Hub {
    /// Costs a look at each outbox.
    pub fn weigh(&self) -> Weight {
        let mut weight = Weight {
            topics: self.classes.topics() as u64,
            ring: self.ring.len() as u64,
            history_bytes: self.rooms.history_bytes() as u64,
            ..Weight::default()
        };
        for client in self.clients.values() {
            let waiting = client.outbox.waiting();
            weight.outbox_bytes += waiting.bytes as u64;
            weight.outbox_largest = weight.outbox_largest.max(waiting.bytes as u64);
            weight.behind += u64::from(waiting.held.is_some());
            weight.held_bytes += waiting.held.unwrap_or(0) as u64;
        }
        weight
    }
}
