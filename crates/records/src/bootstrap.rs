use tidewire_store::{Store, StoreError};

/// Creates the system collections, `users` and the account `default` in a new store; leaves an old one as it is.
pub fn bootstrap(store: &Store) -> Result<(), StoreError> {
    let _ = store;
    unimplemented!()
}
