//! The `account` commands.

use crate::command::Outcome;
use crate::superuser::explain;
use tidewire_auth::new_api_key;
use tidewire_records::account;
use tidewire_store::Store;

pub(crate) const SHORTEST_KEY: usize = 16;

/// Makes an account; answers one line of JSON that shows the key for the only time.
pub fn create(store: &Store, slug: &str, name: &str, api_key: Option<&str>) -> Outcome {
    let api_key = api_key.map_or_else(new_api_key, str::to_owned);
    if api_key.len() < SHORTEST_KEY {
        return Err(format!("an API key must have at least {SHORTEST_KEY} characters"));
    }
    let (slug, name, key) = (slug.to_owned(), name.to_owned(), api_key.clone());
    let made = store.write_blocking(move |tx| account::create(tx, &slug, &name, Some(&key)));
    let account = made.map_err(|error| explain(&error))?;
    let line = serde_json::json!({
        "id": account.id, "code": account.code, "slug": account.slug, "name": account.name, "api_key": api_key,
    });
    Ok(line.to_string())
}
