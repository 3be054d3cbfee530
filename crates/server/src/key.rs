//! The `key` commands.

use crate::account::SHORTEST_KEY;
use crate::command::Outcome;
use crate::superuser::explain;
use tidewire_auth::new_api_key;
use tidewire_records::{RecordError, account, key};
use tidewire_store::{ApiKey, KeyKind, Store};

/// Makes a key; answers one line of JSON that shows it for the only time.
pub fn create(
    store: &Store,
    named: &str,
    publishable: bool,
    collections: &[String],
    label: &str,
    key: Option<&str>,
) -> Outcome {
    let key = key.map_or_else(new_api_key, str::to_owned);
    if key.len() < SHORTEST_KEY {
        return Err(format!("an API key must have at least {SHORTEST_KEY} characters"));
    }
    let kind = if publishable { KeyKind::Publishable } else { KeyKind::Secret };
    let (named, collections, label) = (named.to_owned(), collections.to_vec(), label.to_owned());
    let plain = key.clone();
    let made = store.write_blocking(move |tx| {
        let account = account::find(tx, &named)?.ok_or(RecordError::NotFound)?;
        key::save(tx, &account.id, &plain, kind, collections, &label)
    });
    let made = made.map_err(|error| failure(&error))?;
    let mut line = show(&made);
    line["key"] = key.into();
    Ok(line.to_string())
}

pub fn list(store: &Store, named: &str) -> Outcome {
    let keys = store.read_here(|snapshot| {
        let account = account::find(snapshot, named)?.ok_or(RecordError::NotFound)?;
        Ok(snapshot.keys(&account.id)?)
    });
    let keys = keys.map_err(|error| failure(&error))?;
    let lines: Vec<_> = keys.iter().map(|key| show(key).to_string()).collect();
    Ok(lines.join("\n"))
}

pub fn revoke(store: &Store, id: &str) -> Outcome {
    let wanted = id.to_owned();
    let revoked = store.write_blocking(move |tx| Ok::<_, RecordError>(tx.delete_key(&wanted)?));
    match revoked.map_err(|error| explain(&error))? {
        true => Ok(format!("Revoked {id}.")),
        false => Err(format!("there is no key {id}")),
    }
}

fn failure(error: &RecordError) -> String {
    match error {
        RecordError::NotFound => "there is no such account".to_owned(),
        other => explain(other),
    }
}

fn show(key: &ApiKey) -> serde_json::Value {
    serde_json::json!({
        "id": key.id, "account": key.account, "kind": key.kind, "collections": key.collections,
        "label": key.label, "created": key.created,
    })
}
