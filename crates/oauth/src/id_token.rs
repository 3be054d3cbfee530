//! ID tokens: signature, issuer, audience, times and nonce.

use crate::user_info::AGENT;
use crate::{OAuthError, Provider, nonce, signature};
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{AlgorithmFamily, DecodingKey, Header, Validation, decode, decode_header};
use serde_json::Value as Json;
use tidewire_outbound::{Client, Request};

/// Seconds by which clocks may differ.
const LEEWAY: u64 = 300;

/// The claims of a token that the provider's keys have signed for us, and for the client that has this verifier.
pub(crate) async fn verify(
    client: &Client,
    provider: &Provider,
    token: &str,
    verifier: &str,
) -> Result<Json, OAuthError> {
    let keys = fetch(client, provider.keys_url()).await?;
    let claims = claims(provider, &keys, token)?;
    if provider.sends_nonce() {
        nonce::check(&claims, verifier)?;
    }
    Ok(claims)
}

/// Asked for each time: who signs in is patient, and a key that was withdrawn counts no more.
async fn fetch(client: &Client, url: &str) -> Result<JwkSet, OAuthError> {
    let headers = vec![(AGENT.0.to_owned(), AGENT.1.to_owned())];
    let request = Request { url: url.to_owned(), headers, ..Request::default() };
    let answer = client.send(request).await.map_err(|error| OAuthError::user(format!("no keys: {error}")))?;
    if answer.status != 200 {
        return Err(OAuthError::user(format!("keys were refused with {}", answer.status)));
    }
    serde_json::from_slice(&answer.body).map_err(|_| OAuthError::user("the keys cannot be read"))
}

fn claims(provider: &Provider, keys: &JwkSet, token: &str) -> Result<Json, OAuthError> {
    signature::install();
    let invalid = |error: jsonwebtoken::errors::Error| OAuthError::user(format!("ID token: {error}"));
    let header = decode_header(token).map_err(invalid)?;
    let jwk = key(keys, &header).ok_or_else(|| OAuthError::user("ID token: signed with an unknown key"))?;
    let key = DecodingKey::from_jwk(jwk).map_err(invalid)?;
    if key.family() == AlgorithmFamily::Hmac {
        return Err(OAuthError::user("ID token: a public key cannot be a secret"));
    }
    let found = decode::<Json>(token, &key, &validation(provider, &header)).map_err(invalid)?;
    check_party(&found.claims, &provider.options.client_id)?;
    Ok(found.claims)
}

/// By its id; without one only if there is no choice.
fn key<'a>(keys: &'a JwkSet, header: &Header) -> Option<&'a Jwk> {
    let wanted = header.alg.to_jwk();
    let fits = |key: &&Jwk| {
        let common = &key.common;
        common.key_algorithm.is_none_or(|algorithm| algorithm == wanted)
            && common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature)
    };
    match &header.kid {
        Some(id) => keys.find(id).filter(fits),
        None => Some(&keys.keys).filter(|keys| keys.len() == 1).and_then(|keys| keys.first()).filter(fits),
    }
}

fn validation(provider: &Provider, header: &Header) -> Validation {
    let mut validation = Validation::new(header.alg);
    validation.leeway = LEEWAY;
    validation.validate_nbf = true;
    validation.set_audience(&[&provider.options.client_id]);
    validation.set_required_spec_claims(&["exp", "aud", "sub"]);
    let issuers = provider.issuers();
    if !issuers.is_empty() {
        validation.set_issuer(&issuers);
        validation.required_spec_claims.insert("iss".to_owned());
    }
    validation
}

/// A token for several must have been asked for by us.
fn check_party(claims: &Json, client_id: &str) -> Result<(), OAuthError> {
    let several = claims["aud"].as_array().is_some_and(|all| all.len() > 1);
    let party = claims["azp"].as_str();
    if party == Some(client_id) || (party.is_none() && !several) {
        return Ok(());
    }
    Err(OAuthError::user("ID token: it was made for another client"))
}

/// Names of one algorithm in two places.
trait ToJwk {
    fn to_jwk(self) -> jsonwebtoken::jwk::KeyAlgorithm;
}

impl ToJwk for jsonwebtoken::Algorithm {
    fn to_jwk(self) -> jsonwebtoken::jwk::KeyAlgorithm {
        format!("{self:?}").parse().unwrap_or(jsonwebtoken::jwk::KeyAlgorithm::UNKNOWN_ALGORITHM)
    }
}

#[cfg(test)]
mod tests;
