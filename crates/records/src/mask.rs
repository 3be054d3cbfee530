//! Personal data as those see it who may not see it.

use std::borrow::Cow;
use tidewire_model::field::Mask;
use tidewire_model::{Value, json};

const STARS: &str = "***";
/// What an encrypted value is shown as.
pub const BULLETS: &str = "••••••••";

/// The masked text of a value; nothing hides that it is unset.
pub fn masked(mask: Mask, value: &Value) -> Value {
    if matches!(value, Value::Null | Value::Json(serde_json::Value::Null)) {
        return value.clone();
    }
    Value::Text(text(mask, &plain(value)).into())
}

/// The value as text: texts as they are, everything else as JSON.
fn plain(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Text(text) => Cow::Borrowed(text),
        other => Cow::Owned(json::to_string(&other.to_json())),
    }
}

fn text(mask: Mask, text: &str) -> String {
    match mask {
        Mask::Email => email(text),
        Mask::Ssn if digits(text) == 9 => "***-**-****".to_owned(),
        Mask::Ssn => hide_digits(text),
        Mask::Phone => phone(text),
        Mask::Name => text.split_whitespace().map(name).collect::<Vec<_>>().join(" "),
        Mask::Full | Mask::Custom => "*".repeat(text.chars().count()),
    }
}

fn email(text: &str) -> String {
    match text.split_once('@') {
        Some((local, domain)) => format!("{}@{domain}", name(local)),
        None => text.to_owned(),
    }
}

/// The last four digits stay, and the first three of a number that begins with `+`.
fn phone(text: &str) -> String {
    let all: Vec<char> = text.chars().filter(char::is_ascii_digit).collect();
    let Some(start) = all.len().checked_sub(4) else { return hide_digits(text) };
    let last: String = all[start..].iter().collect();
    match text.strip_prefix('+') {
        Some(rest) => {
            let country: String = rest.chars().take_while(char::is_ascii_digit).take(3).collect();
            format!("+{country}-***-***-{last}")
        }
        None => format!("***-***-{last}"),
    }
}

fn name(word: &str) -> String {
    word.chars().take(1).chain(STARS.chars()).collect()
}

fn digits(text: &str) -> usize {
    text.bytes().filter(u8::is_ascii_digit).count()
}

fn hide_digits(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_digit() { '*' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mask_hides_its_kind_of_text() {
        for (mask, open, hidden) in [
            (Mask::Email, "joe@x.com", "j***@x.com"),
            (Mask::Email, "joe", "joe"),
            (Mask::Ssn, "123-45-6789", "***-**-****"),
            (Mask::Ssn, "12-3", "**-*"),
            (Mask::Phone, "+1-555-123-4567", "+1-***-***-4567"),
            (Mask::Phone, "+15551234567", "+155-***-***-4567"),
            (Mask::Phone, "555 123 4567", "***-***-4567"),
            (Mask::Phone, "a12", "a**"),
            (Mask::Name, "Jane  van Doe", "J*** v*** D***"),
            (Mask::Full, "añb", "***"),
            (Mask::Custom, "", ""),
        ] {
            assert_eq!(text(mask, open), hidden, "{mask:?} {open}");
        }
        assert_eq!(masked(Mask::Full, &Value::Null), Value::Null);
        assert_eq!(masked(Mask::Full, &Value::Number(12.5)), Value::text("****"));
    }
}
