//! Tenants as people name them.

use crate::RecordError;
use crate::error::{FieldError, FieldErrors};
use rand::RngExt;
use std::collections::HashSet;
use tidewire_auth::key_hash;
use tidewire_model::{TenantId, Timestamp, chance};
use tidewire_store::{Account, KeyKind, Snapshot, StoreError, Tx};

/// The account of the superusers.
pub const SYSTEM_ID: &str = "00000000-0000-0000-0000-000000000000";

/// Makes an account; `slug` must be new. The key itself is not kept.
pub fn create(
    tx: &mut Tx<'_>,
    slug: &str,
    name: &str,
    api_key: Option<&str>,
) -> Result<Account, RecordError> {
    let accounts = tx.accounts()?;
    if !is_slug(slug) {
        let text = "Must be 2 to 32 lower-case letters, digits and hyphens, and begin with a letter.";
        return Err(refusal("validation_match_invalid", text));
    }
    if accounts.iter().any(|account| account.slug == slug) {
        return Err(refusal("validation_not_unique", "There is an account with this slug already."));
    }
    let account = Account {
        id: TenantId::new(&random_uuid()),
        code: next_code(&accounts),
        slug: slug.to_string(),
        name: if name.is_empty() { slug } else { name }.to_string(),
        api_key_hash: api_key.map(key_hash).unwrap_or_default(),
        created: Timestamp::now().to_text(),
    };
    tx.save_account(&account)?;
    if let Some(key) = api_key {
        crate::key::save(tx, &account.id, key, KeyKind::Secret, Vec::new(), "")?;
    }
    Ok(account)
}

/// By id, slug, or code in any case.
pub fn find(snapshot: &Snapshot<'_>, named: &str) -> Result<Option<Account>, StoreError> {
    Ok(snapshot.accounts()?.into_iter().find(|account| is_named(account, named)))
}

/// The account of the tenant that exists from the start.
pub(crate) fn default_account(existing: &[Account]) -> Account {
    Account {
        id: TenantId::default(),
        code: next_code(existing),
        slug: TenantId::DEFAULT.to_string(),
        name: "Default".to_string(),
        api_key_hash: String::new(),
        created: Timestamp::now().to_text(),
    }
}

pub(crate) fn system_account() -> Account {
    Account {
        id: TenantId::new(SYSTEM_ID),
        code: "SY0000".to_owned(),
        slug: "system".to_owned(),
        name: "System".to_owned(),
        api_key_hash: String::new(),
        created: Timestamp::now().to_text(),
    }
}

fn is_named(account: &Account, name: &str) -> bool {
    account.id.as_str() == name || account.slug == name || account.code.eq_ignore_ascii_case(name)
}

fn is_slug(text: &str) -> bool {
    let bytes = text.as_bytes();
    (2..=32).contains(&bytes.len())
        && bytes[0].is_ascii_lowercase()
        && bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
}

/// A version 4 UUID.
pub fn random_uuid() -> String {
    let mut bits: u128 = chance::draw(|random| random.random());
    bits = bits & !(0xf << 76) | 0x4 << 76;
    bits = bits & !(0x3 << 62) | 0x2 << 62;
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// The first free of AA0001 … AA9999, AB0001 …
fn next_code(existing: &[Account]) -> String {
    let taken: HashSet<&str> = existing.iter().map(|account| account.code.as_str()).collect();
    let mut codes = (0u32..26 * 26).flat_map(|pair| (1u32..10_000).map(move |number| code(pair, number)));
    codes.find(|code| !taken.contains(code.as_str())).unwrap_or_default()
}

fn code(pair: u32, number: u32) -> String {
    let letter = |index: u32| char::from(b'A' + u8::try_from(index % 26).unwrap_or(0));
    format!("{}{}{number:04}", letter(pair / 26), letter(pair))
}

fn refusal(code: &'static str, message: &str) -> RecordError {
    RecordError::Invalid(FieldErrors::one("slug", FieldError::new(code, message)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_two_letters_and_four_digits() {
        let account = |code: &str| Account { code: code.to_owned(), ..default_account(&[]) };
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
