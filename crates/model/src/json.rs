//! JSON text as PocketBase writes it: keys sorted, no HTML escaping, numbers as the shortest float64.

use crate::value::Value;
use serde_json::Value as Json;

/// Which characters above ASCII are written as they are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Escape {
    /// only what JSON demands
    Minimal,
    /// everything above ASCII as \uXXXX, so that no reader can split or garble the text
    Ascii,
}

/// A JSON number for a float64; NaN and infinities become null.
pub fn number(value: f64) -> Json {
    serde_json::Number::from_f64(value).map_or(Json::Null, Json::Number)
}

pub fn to_string(json: &Json) -> String {
    let mut out = Vec::new();
    write(&mut out, json, Escape::Minimal);
    String::from_utf8(out).unwrap_or_default()
}

/// Appends `json`, objects in the order of their map (sorted, since `preserve_order` is off).
pub fn write(out: &mut Vec<u8>, json: &Json, escape: Escape) {
    match json {
        Json::Null => out.extend_from_slice(b"null"),
        Json::Bool(true) => out.extend_from_slice(b"true"),
        Json::Bool(false) => out.extend_from_slice(b"false"),
        Json::Number(number) => write_number(out, number.as_f64().unwrap_or(0.0)),
        Json::String(text) => write_text(out, text, escape),
        Json::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                separate(out, index);
                write(out, item, escape);
            }
            out.push(b']');
        }
        Json::Object(map) => {
            out.push(b'{');
            for (index, (key, value)) in map.iter().enumerate() {
                separate(out, index);
                write_text(out, key, escape);
                out.push(b':');
                write(out, value, escape);
            }
            out.push(b'}');
        }
    }
}

/// Appends a field's value without building a JSON tree.
pub fn write_value(out: &mut Vec<u8>, value: &Value, escape: Escape) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Text(text) => write_text(out, text, escape),
        Value::Number(number) => write_number(out, *number),
        Value::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Value::List(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                separate(out, index);
                write_text(out, item, escape);
            }
            out.push(b']');
        }
        Value::Geo(point) => {
            out.extend_from_slice(b"{\"lat\":");
            write_number(out, point.lat);
            out.extend_from_slice(b",\"lon\":");
            write_number(out, point.lon);
            out.push(b'}');
        }
        Value::Json(json) => write(out, json, escape),
    }
}

fn separate(out: &mut Vec<u8>, index: usize) {
    if index > 0 {
        out.push(b',');
    }
}

/// Appends a float64 as Go's encoding/json does: plain digits between 1e-6 and 1e21, else an exponent.
pub fn write_number(out: &mut Vec<u8>, number: f64) {
    if !number.is_finite() {
        out.extend_from_slice(b"null");
        return;
    }
    let size = number.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        out.extend_from_slice(digits.as_bytes());
        out.push(b'e');
        if !exponent.starts_with('-') {
            out.push(b'+');
        }
        out.extend_from_slice(exponent.as_bytes());
    } else if number == 0.0 {
        out.extend_from_slice(if number.is_sign_negative() { b"-0" } else { b"0" });
    } else {
        out.extend_from_slice(format!("{number}").as_bytes());
    }
}

/// Appends a quoted JSON string.
pub fn write_text(out: &mut Vec<u8>, text: &str, escape: Escape) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut rest = text;
    loop {
        let (plain, next) = rest.split_at(plain_length(rest.as_bytes(), escape));
        out.extend_from_slice(plain.as_bytes());
        let mut characters = next.chars();
        let Some(character) = characters.next() else { break };
        write_escaped(out, character);
        rest = characters.as_str();
    }
    out.push(b'"');
}

/// How many bytes stand before the first character that must be escaped. Most texts have none: they are looked through
/// in blocks, which the compiler turns into a few instructions each.
fn plain_length(bytes: &[u8], escape: Escape) -> usize {
    let blocks = bytes.chunks_exact(16);
    let is_plain =
        |block: &&[u8]| !block.iter().fold(false, |found, byte| found | must_escape(*byte, escape));
    let start = 16 * blocks.take_while(is_plain).count();
    let found = bytes[start..].iter().position(|byte| must_escape(*byte, escape));
    found.map_or(bytes.len(), |at| start + at)
}

/// Whether a character that begins with this byte must be escaped.
fn must_escape(byte: u8, escape: Escape) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\' || (escape == Escape::Ascii && byte >= 0x7f)
}

fn write_escaped(out: &mut Vec<u8>, character: char) {
    match character {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        '\u{8}' => out.extend_from_slice(b"\\b"),
        '\u{c}' => out.extend_from_slice(b"\\f"),
        other => {
            let mut units = [0u16; 2];
            for unit in other.encode_utf16(&mut units) {
                out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(number: f64) -> String {
        let mut out = Vec::new();
        write_number(&mut out, number);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_written_as_go_writes_them() {
        for (number, text) in [
            (1e15, "1000000000000000"),
            (1e21, "1e+21"),
            (1e-7, "1e-7"),
            (9007199254740993.0, "9007199254740992"),
            (2.50, "2.5"),
            (-0.0, "-0"),
            (0.0, "0"),
            (0.000001, "0.000001"),
            (-1.25e-9, "-1.25e-9"),
        ] {
            assert_eq!(text_of(number), text);
        }
    }

    #[test]
    fn ascii_escape_leaves_no_byte_above_127() {
        let mut out = Vec::new();
        write(
            &mut out,
            &serde_json::json!({"t": "h\u{e9}<b>&\u{2028}\u{1f600}\u{85}\"\n\u{1}"}),
            Escape::Ascii,
        );
        assert_eq!(
            String::from_utf8(out).unwrap(),
            r#"{"t":"h\u00e9<b>&\u2028\ud83d\ude00\u0085\"\n\u0001"}"#
        );
    }

    #[test]
    fn characters_are_escaped_wherever_they_stand() {
        for before in 0..40 {
            for special in
                ["", "\"", "\\", "\n", "\u{1}", "\u{1f}", " ", "é", "😀", "\u{7f}", "\"\"", "\\é\n"]
            {
                for after in [0, 1, 15, 16, 17] {
                    let text = format!("{}{special}{}", "a".repeat(before), "b".repeat(after));
                    let mut out = Vec::new();
                    write_text(&mut out, &text, Escape::Minimal);
                    assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&text).unwrap());
                    let mut out = Vec::new();
                    write_text(&mut out, &text, Escape::Ascii);
                    assert!(out.iter().all(|byte| (b' '..0x7f).contains(byte)), "{text:?}");
                    assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
                }
            }
        }
    }

    #[test]
    fn minimal_escape_keeps_text_raw() {
        assert_eq!(
            to_string(&serde_json::json!(["é<b>&\u{2028}", "\u{1f}"])),
            "[\"é<b>&\u{2028}\",\"\\u001f\"]"
        );
    }
}
