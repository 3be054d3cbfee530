use crate::collection::Collection;
use crate::record::Record;
use crate::tenant::TenantId;
use crate::time::Timestamp;
use crate::value::Value;
use std::sync::Arc;

/// Place of a change in the order of all commits of a store; dense, from 1.
pub type Seq = u64;
/// Random name of one life of a history: it changes when history does (restore, failover).
pub type Epoch = u64;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    Create,
    Update,
    Delete,
}

impl Action {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// Where a change stands: `offset` is dense per collection, `seq` over all collections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub epoch: Epoch,
    pub seq: Seq,
    pub offset: u64,
}

/// A committed fact about one record, with the record before and after.
#[derive(Clone, Debug)]
pub struct Change {
    pub position: Position,
    pub action: Action,
    pub collection: Arc<Collection>,
    pub tenant: TenantId,
    /// none for a create
    pub old: Option<Arc<Record>>,
    /// none for a delete
    pub new: Option<Arc<Record>>,
    /// "collectionId/recordId" of who did it, "" for guests and the system
    pub actor: Box<str>,
    pub at: Timestamp,
    /// changes of one write (with its cascades, or one batch) share it
    pub transaction: u64,
}

impl Change {
    /// The record that the change is about: the new image, or the last one of a deleted record.
    pub fn record(&self) -> &Arc<Record> {
        match (&self.new, &self.old) {
            (Some(new), _) => new,
            (None, Some(old)) => old,
            (None, None) => unreachable!("a change has at least one image"),
        }
    }

    /// About how many bytes it takes in memory, whoever else holds its images.
    pub fn weight(&self) -> usize {
        let images = [&self.old, &self.new].into_iter().flatten();
        let values = images.flat_map(|image| image.values.iter());
        size_of::<Self>() + values.map(Value::weight).sum::<usize>()
    }
}
