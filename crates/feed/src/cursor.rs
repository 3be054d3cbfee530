use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tidewire_model::Position;

const BODY: usize = 24;
const TAG: usize = 8;

/// Opaque, authenticated text for a [`Position`]: epoch, seq and offset with a cut-off HMAC, in base64url.
#[derive(Clone)]
pub struct Cursors {
    mac: Hmac<Sha256>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CursorError {
    /// not one of ours, or altered
    Invalid,
}

impl Cursors {
    pub fn new(key: [u8; 32]) -> Self {
        // HMAC fills a short key with zeros up to its block
        let mut block = [0; 64];
        block[..32].copy_from_slice(&key);
        Self { mac: Hmac::new(&block.into()) }
    }

    pub fn write(&self, position: &Position) -> String {
        let mut raw = [0; BODY + TAG];
        raw[..8].copy_from_slice(&position.epoch.to_be_bytes());
        raw[8..16].copy_from_slice(&position.seq.to_be_bytes());
        raw[16..BODY].copy_from_slice(&position.offset.to_be_bytes());
        let tag = self.mac.clone().chain_update(&raw[..BODY]).finalize().into_bytes();
        raw[BODY..].copy_from_slice(&tag[..TAG]);
        URL_SAFE_NO_PAD.encode(raw)
    }

    pub fn read(&self, text: &str) -> Result<Position, CursorError> {
        let mut raw = [0; BODY + TAG];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut raw) {
            Ok(length) if length == raw.len() => {}
            _ => return Err(CursorError::Invalid),
        }
        let check = self.mac.clone().chain_update(&raw[..BODY]);
        check.verify_truncated_left(&raw[BODY..]).map_err(|_| CursorError::Invalid)?;
        Ok(Position { epoch: number(&raw[..8]), seq: number(&raw[8..16]), offset: number(&raw[16..BODY]) })
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POSITION: Position = Position { epoch: 0xfeed_0123_4567_89ab, seq: 42, offset: 7 };

    #[test]
    fn a_position_comes_back_as_it_was() {
        let cursors = Cursors::new([7; 32]);
        for position in [
            POSITION,
            Position { epoch: 0, seq: 0, offset: 0 },
            Position { epoch: u64::MAX, seq: u64::MAX, offset: u64::MAX },
        ] {
            let text = cursors.write(&position);
            assert_eq!(cursors.read(&text), Ok(position));
            assert!(
                text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
            );
        }
    }

    #[test]
    fn damaged_and_forged_texts_are_refused() {
        let cursors = Cursors::new([7; 32]);
        let text = cursors.write(&POSITION);
        let other_key = Cursors::new([8; 32]).write(&POSITION);
        let long = format!("{text}A");
        for bad in ["", "x", "....", &text[1..], &text[..42], &long, &other_key, "\u{e9}", &"A".repeat(4000)]
        {
            assert_eq!(cursors.read(bad), Err(CursorError::Invalid), "{bad}");
        }
        for at in 0..text.len() {
            let mut altered = text.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            assert_eq!(cursors.read(&altered), Err(CursorError::Invalid), "byte {at}");
        }
    }
}
