//! The mark each written record carries, found again in any byte stream without parsing it.

use memchr::memmem::Finder;

const PREFIX: &[u8] = b"tw:";
/// Bytes of a whole mark: prefix, writer (2), key (2), sequence (8), semicolon.
pub const LENGTH: usize = 16;

/// Who wrote a record, which subscribers it is for, and its number in the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub writer: u8,
    pub key: u8,
    pub sequence: u32,
}

impl Mark {
    pub fn text(self) -> String {
        format!("tw:{:02x}{:02x}{:08x};", self.writer, self.key, self.sequence)
    }

    fn parse(bytes: &[u8]) -> Option<Mark> {
        let hex = |from: usize, to: usize| {
            let text = std::str::from_utf8(bytes.get(from..to)?).ok()?;
            u32::from_str_radix(text, 16).ok()
        };
        if bytes.get(LENGTH - 1) != Some(&b';') {
            return None;
        }
        Some(Mark { writer: hex(3, 5)? as u8, key: hex(5, 7)? as u8, sequence: hex(7, 15)? })
    }
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
            let rest = search.scan(&kept, |mark| seen.push(mark.sequence));
            kept.drain(..kept.len() - rest);
        }
        assert_eq!(seen, sequences, "{pieces:?}");
    }

    #[test]
    fn marks_are_found_however_the_stream_is_cut() {
        let mark = |sequence| Mark { writer: 3, key: 255, sequence }.text();
        let text = format!("data:{}\n\n:\n\n{}t{}", mark(1), mark(0xabcdef), mark(7));
        let (sequences, whole) = ([1, 0xabcdef, 7], text.as_str());
        check(&[whole], &sequences);
        for cut in 0..whole.len() {
            check(&[&whole[..cut], &whole[cut..]], &sequences);
        }
        check(&["tw:", "tw:zz", "tw:00000000001;", &mark(9)], &[9]);
    }
}
