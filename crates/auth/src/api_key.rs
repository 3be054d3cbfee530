use sha2::{Digest, Sha256};
use std::fmt::Write;
use tidewire_model::id;

/// A new random key: shown once, kept only as its hash.
pub fn new_api_key() -> String {
    format!("tw_{}", id::secret(40))
}

/// Hash under which an API key is kept: keys are long and random, so one fast hash is enough.
pub fn key_hash(key: &str) -> String {
    let digest = Sha256::digest(key.as_bytes());
    digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_hashed_as_lower_hex() {
        for (key, hash) in [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ] {
            assert_eq!(key_hash(key), hash);
        }
    }

    #[test]
    fn new_keys_differ() {
        let (a, b) = (new_api_key(), new_api_key());
        assert!(a != b && a.len() == 43 && a.starts_with("tw_"));
    }
}
