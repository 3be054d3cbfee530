use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use std::time::{Duration, SystemTime};

/// What a token says of itself. Nothing is verified: that is the server's part.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Claims {
    /// seconds since 1970
    #[serde(default)]
    exp: Option<f64>,
    /// of PocketBase's and Tidewire's tokens
    #[serde(default)]
    pub(crate) collection_id: Option<String>,
    /// of the record
    #[serde(default)]
    pub(crate) id: Option<String>,
    #[serde(default)]
    pub(crate) refreshable: bool,
}

impl Claims {
    /// `None` if it is no JWT.
    pub(crate) fn of(token: &str) -> Option<Self> {
        let mut parts = token.split('.');
        let (_, claims, _, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else {
            return None;
        };
        // a list would be read as one as well
        let claims: Map<String, Json> = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        Self::deserialize(Json::Object(claims)).ok()
    }

    /// `None` if it says none, or one beyond all times.
    pub(crate) fn expires_at(&self) -> Option<SystemTime> {
        let after = Duration::try_from_secs_f64(self.exp?.max(0.0)).ok()?;
        SystemTime::UNIX_EPOCH.checked_add(after)
    }

    /// How long it is still good; `None` if it has no end.
    pub(crate) fn left(&self) -> Option<Duration> {
        Some(self.expires_at()?.duration_since(SystemTime::now()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Auth;

    fn token(claims: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn a_token_is_valid_until_its_end() {
        let cases = [
            (String::new(), false),
            ("nonsense".into(), false),
            ("a.b.c".into(), false),
            (token("[]"), false),
            (token(r#"{"exp":"soon"}"#), false),
            (token(r#"{"exp":1000000000}"#), false),
            (token(r#"{"exp":-1}"#), false),
            (token(r#"{"exp":32503680000}"#), true),
            (token(r#"{"exp":1e300}"#), true),
            (token("{}"), true),
            (format!("{}.more", token("{}")), false),
        ];
        for (token, expected) in cases {
            let auth = Auth { token, ..Auth::default() };
            assert_eq!(auth.is_valid(), expected, "{}", auth.token);
        }
    }
}
