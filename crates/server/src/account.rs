//! The `account` commands.

use crate::command::Outcome;
use rand::RngExt as _;
use std::collections::HashSet;
use tidewire_model::{TenantId, Timestamp, id};
use tidewire_store::{Account, Store, StoreError};

const KEY_LENGTH: usize = 40;
const SHORTEST_KEY: usize = 16;

/// Makes an account; answers one line of JSON that shows the key for the only time.
pub fn create(store: &Store, slug: &str, name: &str, api_key: Option<&str>) -> Outcome {
    if !is_slug(slug) {
        return Err(format!("the slug {slug:?} must match ^[a-z][a-z0-9-]{{1,31}}$"));
    }
    let api_key = api_key.map_or_else(|| id::secret(KEY_LENGTH), str::to_owned);
    if api_key.len() < SHORTEST_KEY {
        return Err(format!("an API key must have at least {SHORTEST_KEY} characters"));
    }
    let (slug, name, hash) = (slug.to_owned(), name.to_owned(), tidewire_auth::key_hash(&api_key));
    let account = store
        .write_blocking(move |tx| {
            let existing = tx.accounts()?;
            if existing.iter().any(|account| account.slug == slug) {
                return Err(StoreError::NotUnique { fields: vec!["slug".to_owned()] });
            }
            let account = Account {
                id: TenantId::new(&random_uuid()),
                code: next_code(&existing),
                slug,
                name,
                api_key_hash: hash,
                created: Timestamp::now().to_text(),
            };
            tx.save_account(&account)?;
            Ok(account)
        })
        .map_err(|error| match error {
            StoreError::NotUnique { .. } => "there is an account with this slug already".to_owned(),
            other => other.to_string(),
        })?;
    let line = serde_json::json!({
        "id": account.id, "code": account.code, "slug": account.slug, "name": account.name, "api_key": api_key,
    });
    Ok(line.to_string())
}

fn is_slug(text: &str) -> bool {
    let bytes = text.as_bytes();
    (2..=32).contains(&bytes.len())
        && bytes[0].is_ascii_lowercase()
        && bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
}

/// A version 4 UUID.
fn random_uuid() -> String {
    let mut bits: u128 = rand::rng().random();
    bits = bits & !(0xf << 76) | 0x4 << 76;
    bits = bits & !(0x3 << 62) | 0x2 << 62;
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// The first free of AA0001 … AA9999, AB0001 …
fn next_code(existing: &[Account]) -> String {
    let taken: HashSet<&str> = existing.iter().map(|account| account.code.as_str()).collect();
    let codes = (0u32..26 * 26).flat_map(|pair| (1u32..10_000).map(move |number| code(pair, number)));
    codes.into_iter().find(|code| !taken.contains(code.as_str())).unwrap_or_default()
}

fn code(pair: u32, number: u32) -> String {
    let letter = |index: u32| char::from(b'A' + u8::try_from(index % 26).unwrap_or(0));
    format!("{}{}{number:04}", letter(pair / 26), letter(pair))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(code: &str) -> Account {
        Account {
            id: TenantId::new("x"),
            code: code.to_owned(),
            slug: String::new(),
            name: String::new(),
            api_key_hash: String::new(),
            created: String::new(),
        }
    }

    #[test]
    fn codes_are_two_letters_and_four_digits() {
        assert_eq!(next_code(&[]), "AA0001");
        assert_eq!(next_code(&[account("SY0000"), account("AA0001")]), "AA0002");
        assert_eq!(code(27, 42), "BB0042");
    }

    #[test]
    fn slugs() {
        for (slug, valid) in
            [("acme", true), ("a-1", true), ("a", false), ("Acme", false), ("1a", false), ("ä-b", false)]
        {
            assert_eq!(is_slug(slug), valid, "{slug}");
        }
    }

    #[test]
    fn ids_are_version_4_uuids() {
        let id = random_uuid();
        let bytes = id.as_bytes();
        assert_eq!((id.len(), bytes[14], bytes[8]), (36, b'4', b'-'), "{id}");
        assert!(b"89ab".contains(&bytes[19]), "{id}");
    }
}
