//! What the feed asks of the store.

use std::sync::Arc;
use tidewire_feed::{Answered, Asked, Log, Lookup};
use tidewire_model::{Action, Change, Epoch, Record, Seq};
use tidewire_rules::Residual;
use tidewire_store::{Snapshot, Store, StoreError};

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
    /// In one view of the store.
    fn ask(&self, asked: &[Asked<'_>]) -> Answered {
        let answered = self.0.read_here(|snapshot| {
            let mut holds = Vec::with_capacity(asked.len());
            for same in
                asked.chunk_by(|a, b| Arc::ptr_eq(a.image, b.image) && Arc::ptr_eq(a.change, b.change))
            {
                holds.extend(judge(snapshot, same));
            }
            Ok(Answered { head: snapshot.head()?, holds })
        });
        answered.unwrap_or_else(|error: StoreError| {
            tracing::error!(%error, "cannot judge rules");
            Answered::nothing(asked.len())
        })
    }
}

/// Questions about one image.
fn judge(snapshot: &Snapshot<'_>, asked: &[Asked<'_>]) -> Vec<Option<bool>> {
    match try_judge(snapshot, asked) {
        Ok(answers) => answers.into_iter().map(known).collect(),
        Err(error) => asked.iter().map(|_| known(Err(error.clone()))).collect(),
    }
}

fn try_judge(
    snapshot: &Snapshot<'_>,
    asked: &[Asked<'_>],
) -> Result<Vec<Result<bool, StoreError>>, StoreError> {
    let Some(Asked { image, change, .. }) = asked.first() else { return Ok(Vec::new()) };
    let gone = match change.action {
        Action::Delete => deleted(snapshot.changes_of(change.transaction)?),
        Action::Create | Action::Update => Vec::new(),
    };
    let gates: Vec<&Residual> = asked.iter().map(|asked| asked.gate).collect();
    snapshot.holds_each(&gates, image, &gone, change.at)
}

/// Nobody is shown what could not be judged.
fn known(answer: Result<bool, StoreError>) -> Option<bool> {
    answer.inspect_err(|error| tracing::error!(%error, "cannot judge a rule")).ok()
}

/// Parents that went in the same transaction still count when the deletion of a child is judged.
fn deleted(changes: Vec<Arc<Change>>) -> Vec<Arc<Record>> {
    let deletions = changes.into_iter().filter(|change| change.action == Action::Delete);
    deletions.filter_map(|change| change.old.clone()).collect()
}
