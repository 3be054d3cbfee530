use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Epoch, number, offset and a tag, 8 bytes each.
const BYTES: usize = 32;

/// Where a cursor of Tidewire has its place: which history, and the number in it. `None`: not one of Tidewire's, and
/// nothing may be concluded from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) epoch: u64,
    pub(crate) seq: u64,
}

impl Position {
    pub(crate) fn of(cursor: &str) -> Option<Self> {
        let mut raw = [0; BYTES];
        let length = URL_SAFE_NO_PAD.decode_slice(cursor, &mut raw).ok()?;
        let (epoch, rest) = raw.split_first_chunk::<8>()?;
        let (seq, _) = rest.split_first_chunk::<8>()?;
        (length == BYTES).then(|| Self { epoch: u64::from_be_bytes(*epoch), seq: u64::from_be_bytes(*seq) })
    }

    /// Whether it is of the same history, and later.
    pub(crate) fn is_after(self, other: Self) -> bool {
        self.epoch == other.epoch && self.seq > other.seq
    }
}

#[cfg(test)]
pub(crate) fn cursor(epoch: u64, seq: u64) -> String {
    let mut raw = [7; BYTES];
    raw[..8].copy_from_slice(&epoch.to_be_bytes());
    raw[8..16].copy_from_slice(&seq.to_be_bytes());
    URL_SAFE_NO_PAD.encode(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_of_one_history_have_an_order_and_other_texts_have_none() {
        let of = |epoch, seq| Position::of(&cursor(epoch, seq)).unwrap();
        assert_eq!(of(u64::MAX, 42), Position { epoch: u64::MAX, seq: 42 });
        assert!(of(1, 256).is_after(of(1, 255)) && !of(1, 255).is_after(of(1, 256)));
        assert!(!of(1, 5).is_after(of(1, 5)) && !of(2, 9).is_after(of(1, 5)));
        let text = cursor(1, 1);
        for other in
            ["", "now", &text[1..], &format!("{text}AA"), "pX20W0ZMK4LMpZDxD4lEYUf9KF6QOjWzNWOJ9SVU", "é"]
        {
            assert_eq!(Position::of(other), None, "{other}");
        }
    }
}
