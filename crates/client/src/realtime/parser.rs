use memchr::memchr2;

/// bytes of one event, its names with it
const MOST: usize = 64 << 20;

/// One event of the stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    /// its own id; `None`: it had none
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    pub(crate) data: String,
}

/// An event is longer than any that is meant.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

/// Reads server-sent events from pieces of any size.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    /// of a line that has not ended
    line: Vec<u8>,
    frame: Frame,
    has_data: bool,
    /// the last piece ended with a carriage return: a line feed that follows belongs to it
    after_return: bool,
    has_begun: bool,
}

impl Parser {
    /// Appends the events that end in this piece.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], out: &mut Vec<Frame>) -> Result<(), TooLong> {
        while !bytes.is_empty() {
            if std::mem::take(&mut self.after_return) && bytes[0] == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let end = memchr2(b'\r', b'\n', bytes);
            let (part, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            if self.line.len() + part.len() + self.frame.data.len() > MOST {
                return Err(TooLong);
            }
            self.line.extend_from_slice(part);
            bytes = rest;
            if let Some((ending, rest)) = rest.split_first() {
                self.after_return = *ending == b'\r';
                bytes = rest;
                self.end_line(out);
            }
        }
        Ok(())
    }

    fn end_line(&mut self, out: &mut Vec<Frame>) {
        let bytes = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&bytes);
        let first = !std::mem::replace(&mut self.has_begun, true);
        let line = if first { line.strip_prefix('\u{feff}').unwrap_or(&line) } else { &line };
        if line.is_empty() {
            self.end_frame(out);
            return;
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        self.field(name, value.strip_prefix(' ').unwrap_or(value));
    }

    fn field(&mut self, name: &str, value: &str) {
        match name {
            "id" if !value.contains('\0') => self.frame.id = Some(value.to_owned()),
            "event" => value.clone_into(&mut self.frame.name),
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.frame.data.push('\n');
                }
                self.frame.data.push_str(value);
            }
            // comments, `retry`, and what nobody knows
            _ => {}
        }
    }

    /// A frame without data is none, but its id counts with the next one's only if that has none: servers here give each its own.
    fn end_frame(&mut self, out: &mut Vec<Frame>) {
        let frame = std::mem::take(&mut self.frame);
        if std::mem::take(&mut self.has_data) {
            out.push(frame);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(pieces: &[&[u8]]) -> Vec<Frame> {
        let (mut parser, mut out) = (Parser::default(), Vec::new());
        pieces.iter().for_each(|piece| parser.feed(piece, &mut out).unwrap());
        out
    }

    fn frame(id: Option<&str>, name: &str, data: &str) -> Frame {
        Frame { id: id.map(str::to_owned), name: name.to_owned(), data: data.to_owned() }
    }

    #[test]
    fn events_are_read_with_every_ending() {
        for (text, expected) in [
            ("id:c\nevent:PB_CONNECT\ndata:{}\n\n", vec![frame(Some("c"), "PB_CONNECT", "{}")]),
            ("\u{feff}data: a\r\n\r\ndata:b\r\r", vec![frame(None, "", "a"), frame(None, "", "b")]),
            (":\n\n:comment\n\nretry:5\n\nid:x\n\n", vec![]),
            ("data:a\ndata:\ndata: b\nx:y\n\n", vec![frame(None, "", "a\n\nb")]),
            ("data\n\n", vec![frame(None, "", "")]),
            ("event:t\ndata:1", vec![]),
            ("data:1\n\nid:a\0b\ndata:2\n\n", vec![frame(None, "", "1"), frame(None, "", "2")]),
        ] {
            assert_eq!(parse(&[text.as_bytes()]), expected, "{text:?}");
        }
    }

    #[test]
    fn an_event_without_end_is_refused() {
        let (mut parser, mut out) = (Parser::default(), Vec::new());
        let piece = vec![b'x'; 1 << 20];
        let mut fed = (0..65).map(|_| parser.feed(&piece, &mut out));
        assert!(fed.any(|done| done == Err(TooLong)));
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same(text in "([a:\n\r é]|data:|id:|event:|\n\n|\r\n){0,60}", cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
            let bytes = text.as_bytes();
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            at.sort_unstable();
            let (mut pieces, mut from) = (Vec::new(), 0);
            for cut in at {
                pieces.push(&bytes[from..cut]);
                from = cut;
            }
            pieces.push(&bytes[from..]);
            prop_assert_eq!(parse(&pieces), parse(&[bytes]));
        }
    }
}
