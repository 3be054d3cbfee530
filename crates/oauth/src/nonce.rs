//! The nonce of an ID token: it binds the token to the client that began. Nobody keeps which client was told which nonce;
//! it is a hash of the verifier, which only that client has, so the exchange tells it again.

use crate::OAuthError;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use ring::digest::{Context, SHA256};
use serde_json::Value as Json;

/// Another hash than PKCE's challenge, which the provider is shown as well.
const PURPOSE: &[u8] = b"nonce ";

pub(crate) fn nonce(verifier: &str) -> String {
    let mut hash = Context::new(&SHA256);
    hash.update(PURPOSE);
    hash.update(verifier.as_bytes());
    BASE64.encode(hash.finish())
}

/// Whoever has a verifier has sent a nonce; whoever has none has sent none.
pub(crate) fn check(claims: &Json, verifier: &str) -> Result<(), OAuthError> {
    let wanted = Some(verifier).filter(|verifier| !verifier.is_empty()).map(nonce);
    match (&claims["nonce"], wanted) {
        (Json::Null, None) => Ok(()),
        (Json::String(told), Some(wanted)) if *told == wanted => Ok(()),
        (Json::Null, Some(_)) => Err(OAuthError::user("ID token: it has no nonce")),
        _ => Err(OAuthError::user("ID token: it was asked for by another client")),
    }
}
