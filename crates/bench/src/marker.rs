//! The mark each written record carries, found again in any byte stream without parsing it.

use memchr::memmem::Finder;

const PREFIX: &[u8] = b"tw:";
/// Bytes of a whole mark: prefix, writer (2), key (2), sequence (8), time (16), semicolon.
pub const LENGTH: usize = 32;

/// Who wrote a record, which subscribers it is for, its number in the run, and when it was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub writer: u8,
    pub key: u8,
    pub sequence: u32,
    /// nanoseconds since 1970
    pub time: u64,
}

impl Mark {
    pub fn text(self) -> String {
        format!("tw:{:02x}{:02x}{:08x}{:016x};", self.writer, self.key, self.sequence, self.time)
    }

    fn parse(bytes: &[u8]) -> Option<Mark> {
        if bytes.get(LENGTH - 1) != Some(&b';') {
            return None;
        }
        Some(Mark {
            writer: hex(&bytes[3..5])? as u8,
            key: hex(&bytes[5..7])? as u8,
            sequence: hex(&bytes[7..15])? as u32,
            time: hex(&bytes[15..31])?,
        })
    }
}

fn hex(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |value, digit| Some(value << 4 | u64::from(char::from(*digit).to_digit(16)?)))
}

/// Finds marks in a stream that arrives in pieces.
pub struct Search {
    finder: Finder<'static>,
}

impl Search {
    pub fn new() -> Self {
        Search { finder: Finder::new(PREFIX) }
    }

    /// Calls `found` for each whole mark and returns how many bytes at the end to bring again with the next piece.
    pub fn scan(&self, bytes: &[u8], mut found: impl FnMut(Mark)) -> usize {
        let mut at = 0;
        while let Some(offset) = self.finder.find(&bytes[at..]) {
            let start = at + offset;
            if bytes.len() - start < LENGTH {
                return bytes.len() - start;
            }
            match Mark::parse(&bytes[start..start + LENGTH]) {
                Some(mark) => {
                    found(mark);
                    at = start + LENGTH;
                }
                None => at = start + PREFIX.len(),
            }
        }
        // The last two bytes may be the beginning of a prefix.
        (bytes.len() - at).min(PREFIX.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pieces: &[&str], sequences: &[u32]) {
        let search = Search::new();
        let (mut kept, mut seen) = (Vec::new(), Vec::new());
        for piece in pieces {
            kept.extend_from_slice(piece.as_bytes());
            let rest = search.scan(&kept, |mark| seen.push(mark));
            kept.drain(..kept.len() - rest);
        }
        let expected: Vec<_> = sequences.iter().map(|sequence| mark(*sequence)).collect();
        assert_eq!(seen, expected, "{pieces:?}");
    }

    fn mark(sequence: u32) -> Mark {
        Mark { writer: 3, key: 255, sequence, time: 1_790_000_000_000_000_000 + u64::from(sequence) }
    }

    #[test]
    fn marks_are_found_however_the_stream_is_cut() {
        let text = |sequence| mark(sequence).text();
        let whole = format!("data:{}\n\n:\n\n{}t{}", text(1), text(0xabcdef), text(7));
        let sequences = [1, 0xabcdef, 7];
        check(&[&whole], &sequences);
        for cut in 0..whole.len() {
            check(&[&whole[..cut], &whole[cut..]], &sequences);
        }
        check(&["tw:", "tw:zz", "tw:00000000000000000000000000001;", &text(9)], &[9]);
    }
}
