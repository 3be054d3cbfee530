//! API keys that say whose they are: `<prefix>.<payload>.<seal>`, as SnackBase makes them.

use crate::token::{TOKEN_BYTES_MAX, is_signed, mac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac;
use serde::{Deserialize, Serialize};
use tidewire_model::Timestamp;

const PREFIX: &str = "sb_ak";
const VERSION: u32 = 1;
const KIND: &str = "api_key";

/// What a key says, in the order in which it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    version: u32,
    #[serde(rename = "type")]
    kind: String,
    pub user_id: String,
    pub email: String,
    pub account_id: String,
    pub role: String,
    pub permissions: Vec<String>,
    pub scopes: Vec<String>,
    pub issued_at: String,
    pub expires_at: Option<String>,
    pub token_id: String,
}

impl Sealed {
    /// A key issued now, for ever and for nobody yet.
    pub fn new(token_id: &str) -> Self {
        Self {
            version: VERSION,
            kind: KIND.to_owned(),
            user_id: String::new(),
            email: String::new(),
            account_id: String::new(),
            role: String::new(),
            permissions: Vec::new(),
            scopes: Vec::new(),
            issued_at: Timestamp::now().to_text(),
            expires_at: None,
            token_id: token_id.to_owned(),
        }
    }
}

/// The text that its owner keeps.
pub fn seal(key: &Sealed, secret: &str) -> String {
    let payload = serde_json::to_string(key).unwrap_or_default();
    let signed = format!("{PREFIX}.{}", URL_SAFE_NO_PAD.encode(payload));
    let seal = URL_SAFE_NO_PAD.encode(mac(&signed, secret).finalize().into_bytes());
    format!("{signed}.{seal}")
}

/// `None` for anything that was not sealed with this secret. Whether it ran out or was revoked is for the caller to see.
pub fn unseal(text: &str, secret: &str) -> Option<Sealed> {
    if text.len() > TOKEN_BYTES_MAX || secret.is_empty() || text.split('.').count() != 3 {
        return None;
    }
    let payload = text.strip_prefix(PREFIX)?.strip_prefix('.')?.split('.').next()?;
    is_signed(text, secret).ok()?;
    let key: Sealed = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    (key.version == VERSION && key.kind == KIND).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_sealed_is_unsealed() {
        let mut key = Sealed::new("t1");
        (key.user_id, key.account_id) = ("u1".into(), "a1".into());
        let text = seal(&key, "secret");
        assert!(text.starts_with("sb_ak.eyJ2ZXJzaW9uIjox"), "{text}");
        assert_eq!(unseal(&text, "secret"), Some(key.clone()));
        let other_kind = Sealed { kind: "personal".into(), ..key.clone() };
        for (text, secret) in [
            (text.clone(), "other"),
            (text.clone(), ""),
            (text.replacen("sb_ak", "sb_pt", 1), "secret"),
            (format!("{text}="), "secret"),
            (format!("{text}.x"), "secret"),
            (text[..text.len() - 2].to_owned(), "secret"),
            (text.replacen("eyJ", "eyK", 1), "secret"),
            (seal(&other_kind, "secret"), "secret"),
            ("sb_ak..".to_owned(), "secret"),
            (String::new(), "secret"),
        ] {
            assert_eq!(unseal(&text, secret), None, "{text}");
        }
    }
}
