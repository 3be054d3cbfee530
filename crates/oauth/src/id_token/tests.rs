use super::*;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::json;
use tidewire_model::oauth2::ProviderOptions;

struct Signer {
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

impl Signer {
    fn new() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
        Self { pair, random }
    }

    fn jwk(&self, id: &str) -> Json {
        let point = self.pair.public_key().as_ref();
        let (x, y) = (BASE64.encode(&point[1..33]), BASE64.encode(&point[33..]));
        json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": id, "x": x, "y": y })
    }

    fn token(&self, header: &Json, claims: &Json) -> String {
        let part = |json: &Json| BASE64.encode(json.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = self.pair.sign(&self.random, message.as_bytes()).unwrap();
        format!("{message}.{}", BASE64.encode(signature.as_ref()))
    }
}

fn provider() -> Provider {
    let extra =
        json!({ "issuers": ["https://id.test", "https://old.test"], "jwksURL": "https://id.test/keys" });
    let options = ProviderOptions {
        name: "oidc".into(),
        client_id: "us".into(),
        extra: extra.as_object().cloned(),
        ..ProviderOptions::default()
    };
    Provider::new(&options).unwrap()
}

fn now() -> i64 {
    i64::try_from(jsonwebtoken::get_current_timestamp()).unwrap()
}

fn sound() -> Json {
    json!({ "sub": "7", "iss": "https://id.test", "aud": "us", "exp": now() + 60, "iat": now() })
}

fn with(mut json: Json, changes: Json) -> Json {
    for (name, value) in changes.as_object().unwrap() {
        json[name] = value.clone();
    }
    json
}

fn sets(keys: &[Json]) -> JwkSet {
    serde_json::from_value(json!({ "keys": keys })).unwrap()
}

#[test]
fn claims_must_be_about_us_and_now() {
    let signer = Signer::new();
    let keys = sets(&[signer.jwk("a")]);
    let header = json!({ "alg": "ES256", "kid": "a" });
    for (changes, expected) in [
        (json!({}), true),
        (json!({ "iss": "https://old.test" }), true),
        (json!({ "iss": "https://evil.test" }), false),
        (json!({ "iss": null }), false),
        (json!({ "aud": "them" }), false),
        (json!({ "aud": null }), false),
        (json!({ "aud": ["us"] }), true),
        (json!({ "aud": ["us", "them"] }), false),
        (json!({ "aud": ["us", "them"], "azp": "us" }), true),
        (json!({ "aud": ["us", "them"], "azp": "them" }), false),
        (json!({ "azp": "them" }), false),
        (json!({ "exp": now() - 200 }), true),
        (json!({ "exp": now() - 400 }), false),
        (json!({ "exp": null }), false),
        (json!({ "exp": "soon" }), false),
        (json!({ "nbf": now() + 400 }), false),
        (json!({ "sub": null }), false),
    ] {
        let token = signer.token(&header, &with(sound(), changes.clone()));
        let found = claims(&provider(), &keys, &token);
        assert_eq!(found.is_ok(), expected, "{changes}: {found:?}");
    }
}

#[test]
fn only_the_providers_keys_sign() {
    let (ours, other) = (Signer::new(), Signer::new());
    let one = sets(&[ours.jwk("a")]);
    let two = sets(&[other.jwk("b"), ours.jwk("a")]);
    let header = |changes: Json| with(json!({ "alg": "ES256", "kid": "a" }), changes);
    let mut encryption = ours.jwk("a");
    encryption["use"] = "enc".into();
    let shared = json!({ "kty": "oct", "kid": "a", "k": "c2VjcmV0" });
    for (keys, signer, header, expected) in [
        (&one, &ours, header(json!({})), true),
        (&two, &ours, header(json!({})), true),
        (&one, &other, header(json!({})), false),
        (&two, &ours, header(json!({ "kid": "b" })), false),
        (&one, &ours, header(json!({ "kid": "c" })), false),
        (&one, &ours, header(json!({ "kid": null })), true),
        (&two, &ours, header(json!({ "kid": null })), false),
        (&one, &ours, header(json!({ "alg": "none" })), false),
        (&one, &ours, header(json!({ "alg": "HS256" })), false),
        (&one, &ours, header(json!({ "alg": "RS256" })), false),
        (&one, &ours, header(json!({ "alg": "ES384" })), false),
        (&sets(&[encryption]), &ours, header(json!({})), false),
        (&sets(&[shared]), &ours, header(json!({ "alg": "HS256" })), false),
        (&sets(&[]), &ours, header(json!({})), false),
    ] {
        let token = signer.token(&header, &sound());
        let found = claims(&provider(), keys, &token);
        assert_eq!(found.is_ok(), expected, "{header}: {found:?}");
    }
}

#[test]
fn what_is_no_token_or_was_changed_is_refused() {
    let signer = Signer::new();
    let keys = sets(&[signer.jwk("a")]);
    let token = signer.token(&json!({ "alg": "ES256", "kid": "a" }), &sound());
    let parts: Vec<&str> = token.split('.').collect();
    let forged = BASE64.encode(with(sound(), json!({ "sub": "8" })).to_string());
    for text in [
        String::new(),
        "a.b".to_owned(),
        "..".to_owned(),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{forged}.{}", parts[0], parts[2]),
        format!("{token}.x"),
    ] {
        assert!(claims(&provider(), &keys, &text).is_err(), "{text}");
    }
    assert!(claims(&provider(), &keys, &token).is_ok());
}

#[test]
fn a_nonce_is_that_of_the_verifier() {
    let ours = nonce::nonce("our verifier");
    for (told, verifier, expected) in [
        (json!(ours), "our verifier", true),
        (json!(ours), "another verifier", false),
        // whoever brings a stolen code without a verifier
        (json!(ours), "", false),
        (json!("own"), "our verifier", false),
        (json!("own"), "", false),
        (json!(""), "our verifier", false),
        (json!(7), "our verifier", false),
        (json!(null), "our verifier", false),
        (json!(null), "", true),
    ] {
        let claims = with(sound(), json!({ "nonce": told }));
        assert_eq!(nonce::check(&claims, verifier).is_ok(), expected, "{told} {verifier}");
    }
    // as any client can make it
    assert_eq!(ours, "oy2tn-y46fivPAlrjwqzwpbiQ4J7k4JQqx9A8B8nL4s");
}
