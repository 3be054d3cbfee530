use percent_encoding::percent_decode;
use std::collections::BTreeMap;

/// A query string as Go's `url.Query` reads it: pairs with a bad escape or a `;` are dropped, `+` is a space, the first
/// value of a name wins.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    pairs: Vec<(String, String)>,
}

/// A value that is no number or no truth value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed query value")]
pub struct MalformedValue;

impl Query {
    pub fn parse(raw: &str) -> Self {
        let pairs = raw
            .split('&')
            .filter(|pair| !pair.is_empty() && !pair.contains(';'))
            .filter_map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Some((unescape(name)?, unescape(value)?))
            })
            .collect();
        Self { pairs }
    }

    /// The same for a form body, where a bad pair spoils the whole.
    pub fn parse_strict(raw: &str) -> Option<Self> {
        let is_sound = |pair: &str| !pair.contains(';') && has_sound_escapes(pair.as_bytes());
        raw.split('&').all(is_sound).then(|| Self::parse(raw))
    }

    /// The first value, "" if there is none.
    pub fn get(&self, name: &str) -> &str {
        self.pairs.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    /// The first value of each name: what rules see as `@request.query`.
    pub fn first_values(&self) -> BTreeMap<String, String> {
        self.pairs.iter().rev().cloned().collect()
    }

    /// All pairs, in order.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }

    pub fn integer(&self, name: &str) -> Result<Option<i64>, MalformedValue> {
        match self.get(name) {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| MalformedValue),
        }
    }

    /// Truth values in the spellings that Go's `ParseBool` takes.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, MalformedValue> {
        match self.get(name) {
            "" => Ok(None),
            text => parse_flag(text).map(Some).ok_or(MalformedValue),
        }
    }
}

pub(crate) fn parse_flag(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// Undoes form encoding; `None` if an escape is incomplete or not hexadecimal.
pub fn unescape(text: &str) -> Option<String> {
    if !has_sound_escapes(text.as_bytes()) {
        return None;
    }
    let spaced = text.replace('+', " ");
    Some(percent_decode(spaced.as_bytes()).decode_utf8_lossy().into_owned())
}

fn has_sound_escapes(bytes: &[u8]) -> bool {
    let is_hex = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
    bytes.iter().enumerate().all(|(at, byte)| *byte != b'%' || (is_hex(at + 1) && is_hex(at + 2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_go_reads_them() {
        for (raw, name, expected) in [
            ("a=1&a=2", "a", "1"),
            ("a=b+c%20d", "a", "b c d"),
            ("a=%zz&a=2", "a", "2"),
            ("a=1;b=2&a=3", "a", "3"),
            ("a", "a", ""),
            ("a=%", "a", ""),
            ("=1", "", "1"),
            ("%61=x", "a", "x"),
            ("a=b=c", "a", "b=c"),
            ("&&a=1&&", "a", "1"),
            ("A=1", "a", ""),
            ("a=%C3%A9", "a", "é"),
        ] {
            assert_eq!(Query::parse(raw).get(name), expected, "{raw}");
        }
    }

    #[test]
    fn flags_take_only_the_spellings_of_go() {
        for (text, expected) in [
            ("", Ok(None)),
            ("1", Ok(Some(true))),
            ("True", Ok(Some(true))),
            ("f", Ok(Some(false))),
            ("FALSE", Ok(Some(false))),
            ("tRUE", Err(MalformedValue)),
            ("yes", Err(MalformedValue)),
            ("2", Err(MalformedValue)),
        ] {
            assert_eq!(Query::parse(&format!("x={text}")).flag("x"), expected, "{text}");
        }
    }

    #[test]
    fn integers_are_signed_and_whole() {
        for (text, expected) in [
            ("", Ok(None)),
            ("-3", Ok(Some(-3))),
            ("%2B3", Ok(Some(3))),
            ("1.5", Err(MalformedValue)),
            ("+3", Err(MalformedValue)),
            ("abc", Err(MalformedValue)),
        ] {
            assert_eq!(Query::parse(&format!("x={text}")).integer("x"), expected, "{text}");
        }
    }

    #[test]
    fn the_first_value_of_a_name_is_what_rules_see() {
        let values = Query::parse("k=w&k=v&l=1").first_values();
        assert_eq!((values["k"].as_str(), values["l"].as_str()), ("w", "1"));
    }
}
