//! What a password must be.

use crate::App;
use crate::error::{ApiError, Detail};
use tidewire_records::user::Password;

const LENGTH_MIN: usize = 12;

/// Everything that is wrong with a password.
pub fn faults(password: &str) -> Vec<Detail> {
    let has = |is: fn(char) -> bool| password.chars().any(is);
    let rules = [
        (
            password.chars().count() >= LENGTH_MIN,
            "Password must be at least 12 characters",
            "password_too_short",
        ),
        (
            has(|c| c.is_ascii_uppercase()),
            "Password must contain at least one uppercase letter",
            "password_no_uppercase",
        ),
        (
            has(|c| c.is_ascii_lowercase()),
            "Password must contain at least one lowercase letter",
            "password_no_lowercase",
        ),
        (has(|c| c.is_ascii_digit()), "Password must contain at least one digit", "password_no_digit"),
        (
            has(|c| c.is_ascii_punctuation()),
            "Password must contain at least one special character",
            "password_no_special",
        ),
    ];
    let broken = rules.into_iter().filter(|(holds, ..)| !holds);
    broken.map(|(_, message, code)| Detail::new("password", message, code)).collect()
}

/// The password with its hash; refused if it breaks a rule.
pub async fn hashed(app: &App, plain: String) -> Result<Password, ApiError> {
    let faults = faults(&plain);
    if !faults.is_empty() {
        return Err(ApiError::validation(&faults));
    }
    let hash = app.passwords.hash(&plain).await?;
    Ok(Password { plain, hash })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_has_five_rules() {
        let (short, upper, lower, digit, special) = (
            "password_too_short",
            "password_no_uppercase",
            "password_no_lowercase",
            "password_no_digit",
            "password_no_special",
        );
        for (password, expected) in [
            ("Str0ng!Passw0rd#1", &[][..]),
            ("Aa1!Aa1!Aa1!", &[]),
            ("Aa1!Aa1!Aa1", &[short]),
            ("äÄ1!Aaäääääää", &[]),
            ("aa1!aa1!aa1!", &[upper]),
            ("AA1!AA1!AA1!", &[lower]),
            ("Aab!Aab!Aab!", &[digit]),
            ("Aab1Aab1Aab1", &[special]),
            ("Äab1Äab1Äab1", &[upper, special]),
            ("x", &[short, upper, digit, special]),
            ("", &[short, upper, lower, digit, special]),
        ] {
            let codes: Vec<_> = faults(password).into_iter().map(|fault| fault.code).collect();
            assert_eq!(codes, expected, "{password}");
        }
    }
}
