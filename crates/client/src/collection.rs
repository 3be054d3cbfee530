use crate::Client;

/// The records of one collection.
#[derive(Clone, Debug)]
pub struct Collection {
    pub(crate) client: Client,
    pub(crate) name: String,
}

impl Collection {
    pub(crate) fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }
}
