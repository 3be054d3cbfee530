//! The short name of an account.

use crate::error::Detail;
use std::ops::RangeInclusive;
use tidewire_store::Account;

const LENGTH: RangeInclusive<usize> = 3..=32;
/// Slugs made of a name leave room for a number.
const LENGTH_MADE: usize = 28;

/// What is wrong with a slug that somebody chose.
pub fn slug_fault(slug: &str) -> Option<Detail> {
    let bytes = slug.as_bytes();
    let is_good = LENGTH.contains(&bytes.len())
        && bytes[0].is_ascii_lowercase()
        && bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-');
    let text = "Slug must be 3-32 characters, start with a letter, and contain only lowercase letters, numbers, \
                and hyphens";
    (!is_good).then(|| Detail::new("account_slug", text, "slug_invalid_format"))
}

/// A slug made of an account's name, with a number if others have it already.
pub fn free_slug(name: &str, accounts: &[Account]) -> String {
    let base = made_of(name);
    let is_free = |slug: &String| accounts.iter().all(|account| account.slug != *slug);
    let numbered = (2..).map(|number: u32| format!("{base}-{number}"));
    std::iter::once(base.clone()).chain(numbered).find(is_free).unwrap_or_default()
}

fn made_of(name: &str) -> String {
    let mut slug = String::new();
    for character in name.to_lowercase().chars() {
        if character.is_ascii_lowercase() || character.is_ascii_digit() {
            slug.push(character);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(LENGTH_MADE);
    let slug = slug.trim_matches('-').to_owned();
    match slug.as_bytes() {
        [first, _, _, ..] if first.is_ascii_lowercase() => slug,
        [] => "account".to_owned(),
        _ => format!("account-{slug}").chars().take(LENGTH_MADE).collect::<String>(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidewire_model::TenantId;

    #[test]
    fn slugs_are_short_names() {
        for (slug, good) in [
            ("acme", true),
            ("a-1", true),
            ("a1b", true),
            ("ab", false),
            ("", false),
            ("1ab", false),
            ("-ab", false),
            ("Acme", false),
            ("a_b", false),
            ("äbc", false),
            ("a234567890123456789012345678901-", true),
            ("a2345678901234567890123456789012x", false),
        ] {
            assert_eq!(slug_fault(slug).is_none(), good, "{slug}");
        }
    }

    #[test]
    fn slugs_made_of_names_are_good_and_free() {
        let taken = Account {
            id: TenantId::new("a"),
            code: String::new(),
            slug: "acme".to_owned(),
            name: String::new(),
            api_key_hash: String::new(),
            created: String::new(),
        };
        for (name, expected) in [
            ("Acme", "acme-2"),
            ("Acme Corp.", "acme-corp"),
            ("  --Öl & Gas-- ", "l-gas"),
            ("3M", "account-3m"),
            ("X", "account-x"),
            ("日本", "account"),
            ("A very long name that nobody would ever type twice", "a-very-long-name-that-nobody"),
        ] {
            let slug = free_slug(name, std::slice::from_ref(&taken));
            assert_eq!(slug, expected, "{name}");
            assert_eq!(slug_fault(&slug), None, "{name}");
        }
    }
}
