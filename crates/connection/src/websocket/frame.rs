//! Frames of a server: whole messages, not masked.

use super::Close;
use bytes::Bytes;

const FIN: u8 = 0x80;
const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;
/// bytes that a control frame may carry
const CONTROL: usize = 125;

/// Appends a text frame whose payload `write` appends; nothing if `write` says false.
pub fn write_text(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> bool) -> bool {
    let start = out.len();
    // the header of most messages; others are moved
    out.extend_from_slice(&[FIN | TEXT, 126, 0, 0]);
    if !write(out) {
        out.truncate(start);
        return false;
    }
    seal(out, start);
    true
}

/// A text frame.
pub fn text(payload: impl AsRef<[u8]>) -> Bytes {
    let payload = payload.as_ref();
    let mut out = Vec::with_capacity(payload.len() + 10);
    write_text(&mut out, |out| {
        out.extend_from_slice(payload);
        true
    });
    out.into()
}

pub(super) fn ping(payload: &[u8]) -> Bytes {
    control(PING, payload)
}

pub(super) fn pong(payload: &[u8]) -> Bytes {
    control(PONG, payload)
}

/// `None`: without a status.
pub(super) fn close(close: Option<&Close>) -> Bytes {
    let Some(close) = close else { return control(CLOSE, &[]) };
    let reason = &close.reason[..close.reason.floor_char_boundary(CONTROL - 2)];
    let mut payload = close.code.to_be_bytes().to_vec();
    payload.extend_from_slice(reason.as_bytes());
    control(CLOSE, &payload)
}

fn control(opcode: u8, payload: &[u8]) -> Bytes {
    let payload = &payload[..payload.len().min(CONTROL)];
    let mut out = Vec::with_capacity(2 + payload.len());
    out.extend_from_slice(&[FIN | opcode, payload.len() as u8]);
    out.extend_from_slice(payload);
    out.into()
}

/// Writes the length into the header of the frame that begins at `start`.
fn seal(out: &mut Vec<u8>, start: usize) {
    let (payload, end) = (start + 4, out.len());
    let length = end - payload;
    if length < 126 {
        out[start + 1] = length as u8;
        out.copy_within(payload.., start + 2);
        out.truncate(end - 2);
    } else if let Ok(length) = u16::try_from(length) {
        out[start + 2..payload].copy_from_slice(&length.to_be_bytes());
    } else {
        out.extend_from_slice(&[0; 6]);
        out.copy_within(payload..end, payload + 6);
        out[start + 1] = 127;
        out[start + 2..payload + 6].copy_from_slice(&(length as u64).to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_frames_state_their_length_in_the_shortest_form() {
        for (length, header) in [
            (0, vec![0x81, 0]),
            (125, vec![0x81, 125]),
            (126, vec![0x81, 126, 0, 126]),
            (65_535, vec![0x81, 126, 0xff, 0xff]),
            (65_536, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let payload: Vec<u8> = (0..length).map(|at| b'a' + (at % 26) as u8).collect();
            let mut out = b"before".to_vec();
            assert!(write_text(&mut out, |out| {
                out.extend_from_slice(&payload);
                true
            }));
            let expected = [b"before", &*header, &payload].concat();
            assert!(out == expected, "{length}");
            assert!(text(&payload) == expected[6..], "{length}");
        }
        let mut out = b"before".to_vec();
        assert!(!write_text(&mut out, |out| {
            out.push(b'x');
            false
        }));
        assert_eq!(out, b"before");
    }

    #[test]
    fn close_frames_are_equal_to_the_byte() {
        for (closing, expected) in [
            (Some(Close::new(1008, "Missing token")), b"\x88\x0f\x03\xf0Missing token".to_vec()),
            (
                Some(Close::new(1008, "Authentication failed")),
                b"\x88\x17\x03\xf0Authentication failed".to_vec(),
            ),
            (
                Some(Close::new(1011, "keepalive ping timeout")),
                b"\x88\x18\x03\xf3keepalive ping timeout".to_vec(),
            ),
            (Some(Close::new(1012, "")), b"\x88\x02\x03\xf4".to_vec()),
            (None, b"\x88\x00".to_vec()),
            (
                Some(Close::new(4000, "\u{e9}".repeat(90))),
                [&b"\x88\x7c\x0f\xa0"[..], "\u{e9}".repeat(61).as_bytes()].concat(),
            ),
        ] {
            assert_eq!(close(closing.as_ref()), expected, "{closing:?}");
        }
    }
}
