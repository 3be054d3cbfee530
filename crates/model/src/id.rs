//! Random identifiers.

use crate::chance;
use rand::RngExt;

const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const HEX: &[u8] = b"0123456789abcdef";
const MIXED: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A record id: 15 characters of [a-z0-9].
pub fn record_id() -> String {
    pick(LOWER, 15)
}

/// `length` characters of [a-z0-9].
pub fn lower(length: usize) -> String {
    pick(LOWER, length)
}

/// `length` characters of [0-9a-f].
pub fn hex(length: usize) -> String {
    pick(HEX, length)
}

/// `length` characters of [A-Za-z0-9]: token keys, secrets, client ids.
pub fn secret(length: usize) -> String {
    pick(MIXED, length)
}

fn pick(alphabet: &[u8], length: usize) -> String {
    chance::draw(|random| {
        (0..length).map(|_| char::from(alphabet[random.random_range(0..alphabet.len())])).collect()
    })
}
