use tidewire_model::{Change, TenantId};

/// What a subscription listens to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// every record of a collection, by collection id
    Collection {
        tenant: TenantId,
        collection: Box<str>,
    },
    Record {
        tenant: TenantId,
        collection: Box<str>,
        record: Box<str>,
    },
    /// messages published under this exact name
    Custom {
        tenant: TenantId,
        name: Box<str>,
    },
}

impl Topic {
    /// True if the change happened under this topic. Who may see it is another question.
    pub(crate) fn covers(&self, change: &Change) -> bool {
        match self {
            Self::Collection { tenant, collection } => {
                *tenant == change.tenant && *collection == change.collection.id
            }
            Self::Record { tenant, collection, record } => {
                *tenant == change.tenant
                    && *collection == change.collection.id
                    && **record == *change.record().id()
            }
            Self::Custom { tenant, name } => {
                *tenant == change.tenant && change.message().is_some_and(|message| *message.topic == **name)
            }
        }
    }
}
