//! What the feed asks of the store.

use std::sync::Arc;
use tidewire_feed::{Log, Lookup};
use tidewire_model::{Action, Change, Epoch, Record, Seq};
use tidewire_rules::Residual;
use tidewire_store::{Store, StoreError};

/// The store as the feed's log and last resort.
#[derive(Clone)]
pub struct StoreLog(pub Store);

impl Log for StoreLog {
    fn epoch(&self) -> Epoch {
        self.0.epoch()
    }

    fn head(&self) -> Seq {
        self.0.head()
    }

    fn floor(&self) -> Seq {
        self.0.floor()
    }

    fn read(&self, after: Seq, limit: usize) -> Vec<Arc<Change>> {
        self.0.read_here(|snapshot| snapshot.changes_after(after, limit)).unwrap_or_else(|error| {
            tracing::error!(%error, after, "cannot read the log of changes");
            Vec::new()
        })
    }
}

impl Lookup for StoreLog {
    /// An error counts as no: nobody is shown what could not be judged.
    fn holds(&self, gate: &Residual, image: &Record, change: &Change) -> bool {
        let judged = self.0.read_here(|snapshot| {
            let gone = match change.action {
                Action::Delete => deleted(snapshot.changes_of(change.transaction)?),
                Action::Create | Action::Update => Vec::new(),
            };
            snapshot.holds(gate, image, &gone)
        });
        judged.unwrap_or_else(|error: StoreError| {
            tracing::error!(%error, "cannot judge a rule");
            false
        })
    }
}

/// Parents that went in the same transaction still count when the deletion of a child is judged.
fn deleted(changes: Vec<Arc<Change>>) -> Vec<Arc<Record>> {
    let deletions = changes.into_iter().filter(|change| change.action == Action::Delete);
    deletions.filter_map(|change| change.old.clone()).collect()
}
