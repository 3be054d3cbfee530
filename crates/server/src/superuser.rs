//! The `superuser` commands.

use crate::command::Outcome;
use std::sync::Arc;
use tidewire_auth::TokenKind;
use tidewire_model::{Catalog, Collection, TenantId};
use tidewire_records::error::{Fault, FieldErrors};
use tidewire_records::{RecordError, sign_in};
use tidewire_store::{Snapshot, Store, StoreError};

pub fn upsert(store: &Store, email: &str, password: &str) -> Outcome {
    sign_in::upsert_superuser(store, email, password).map_err(|error| explain(&error))?;
    Ok(format!("Saved superuser {email:?}."))
}

pub fn create(store: &Store, email: &str, password: &str) -> Outcome {
    let exists = store.read_here(|snapshot| Ok::<_, StoreError>(find(snapshot, email)?.is_some()));
    if exists.map_err(|error| error.to_string())? {
        return Err(format!("there is a superuser {email:?} already"));
    }
    upsert(store, email, password)
}

/// Deleting one who is not there is no error: the outcome is the same.
pub fn delete(store: &Store, email: &str) -> Outcome {
    let wanted = email.to_owned();
    let found = store.write_blocking(move |tx| {
        let found = find(tx, &wanted)?;
        if let Some(record) = &found {
            tx.delete(record, "")?;
        }
        Ok::<_, StoreError>(found.is_some())
    });
    match found {
        Ok(true) => Ok(format!("Deleted superuser {email:?}.")),
        Ok(false) => Ok(format!("There is no superuser {email:?}.")),
        Err(error) => Err(error.to_string()),
    }
}

/// Prints a token that nobody had to know a password for: who may open the data folder may do anything anyway.
pub fn token(store: &Store, email: &str, seconds: i64) -> Outcome {
    let found = store.read_here(|snapshot| find(snapshot, email)).map_err(|error| error.to_string())?;
    let record = found.ok_or_else(|| format!("there is no superuser {email:?}"))?;
    match tidewire_auth::issue(&record, TokenKind::Auth, false, Some(seconds)) {
        token if token.is_empty() => Err(format!("{email:?} cannot have tokens")),
        token => Ok(token),
    }
}

fn find(snapshot: &Snapshot<'_>, email: &str) -> Result<Option<Arc<tidewire_model::Record>>, StoreError> {
    let catalog: &Arc<Catalog> = snapshot.catalog();
    let Some(superusers) = catalog.by_id(Collection::SUPERUSERS_ID) else { return Ok(None) };
    snapshot.find_by(superusers, &TenantId::default(), "email", email, true)
}

/// One line for a terminal.
pub(crate) fn explain(error: &RecordError) -> String {
    match error {
        RecordError::Invalid(faults) => list(faults),
        other => other.to_string(),
    }
}

fn list(faults: &FieldErrors) -> String {
    let lines = faults.0.iter().map(|(field, fault)| match fault {
        Fault::Field(error) => format!("{field}: {}", error.message),
        Fault::Nested(inner) => format!("{field}: {}", list(inner)),
    });
    lines.collect::<Vec<_>>().join("; ")
}
