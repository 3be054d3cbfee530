use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use serde_json::{Value as Json, json};
use sha2::Sha256;
use tidewire_model::collection::TokenOptions;
use tidewire_model::{AuthOptions, Record, TenantId, Timestamp};

/// No token of ours comes near this many bytes.
pub(crate) const TOKEN_BYTES_MAX: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    Auth,
    File,
    Verification,
    PasswordReset,
}

/// What a token says. Nothing in it is to be trusted before [`verify`].
#[derive(Clone, Debug, PartialEq)]
pub struct Claims {
    pub id: String,
    pub collection_id: String,
    /// "auth", "file", …
    pub kind: String,
    pub refreshable: bool,
    /// where the record lives
    pub tenant: TenantId,
    /// seconds since 1970
    pub exp: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("malformed token")]
    Malformed,
    #[error("expired token")]
    Expired,
    #[error("bad signature")]
    Signature,
    #[error("not that kind of token")]
    Kind,
}

impl TokenKind {
    /// The claim `type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::File => "file",
            Self::Verification => "verification",
            Self::PasswordReset => "passwordReset",
        }
    }

    fn options(self, auth: &AuthOptions) -> &TokenOptions {
        match self {
            Self::Auth => &auth.auth_token,
            Self::File => &auth.file_token,
            Self::Verification => &auth.verification_token,
            Self::PasswordReset => &auth.password_reset_token,
        }
    }
}

/// Signs a token for an auth record: HS256, key = record.tokenKey + collection.<kind>Token.secret.
/// `seconds`: `None` takes the collection's duration. A record that cannot have tokens gets "".
pub fn issue(record: &Record, kind: TokenKind, refreshable: bool, seconds: Option<i64>) -> String {
    let (Some(auth), Some(key)) = (&record.collection.auth, key(record, kind)) else { return String::new() };
    let seconds = seconds.unwrap_or(kind.options(auth).duration);
    let mut claims = json!({
        "collectionId": record.collection.id,
        "exp": Timestamp::now().seconds().saturating_add(seconds),
        "id": record.id(),
        "type": kind.as_str(),
    });
    match kind {
        TokenKind::Auth => claims["refreshable"] = Json::Bool(refreshable),
        TokenKind::File => {}
        TokenKind::Verification | TokenKind::PasswordReset => claims["email"] = record.text("email").into(),
    }
    // CocoBase's name for a tenant's own users
    if record.collection.owner.is_some() {
        claims["userId"] = record.id().into();
    }
    // PocketBase knows no tenants: tokens of the default one are exactly as it makes them.
    if record.tenant.as_str() != TenantId::DEFAULT {
        claims["tenant"] = record.tenant.as_str().into();
    }
    sign(&claims, &key)
}

/// Reads claims without checking the signature: to know which record to load. Refuses expired ones.
pub fn peek(token: &str) -> Result<Claims, TokenError> {
    peek_at(token, Timestamp::now().seconds())
}

/// Checks signature, expiry and kind against the loaded record.
pub fn verify(token: &str, record: &Record, kind: TokenKind) -> Result<Claims, TokenError> {
    let claims = peek(token)?;
    if claims.kind != kind.as_str() {
        return Err(TokenError::Kind);
    }
    let key = key(record, kind).ok_or(TokenError::Signature)?;
    is_signed(token, &key)?;
    let own = claims.id == record.id()
        && claims.collection_id == *record.collection.id
        && claims.tenant == record.tenant;
    if !own {
        return Err(TokenError::Signature);
    }
    Ok(claims)
}

fn peek_at(token: &str, now: i64) -> Result<Claims, TokenError> {
    let claims = read(token).ok_or(TokenError::Malformed)?;
    if claims.exp <= now { Err(TokenError::Expired) } else { Ok(claims) }
}

fn read(token: &str) -> Option<Claims> {
    if token.len() > TOKEN_BYTES_MAX {
        return None;
    }
    let mut parts = token.split('.');
    let (header, payload, _) = (decode(parts.next()?)?, decode(parts.next()?)?, parts.next()?);
    if parts.next().is_some() || header["alg"] != "HS256" {
        return None;
    }
    let text = |name: &str| payload[name].as_str().filter(|text| !text.is_empty()).map(str::to_string);
    Some(Claims {
        id: text("id")?,
        collection_id: text("collectionId")?,
        kind: text("type")?,
        refreshable: payload["refreshable"] == true,
        tenant: text("tenant").map_or_else(TenantId::default, |tenant| TenantId::new(&tenant)),
        exp: seconds(&payload["exp"])?,
    })
}

pub(crate) fn decode(part: &str) -> Option<Json> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

/// Other makers of tokens write seconds as floats.
#[allow(clippy::cast_possible_truncation)]
pub(crate) fn seconds(json: &Json) -> Option<i64> {
    json.as_i64().or_else(|| json.as_f64().map(|seconds| seconds as i64))
}

/// `None` if a part of the key is missing: half a key would be easier to guess.
pub(crate) fn key(record: &Record, kind: TokenKind) -> Option<String> {
    let secret = &kind.options(record.collection.auth.as_ref()?).secret;
    let token_key = record.text("tokenKey");
    (!token_key.is_empty() && !secret.is_empty()).then(|| format!("{token_key}{secret}"))
}

pub(crate) fn sign(claims: &impl Serialize, key: &str) -> String {
    let header = URL_SAFE_NO_PAD.encode(br#"{"alg":"HS256","typ":"JWT"}"#);
    let claims = serde_json::to_string(claims).unwrap_or_default();
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(mac(&signed, key).finalize().into_bytes());
    format!("{signed}.{signature}")
}

/// Whether the last part of `token` signs the others.
pub(crate) fn is_signed(token: &str, key: &str) -> Result<(), TokenError> {
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| TokenError::Malformed)?;
    // `verify_slice` compares in constant time.
    mac(signed, key).verify_slice(&signature).map_err(|_| TokenError::Signature)
}

pub(crate) fn mac(signed: &str, key: &str) -> Hmac<Sha256> {
    // HMAC takes keys of any length; an empty one never gets here.
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes())
        .unwrap_or_else(|_| Hmac::<Sha256>::new(&Default::default()));
    mac.update(signed.as_bytes());
    mac
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::sync::Arc;
    use tidewire_model::{Collection, CollectionKind, Field, Value};

    const KEY: &str = "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkssssssssssssssssssssssssssssss";
    const NOW: i64 = 4_000_000_000;

    pub(crate) fn record() -> Record {
        let field = |name: &str| Field { name: name.into(), ..Field::default() };
        let options =
            |letter: &str, duration| TokenOptions { duration, secret: letter.repeat(30).into_boxed_str() };
        let auth = AuthOptions {
            auth_token: options("s", 60),
            file_token: options("f", 180),
            ..AuthOptions::default()
        };
        let mut collection = Collection::default();
        collection.id = "c1".into();
        collection.kind = CollectionKind::Auth;
        collection.fields = ["id", "email", "tokenKey"].map(field).to_vec();
        collection.auth = Some(auth);
        collection.index_fields();
        let mut record = Record::empty(Arc::new(collection), TenantId::default());
        record.set("id", Value::text("r1"));
        record.set("email", Value::text("a@b.c"));
        record.set("tokenKey", Value::text(&"k".repeat(30)));
        record
    }

    fn part(json: &str) -> String {
        URL_SAFE_NO_PAD.encode(json)
    }

    fn claims_text(token: &str) -> String {
        let part = token.split('.').nth(1).unwrap();
        String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    #[test]
    fn an_issued_token_is_accepted_for_its_use_only() {
        let record = record();
        let token = issue(&record, TokenKind::Auth, true, None);
        assert!(token.starts_with(&part(r#"{"alg":"HS256","typ":"JWT"}"#)));
        let claims = verify(&token, &record, TokenKind::Auth).unwrap();
        let exp = claims.exp;
        assert!(claims.refreshable && (exp - Timestamp::now().seconds() - 60).abs() <= 2);
        assert_eq!(
            claims_text(&token),
            format!(r#"{{"collectionId":"c1","exp":{exp},"id":"r1","refreshable":true,"type":"auth"}}"#)
        );
        assert_eq!(verify(&token, &record, TokenKind::File), Err(TokenError::Kind));
        let file = issue(&record, TokenKind::File, false, None);
        assert_eq!(verify(&file, &record, TokenKind::Auth), Err(TokenError::Kind));
        assert!(!claims_text(&file).contains("refreshable"));
        let short = issue(&record, TokenKind::Auth, false, Some(-1));
        assert_eq!(verify(&short, &record, TokenKind::Auth), Err(TokenError::Expired));
        // No secret was set for this kind.
        assert_eq!(issue(&record, TokenKind::Verification, false, None), "");
    }

    #[test]
    fn a_token_belongs_to_one_tenant() {
        let mut record = record();
        record.tenant = TenantId::new("t1");
        let token = issue(&record, TokenKind::Auth, true, None);
        assert_eq!(
            verify(&token, &record, TokenKind::Auth).map(|claims| claims.tenant),
            Ok(TenantId::new("t1"))
        );
        record.tenant = TenantId::default();
        assert_eq!(verify(&token, &record, TokenKind::Auth), Err(TokenError::Signature));
    }

    #[test]
    fn a_token_dies_with_the_token_key() {
        let mut record = record();
        let token = issue(&record, TokenKind::Auth, true, None);
        for key in ["other", ""] {
            record.set("tokenKey", Value::text(key));
            assert_eq!(verify(&token, &record, TokenKind::Auth), Err(TokenError::Signature));
        }
    }

    #[test]
    fn forged_tokens_are_refused() {
        use TokenError::{Kind, Malformed, Signature};
        let head = part(r#"{"alg":"HS256","typ":"JWT"}"#);
        let body = r#"{"collectionId":"c1","exp":4000000001,"id":"r1","refreshable":true,"type":"auth"}"#;
        let signed = |head: &str, body: &str| {
            let signed = format!("{head}.{}", part(body));
            let code = mac(&signed, KEY).finalize().into_bytes();
            format!("{signed}.{}", URL_SAFE_NO_PAD.encode(code))
        };
        let good = signed(&head, body);
        assert!(verify(&good, &record(), TokenKind::Auth).is_ok());
        let none = part(r#"{"alg":"none","typ":"JWT"}"#);
        let cases = [
            (signed(&none, body), Malformed),
            (format!("{none}.{}.", part(body)), Malformed),
            (signed(&part(r#"{"alg":"HS512","typ":"JWT"}"#), body), Malformed),
            (signed(&part(r#"{"alg":"hs256"}"#), body), Malformed),
            (signed(&part(r#"{"typ":"JWT"}"#), body), Malformed),
            (signed(&head, &body.replace("auth", "file")), Kind),
            (signed(&head, &body.replace(r#""exp":4000000001,"#, "")), Malformed),
            (signed(&head, &body.replace("4000000001", r#""4000000001""#)), Malformed),
            (signed(&head, &body.replace(r#""id":"r1","#, "")), Malformed),
            (signed(&head, &body.replace("r1", "")), Malformed),
            (signed(&head, &body.replace("r1", "r2")), Signature),
            (signed(&head, &body.replace("c1", "c2")), Signature),
            (signed(&head, "[]"), Malformed),
            (signed(&head, "null"), Malformed),
            (signed(&head, "{"), Malformed),
            (format!("{head}.{}.{}", part(body), part("x")), Signature),
            (format!("{head}.{}.", part(body)), Signature),
            (good[..good.len() - 3].to_string(), Signature),
            (format!("{good}="), Malformed),
            (format!("{good}.x"), Malformed),
            (good.replacen('.', "", 1), Malformed),
            (good.replacen('e', "*", 1), Malformed),
            (format!("{good}{}", "A".repeat(TOKEN_BYTES_MAX)), Malformed),
            (String::new(), Malformed),
            ("..".into(), Malformed),
        ];
        for (token, error) in cases {
            assert_eq!(verify(&token, &record(), TokenKind::Auth), Err(error), "{token}");
        }
    }

    #[test]
    fn expiry_is_exclusive() {
        let token = |exp: &str| {
            let body = format!(r#"{{"collectionId":"c","exp":{exp},"id":"i","type":"auth"}}"#);
            format!("{}.{}.", part(r#"{"alg":"HS256"}"#), part(&body))
        };
        for (exp, good) in
            [("3999999999", false), ("4000000000", false), ("4000000001", true), ("4e9", false)]
        {
            assert_eq!(peek_at(&token(exp), NOW).is_ok(), good, "{exp}");
        }
        assert_eq!(peek_at(&token("4.5e9"), NOW).map(|claims| claims.exp), Ok(4_500_000_000));
    }
}
