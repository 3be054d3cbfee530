use super::*;
use proptest::prelude::*;

/// A client's frame, with the length in the shortest form.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut out = vec![first];
    match payload.len() {
        length @ ..126 => out.push(MASKED | length as u8),
        length @ ..65_536 => {
            out.push(MASKED | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(MASKED | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&mask);
    out.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]));
    out
}

/// Everything that is decoded of `bytes` when they come `step` at a time.
fn decode(bytes: &[u8], step: usize) -> (Vec<Item>, Option<Close>) {
    let mut decoder = Decoder::new(100_000);
    let mut items = Vec::new();
    for mut part in bytes.chunks(step) {
        loop {
            match decoder.decode(&mut part) {
                Ok(Some(item)) => items.push(item),
                Ok(None) => break,
                Err(close) => return (items, Some(close)),
            }
        }
        assert!(part.is_empty(), "nothing is left behind");
    }
    (items, None)
}

fn check(frames: &[Vec<u8>], expected: &[Item], fault: Option<(u16, &str)>) {
    let bytes = frames.concat();
    let fault = fault.map(|(code, reason)| Close::new(code, reason.to_owned()));
    for step in [1, 2, 3, 7, 4096, bytes.len()] {
        assert_eq!(decode(&bytes, step), (expected.to_vec(), fault.clone()), "{step} of {bytes:02x?}");
    }
}

fn text(text: &str) -> Item {
    Item::Message(Message::Text(text.to_owned()))
}

#[test]
fn the_example_of_the_standard_is_read() {
    check(&[vec![0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]], &[text("Hello")], None);
}

#[test]
fn messages_may_be_fragmented_around_control_frames() {
    check(&[frame(0x81, b"")], &[text("")], None);
    check(&[frame(0x82, &[0xff])], &[Item::Message(Message::Binary(vec![0xff]))], None);
    check(
        &[
            frame(0x01, "h\u{e9}".as_bytes().split_at(2).0),
            frame(0x89, b"ping"),
            frame(0x00, b""),
            frame(0x8a, b"pong"),
            frame(0x80, "h\u{e9}".as_bytes().split_at(2).1),
            frame(0x81, b"next"),
        ],
        &[Item::Ping(b"ping".to_vec()), Item::Pong, text("h\u{e9}"), text("next")],
        None,
    );
    for length in [125, 126, 65_535, 65_536, 100_000] {
        let payload = "x".repeat(length);
        assert_eq!(decode(&frame(0x81, payload.as_bytes()), 4096), (vec![text(&payload)], None));
    }
}

#[test]
fn broken_frames_are_refused() {
    for (frames, code, reason) in [
        (vec![frame(0xc1, b"x")], 1002, "reserved bits must be 0"),
        (vec![frame(0x83, b"x")], 1002, "invalid opcode"),
        (vec![frame(0x8f, b"x")], 1002, "invalid opcode"),
        (vec![frame(0x09, b"x")], 1002, "fragmented control frame"),
        (vec![vec![0x81, 0x01, b'x']], 1002, "incorrect masking"),
        (vec![frame(0x89, &[0; 126])], 1002, "control frame too long"),
        (vec![frame(0x80, b"x")], 1002, "unexpected continuation frame"),
        (vec![frame(0x01, b"x"), frame(0x81, b"y")], 1002, "expected a continuation frame"),
        (vec![frame(0x88, b"x")], 1002, "close frame too short"),
        (vec![frame(0x88, &1005u16.to_be_bytes())], 1002, "invalid close code"),
        (vec![frame(0x88, &999u16.to_be_bytes())], 1002, "invalid close code"),
        (vec![frame(0x88, b"\x03\xe8\xff")], 1007, "invalid UTF-8"),
        (vec![frame(0x81, b"\xc3\x28")], 1007, "invalid UTF-8"),
        (vec![frame(0x01, b"\xc3"), frame(0x80, b"x")], 1007, "invalid UTF-8"),
        (vec![frame(0x81, &[b'x'; 100_001])], 1009, "frame exceeds limit of 100000 bytes"),
        (vec![frame(0x01, &[b'x'; 100_000]), frame(0x00, b"y")], 1009, "frame exceeds limit of 100000 bytes"),
        (
            vec![[&[0x81, 0xff][..], &u64::MAX.to_be_bytes(), &[0; 4]].concat()],
            1009,
            "frame exceeds limit of 100000 bytes",
        ),
    ] {
        check(&frames, &[], Some((code, reason)));
    }
}

#[test]
fn a_close_names_its_status_or_none() {
    check(&[frame(0x88, b"")], &[Item::Close(None)], None);
    for code in [1000, 1001, 1003, 1007, 1011, 1014, 3000, 4999] {
        let payload = [&u16::to_be_bytes(code)[..], b"bye"].concat();
        check(&[frame(0x88, &payload)], &[Item::Close(Some(Close::new(code, "bye")))], None);
    }
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), step in 1usize..50) {
        let whole = decode(&bytes, bytes.len().max(1));
        prop_assert_eq!(decode(&bytes, step), whole);
    }

    #[test]
    fn messages_come_back(payloads in proptest::collection::vec(".{0,300}", 0..8), step in 1usize..200) {
        let bytes = payloads.iter().flat_map(|payload| frame(0x81, payload.as_bytes())).collect::<Vec<_>>();
        let expected = payloads.iter().map(|payload| text(payload)).collect::<Vec<_>>();
        prop_assert_eq!(decode(&bytes, step), (expected, None));
    }
}
