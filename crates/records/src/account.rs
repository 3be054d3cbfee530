//! Tenants as people name them.

use crate::RecordError;
use crate::error::{Fault, FieldError, FieldErrors};
use rand::RngExt;
use tidewire_auth::key_hash;
use tidewire_model::{TenantId, Timestamp, id};
use tidewire_store::{Account, Snapshot, StoreError, Tx};

const SLUG_LENGTH_MAX: usize = 63;

/// Makes an account; `slug` must be new. The key itself is not kept.
pub fn create(
    tx: &mut Tx<'_>,
    slug: &str,
    name: &str,
    api_key: Option<&str>,
) -> Result<Account, RecordError> {
    let accounts = tx.accounts()?;
    if !is_slug(slug) {
        let text = "Must be lower-case letters, digits and inner hyphens, at most 63.";
        return Err(refusal("validation_match_invalid", text));
    }
    if accounts.iter().any(|account| account.slug == slug) {
        return Err(refusal("validation_not_unique", "Value must be unique."));
    }
    let account = Account {
        id: TenantId::new(&id::record_id()),
        code: unused_code(&accounts),
        slug: slug.to_string(),
        name: if name.is_empty() { slug } else { name }.to_string(),
        api_key_hash: api_key.map(key_hash).unwrap_or_default(),
        created: Timestamp::now().to_text(),
    };
    tx.save_account(&account)?;
    Ok(account)
}

/// By id, slug, or code in any case.
pub fn find(snapshot: &Snapshot<'_>, named: &str) -> Result<Option<Account>, StoreError> {
    Ok(snapshot.accounts()?.into_iter().find(|account| is_named(account, named)))
}

/// The account of the tenant that exists from the start.
pub(crate) fn default_account() -> Account {
    Account {
        id: TenantId::default(),
        code: unused_code(&[]),
        slug: TenantId::DEFAULT.to_string(),
        name: "Default".to_string(),
        api_key_hash: String::new(),
        created: Timestamp::now().to_text(),
    }
}

fn is_named(account: &Account, name: &str) -> bool {
    account.id.as_str() == name || account.slug == name || account.code.eq_ignore_ascii_case(name)
}

fn is_slug(text: &str) -> bool {
    (1..=SLUG_LENGTH_MAX).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Two letters and four digits that no account has: there are 6.76 million.
fn unused_code(accounts: &[Account]) -> String {
    loop {
        let code = code();
        if !accounts.iter().any(|account| account.code == code) {
            return code;
        }
    }
}

fn code() -> String {
    let mut random = rand::rng();
    let mut letter = || char::from(random.random_range(b'A'..=b'Z'));
    let letters = [letter(), letter()];
    format!("{}{}{:04}", letters[0], letters[1], random.random_range(0..10_000))
}

fn refusal(code: &'static str, message: &str) -> RecordError {
    let error = FieldError { code, message: message.into(), params: serde_json::Map::new() };
    RecordError::Invalid(FieldErrors([("slug".to_string(), Fault::Field(error))].into()))
}
