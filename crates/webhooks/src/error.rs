use std::collections::BTreeMap;
use tidewire_store::StoreError;

/// Why a definition was not saved or found.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum WebhookError {
    #[error("there is no such hook")]
    Missing,
    /// a text for each field that is wrong
    #[error("invalid definition of a hook")]
    Invalid(BTreeMap<&'static str, String>),
    #[error("there are {0} hooks already")]
    TooMany(usize),
    #[error(transparent)]
    Store(#[from] StoreError),
}
