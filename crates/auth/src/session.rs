//! Access and refresh tokens of users of an account: JSON web tokens as SnackBase makes them.

use crate::token::{self, TOKEN_BYTES_MAX, TokenError, TokenKind};
use serde::Serialize;
use serde_json::Value as Json;
use tidewire_model::{Record, TenantId, Timestamp};

const ISSUER: &str = "snackbase";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionKind {
    Access,
    Refresh,
}

/// What such a token says. Nothing in it is to be trusted before [`verify_session`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub kind: SessionKind,
    pub user: String,
    pub account: TenantId,
    /// names a refresh token, "" for others
    pub id: String,
    /// seconds since 1970
    pub exp: i64,
}

#[derive(Serialize)]
struct AccessClaims<'a> {
    iss: &'static str,
    sub: &'a str,
    iat: i64,
    exp: i64,
    user_id: &'a str,
    account_id: &'a str,
    email: &'a str,
    role: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
struct RefreshClaims<'a> {
    iss: &'static str,
    sub: &'a str,
    iat: i64,
    exp: i64,
    jti: &'a str,
    user_id: &'a str,
    account_id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
}

/// A token for requests; "" for a record that cannot have tokens.
pub fn issue_access(user: &Record, account: &TenantId, role: &str, seconds: i64) -> String {
    let Some(key) = key(user) else { return String::new() };
    let iat = Timestamp::now().seconds();
    let claims = AccessClaims {
        iss: ISSUER,
        sub: user.id(),
        iat,
        exp: iat.saturating_add(seconds),
        user_id: user.id(),
        account_id: account.as_str(),
        email: user.text("email"),
        role,
        kind: "access",
    };
    token::sign(&claims, &key)
}

/// A token that buys new ones; `id` is how it is remembered.
pub fn issue_refresh(user: &Record, account: &TenantId, id: &str, seconds: i64) -> String {
    let Some(key) = key(user) else { return String::new() };
    let iat = Timestamp::now().seconds();
    let claims = RefreshClaims {
        iss: ISSUER,
        sub: user.id(),
        iat,
        exp: iat.saturating_add(seconds),
        jti: id,
        user_id: user.id(),
        account_id: account.as_str(),
        kind: "refresh",
    };
    token::sign(&claims, &key)
}

/// Reads claims without checking anything but their form: to know which user to load.
pub fn peek_session(token: &str) -> Result<Session, TokenError> {
    read(token).ok_or(TokenError::Malformed)
}

/// Checks signature, user, account and expiry against the loaded user of that account.
pub fn verify_session(token: &str, user: &Record, account: &TenantId) -> Result<Session, TokenError> {
    let session = peek_session(token)?;
    token::is_signed(token, &key(user).ok_or(TokenError::Signature)?)?;
    if session.user != user.id() || session.account != *account {
        return Err(TokenError::Signature);
    }
    if session.exp <= Timestamp::now().seconds() {
        return Err(TokenError::Expired);
    }
    Ok(session)
}

/// Differs from the key of the record's other tokens, so that none can pass for another.
fn key(user: &Record) -> Option<String> {
    Some(format!("{ISSUER}.{}", token::key(user, TokenKind::Auth)?))
}

fn read(token: &str) -> Option<Session> {
    if token.len() > TOKEN_BYTES_MAX {
        return None;
    }
    let mut parts = token.split('.');
    let (header, claims, _) = (token::decode(parts.next()?)?, token::decode(parts.next()?)?, parts.next()?);
    if parts.next().is_some() || header["alg"] != "HS256" || claims["iss"] != ISSUER {
        return None;
    }
    let text = |name: &str| claims[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let kind = match claims["type"].as_str()? {
        "access" => SessionKind::Access,
        "refresh" => SessionKind::Refresh,
        _ => return None,
    };
    let user = text("user_id").filter(|user| claims["sub"] == *user)?;
    let id = match kind {
        SessionKind::Access => String::new(),
        SessionKind::Refresh => text("jti")?,
    };
    Some(Session { kind, user, account: TenantId::new(&text("account_id")?), id, exp: exp(&claims)? })
}

fn exp(claims: &Json) -> Option<i64> {
    token::seconds(&claims["exp"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::tests::record;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;
    use tidewire_model::Value;

    fn account() -> TenantId {
        TenantId::new("a1")
    }

    fn claims(token: &str) -> String {
        let part = token.split('.').nth(1).unwrap();
        String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    #[test]
    fn claims_are_snackbases() {
        let user = record();
        let access = issue_access(&user, &account(), "admin", 3600);
        let session = verify_session(&access, &user, &account()).unwrap();
        let (iat, exp) = (session.exp - 3600, session.exp);
        assert_eq!(
            claims(&access),
            format!(
                r#"{{"iss":"snackbase","sub":"r1","iat":{iat},"exp":{exp},"user_id":"r1","account_id":"a1","email":"a@b.c","role":"admin","type":"access"}}"#
            )
        );
        let refresh = issue_refresh(&user, &account(), "j1", 60);
        let session = verify_session(&refresh, &user, &account()).unwrap();
        let (iat, exp) = (session.exp - 60, session.exp);
        assert_eq!((session.kind, &*session.id), (SessionKind::Refresh, "j1"));
        assert_eq!(
            claims(&refresh),
            format!(
                r#"{{"iss":"snackbase","sub":"r1","iat":{iat},"exp":{exp},"jti":"j1","user_id":"r1","account_id":"a1","type":"refresh"}}"#
            )
        );
    }

    #[test]
    fn a_token_dies_with_the_token_key_and_is_of_one_account() {
        let mut user = record();
        let token = issue_access(&user, &account(), "user", 60);
        let other = TenantId::new("a2");
        assert_eq!(verify_session(&token, &user, &other), Err(TokenError::Signature));
        assert_eq!(
            verify_session(&issue_access(&user, &account(), "user", -1), &user, &account()),
            Err(TokenError::Expired)
        );
        user.set("tokenKey", Value::text("other"));
        assert_eq!(verify_session(&token, &user, &account()), Err(TokenError::Signature));
        user.set("tokenKey", Value::text(""));
        assert_eq!(issue_access(&user, &account(), "user", 60), "");
    }

    #[test]
    fn forged_tokens_are_refused() {
        use TokenError::{Malformed, Signature};
        let user = record();
        let key = key(&user).unwrap();
        let good = json!({
            "iss": ISSUER, "sub": "r1", "exp": 4_000_000_000_i64, "user_id": "r1", "account_id": "a1", "type": "access",
        });
        let with = |name: &str, value: Json| {
            let mut claims = good.clone();
            claims[name] = value;
            token::sign(&claims, &key)
        };
        let signed = token::sign(&good, &key);
        assert!(verify_session(&signed, &user, &account()).is_ok());
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        let body = signed.split('.').nth(1).unwrap();
        for (token, error) in [
            (with("iss", "other".into()), Malformed),
            (with("type", "auth".into()), Malformed),
            (with("type", "refresh".into()), Malformed),
            (with("sub", "r2".into()), Malformed),
            (with("exp", Json::Null), Malformed),
            (with("account_id", "a2".into()), Signature),
            (with("account_id", "".into()), Malformed),
            (token::sign(&good, "k"), Signature),
            // the key of the record's other tokens
            (token::sign(&good, &token::key(&user, TokenKind::Auth).unwrap()), Signature),
            (format!("{none}.{body}."), Malformed),
            (format!("{signed}.x"), Malformed),
            (crate::issue(&user, TokenKind::Auth, true, None), Malformed),
            ("..".to_owned(), Malformed),
            (String::new(), Malformed),
        ] {
            assert_eq!(verify_session(&token, &user, &account()), Err(error), "{token}");
        }
        assert!(crate::verify(&signed, &user, TokenKind::Auth).is_err());
    }
}
