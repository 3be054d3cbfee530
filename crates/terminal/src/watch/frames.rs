use crate::Failure;

/// Bytes of one event: more than any server of this kind sends.
const EVENT_BYTES: usize = 64 << 20;

/// One server-sent event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    pub id: String,
    pub event: String,
    pub data: String,
}

/// Makes events of bytes, however these are cut.
#[derive(Debug, Default)]
pub struct Frames {
    /// what no line ends yet
    rest: Vec<u8>,
    /// the last byte was a carriage return, which a line feed may belong to
    returned: bool,
    frame: Frame,
    begun: bool,
}

impl Frames {
    /// Takes bytes; answers the events that end in them.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Frame>, Failure> {
        let mut found = Vec::new();
        for byte in bytes {
            let second = std::mem::take(&mut self.returned) && *byte == b'\n';
            match byte {
                _ if second => {}
                b'\n' | b'\r' => {
                    self.returned = *byte == b'\r';
                    let line = std::mem::take(&mut self.rest);
                    found.extend(self.line(&String::from_utf8_lossy(&line)));
                }
                byte => self.rest.push(*byte),
            }
        }
        if self.rest.len() + self.frame.data.len() > EVENT_BYTES {
            return Err(Failure::Failed(format!(
                "the server sent an event of more than {} MiB",
                EVENT_BYTES >> 20
            )));
        }
        Ok(found)
    }

    fn line(&mut self, line: &str) -> Option<Frame> {
        if line.is_empty() {
            let frame = std::mem::take(&mut self.frame);
            return std::mem::take(&mut self.begun).then_some(frame);
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name.trim_start_matches('\u{feff}') {
            "id" => value.clone_into(&mut self.frame.id),
            "event" => value.clone_into(&mut self.frame.event),
            "data" => {
                if self.begun {
                    self.frame.data.push('\n');
                }
                self.begun = true;
                self.frame.data.push_str(value);
            }
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STREAM: &str = "\u{feff}id:1\r\nevent: a\r\ndata:{\"x\":\"é\"}\r\n\r\n: comment\n\nretry:5\nid:2\nevent:b\ndata:1\ndata:2\n\nid:3\ndata\r\rdata:x\n";

    fn frame(id: &str, event: &str, data: &str) -> Frame {
        Frame { id: id.into(), event: event.into(), data: data.into() }
    }

    proptest! {
        #[test]
        fn events_do_not_depend_on_how_bytes_are_cut(mut cuts in prop::collection::vec(0..STREAM.len(), 0..12)) {
            cuts.sort_unstable();
            let (mut frames, mut found, mut from) = (Frames::default(), Vec::new(), 0);
            for to in cuts.into_iter().chain([STREAM.len()]) {
                found.extend(frames.feed(&STREAM.as_bytes()[from..to]).unwrap());
                from = to;
            }
            let expected = [frame("1", "a", "{\"x\":\"é\"}"), frame("2", "b", "1\n2"), frame("3", "", "")];
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn an_event_without_end_is_refused() {
        let mut frames = Frames::default();
        let piece = vec![b'x'; EVENT_BYTES / 2 + 1];
        assert!(frames.feed(&piece).is_ok());
        assert_eq!(frames.feed(&piece).unwrap_err().code(), 1);
    }
}
