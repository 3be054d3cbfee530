use crate::record::Record;
use crate::tenant::TenantId;
use crate::time::Timestamp;
use std::sync::Arc;

/// Who is asking.
#[derive(Clone, Debug, Default)]
pub enum Principal {
    #[default]
    Guest,
    Known(Arc<Identity>),
}

/// A signed-in record of an auth collection, as it was when last seen.
#[derive(Clone, Debug)]
pub struct Identity {
    pub record: Arc<Record>,
    /// superusers pass every rule
    pub superuser: bool,
    pub tenant: TenantId,
    /// when the token that proved it runs out
    pub expires_at: Option<Timestamp>,
}

impl Principal {
    pub fn identity(&self) -> Option<&Arc<Identity>> {
        match self {
            Self::Guest => None,
            Self::Known(identity) => Some(identity),
        }
    }

    pub fn record(&self) -> Option<&Arc<Record>> {
        self.identity().map(|identity| &identity.record)
    }

    pub fn is_superuser(&self) -> bool {
        self.identity().is_some_and(|identity| identity.superuser)
    }

    /// "" for a guest.
    pub fn id(&self) -> &str {
        self.record().map_or("", |record| record.id())
    }

    /// "collectionId/recordId", "" for a guest: how change rows name their actor.
    pub fn actor(&self) -> String {
        self.record().map_or_else(String::new, |record| format!("{}/{}", record.collection.id, record.id()))
    }

    /// True if both are the same record of the same collection, or both guests.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self.record(), other.record()) {
            (None, None) => true,
            (Some(a), Some(b)) => a.id() == b.id() && a.collection.id == b.collection.id,
            _ => false,
        }
    }
}
