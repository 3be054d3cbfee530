use argon2::{Algorithm, Argon2, Block, Params, PasswordVerifier, Version, password_hash::phc::PasswordHash};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use subtle::ConstantTimeEq;

/// How today's hashes begin: argon2id with 19 MiB, two passes, one lane.
pub(crate) const CURRENT: &str = "$argon2id$v=19$m=19456,t=2,p=1$";

const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// Room in blocks of 1 KiB for which the allocator asks the system, and which it gives back at once. Smaller pieces come
/// from the heap, where other threads' allocations break them up, and the process grows with each hash.
const MAPPED_BLOCKS: usize = 33 * 1024;

/// A fresh hash in PHC form.
pub(crate) fn hash(password: &str) -> Option<String> {
    let salt: [u8; SALT_BYTES] = rand::random();
    let hash = compute(password, &salt)?;
    Some(format!("{CURRENT}{}${}", STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash)))
}

/// Checks a PHC text of any argon2 parameters.
pub(crate) fn matches(password: &str, phc: &str) -> bool {
    match phc.strip_prefix(CURRENT).and_then(|rest| rest.split_once('$')) {
        Some((salt, hash)) => matches_current(password, salt, hash).unwrap_or(false),
        None => PasswordHash::new(phc)
            .is_ok_and(|phc| Argon2::default().verify_password(password.as_bytes(), &phc).is_ok()),
    }
}

fn matches_current(password: &str, salt: &str, hash: &str) -> Option<bool> {
    let salt = STANDARD_NO_PAD.decode(salt).ok()?;
    let expected = STANDARD_NO_PAD.decode(hash).ok()?;
    let actual = compute(password, &salt)?;
    Some(expected.ct_eq(&actual[..]).into())
}

fn compute(password: &str, salt: &[u8]) -> Option<[u8; HASH_BYTES]> {
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::default());
    let mut blocks = Vec::with_capacity(MAPPED_BLOCKS);
    blocks.resize(argon.params().block_count(), Block::default());
    let mut hash = [0; HASH_BYTES];
    argon.hash_password_into_with_memory(password.as_bytes(), salt, &mut hash, &mut blocks).ok()?;
    Some(hash)
}
