//! Patterns of text and password fields: written in Go's regular expressions, matched and turned into random text here.

use crate::account;
use parking_lot::RwLock;
use rand::RngExt;
use regex::{Regex, RegexBuilder};
use regex_syntax::hir::{Class, Hir, HirKind};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, OnceLock};
use tidewire_model::{chance, id};

/// Patterns kept compiled; beyond it the store of compiled patterns starts anew.
const CACHED: usize = 1024;
/// Bytes that one compiled pattern may take.
const COMPILED_SIZE: usize = 1 << 20;
/// Repetitions of `*` and `+` in generated text stay below this.
const OPEN_REPEATS: u32 = 6;
/// Characters after which generated text is given up.
const GENERATED_LENGTH: usize = 10_000;

pub use tidewire_model::field::RECORD_ID;

/// The pattern that UUIDs are made by.
pub const UUID: &str = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";

#[derive(Default)]
struct Pattern {
    regex: OnceLock<Option<Regex>>,
    shape: OnceLock<Option<Hir>>,
}

static PATTERNS: LazyLock<RwLock<HashMap<Box<str>, Arc<Pattern>>>> = LazyLock::new(RwLock::default);

/// Whether `text` has a match; a pattern that cannot be read matches nothing.
pub fn matches(pattern: &str, text: &str) -> bool {
    if pattern == RECORD_ID {
        return !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    }
    cached(pattern).regex.get_or_init(|| compile(pattern)).as_ref().is_some_and(|regex| regex.is_match(text))
}

/// Random text that matches; `None` if the pattern cannot be read or asks for too much.
pub fn generate(pattern: &str) -> Option<String> {
    match pattern {
        "[a-z0-9]{15}" => return Some(id::record_id()),
        UUID => return Some(account::random_uuid()),
        "[a-zA-Z0-9]{50}" => return Some(id::secret(50)),
        _ => {}
    }
    let entry = cached(pattern);
    let shape = entry.shape.get_or_init(|| regex_syntax::parse(&from_go(pattern)).ok()).as_ref()?;
    let mut out = String::new();
    write_random(shape, &mut out).then_some(out)
}

pub fn is_valid(pattern: &str) -> bool {
    cached(pattern).regex.get_or_init(|| compile(pattern)).is_some()
}

fn compile(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(&from_go(pattern)).size_limit(COMPILED_SIZE).build().ok()
}

fn cached(pattern: &str) -> Arc<Pattern> {
    if let Some(found) = PATTERNS.read().get(pattern) {
        return found.clone();
    }
    let mut patterns = PATTERNS.write();
    if patterns.len() >= CACHED {
        patterns.clear();
    }
    patterns.entry(pattern.into()).or_default().clone()
}

/// Go's `\d`, `\w`, `\s` and `\b` are ASCII, its classes know no nesting and no set operators, and it has `\Q…\E`.
fn from_go(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    let mut in_class = false;
    while let Some(character) = rest.chars().next() {
        let mut taken = character.len_utf8();
        match character {
            '\\' => taken = escape_from_go(rest, in_class, &mut out),
            '[' if in_class && !rest.starts_with("[:") => out.push_str("\\["),
            '[' => {
                taken = if in_class { posix_class(rest, &mut out) } else { class_start(rest, &mut out) };
                in_class = true;
            }
            ']' => {
                in_class = false;
                out.push(']');
            }
            '&' | '~' if in_class => {
                out.push('\\');
                out.push(character);
            }
            other => out.push(other),
        }
        rest = &rest[taken..];
    }
    out
}

/// A `]` right after the start of a class is a member of it.
fn class_start(rest: &str, out: &mut String) -> usize {
    let start = if rest.starts_with("[^") { "[^" } else { "[" };
    out.push_str(start);
    if rest[start.len()..].starts_with(']') {
        out.push_str("\\]");
        return start.len() + 1;
    }
    start.len()
}

fn posix_class(rest: &str, out: &mut String) -> usize {
    match rest.find(":]") {
        Some(end) => {
            out.push_str(&rest[..end + 2]);
            end + 2
        }
        None => {
            out.push_str("\\[");
            1
        }
    }
}

fn escape_from_go(rest: &str, in_class: bool, out: &mut String) -> usize {
    let Some(next) = rest[1..].chars().next() else {
        out.push('\\');
        return 1;
    };
    let members = match next.to_ascii_lowercase() {
        'd' => "0-9",
        'w' => "0-9A-Za-z_",
        's' => "\\t\\n\\x0C\\r ",
        _ => "",
    };
    match next {
        'd' | 'w' | 's' if in_class => out.push_str(members),
        'd' | 'w' | 's' => out.push_str(&format!("[{members}]")),
        'D' | 'W' | 'S' => out.push_str(&format!("[^{members}]")),
        'b' if !in_class => out.push_str("(?-u:\\b)"),
        'Q' if !in_class => {
            let quoted = &rest[2..];
            let end = quoted.find("\\E");
            out.push_str(&regex::escape(&quoted[..end.unwrap_or(quoted.len())]));
            return end.map_or(rest.len(), |end| 2 + end + 2);
        }
        other => {
            out.push('\\');
            out.push(other);
        }
    }
    1 + next.len_utf8()
}

/// False if the shape cannot be written. The parser bounds its depth.
fn write_random(shape: &Hir, out: &mut String) -> bool {
    if out.len() > GENERATED_LENGTH {
        return false;
    }
    match shape.kind() {
        HirKind::Empty | HirKind::Look(_) => true,
        HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
            Ok(text) => {
                out.push_str(text);
                true
            }
            Err(_) => false,
        },
        HirKind::Class(class) => random_member(class).map(|member| out.push(member)).is_some(),
        HirKind::Capture(capture) => write_random(&capture.sub, out),
        HirKind::Concat(parts) => parts.iter().all(|part| write_random(part, out)),
        HirKind::Alternation(parts) => {
            let chosen = chance::draw(|random| random.random_range(0..parts.len()));
            write_random(&parts[chosen], out)
        }
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(OPEN_REPEATS).max(repetition.min);
            let times = chance::draw(|random| random.random_range(repetition.min..=most));
            (0..times).all(|_| write_random(&repetition.sub, out))
        }
    }
}

/// Wide classes such as `.` give letters and digits.
fn random_member(class: &Class) -> Option<char> {
    let ranges: Vec<(u32, u32)> = match class {
        Class::Unicode(class) => class.iter().map(|r| (r.start() as u32, r.end() as u32)).collect(),
        Class::Bytes(class) => class.iter().map(|r| (r.start().into(), r.end().into())).collect(),
    };
    let size: u32 = ranges.iter().map(|(start, end)| end - start + 1).sum();
    if size == 0 {
        return None;
    }
    if size > 1000 {
        return id::secret(1).chars().next();
    }
    let mut index = chance::draw(|random| random.random_range(0..size));
    for (start, end) in ranges {
        if index <= end - start {
            return char::from_u32(start + index);
        }
        index -= end - start + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_go() {
        for (pattern, text, expected) in [
            (RECORD_ID, "abc9", true),
            (RECORD_ID, "Abc", false),
            (RECORD_ID, "", false),
            (r"^\d+$", "12", true),
            (r"^\d+$", "١٢", false),
            (r"^[\w-]+$", "a_b-c", true),
            (r"^[\w-]+$", "é", false),
            (r"^\Qa.b\E$", "a.b", true),
            (r"^\Qa.b\E$", "axb", false),
            ("^[[a]+$", "[a", true),
            ("^[]a]+$", "]a", true),
            ("^[[:alpha:]]+$", "ab", true),
            ("^[a&&b]+$", "a&b", true),
            ("(", "(", false),
            ("a{1000}{1000}{1000}", "a", false),
            ("\\", "x", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn generated_text_matches_its_pattern() {
        for pattern in [
            "[a-z0-9]{15}",
            "[a-zA-Z0-9]{50}",
            "u-[a-z]{5}",
            r"(foo|bar)_\d{2,4}",
            "a?b*c+.",
            r"^[\w-]{3}$",
            "x{0}",
        ] {
            for _ in 0..20 {
                let text = generate(pattern).unwrap();
                let whole = format!("^(?:{pattern})$");
                assert!(matches(&whole, &text), "{pattern} gave {text}");
            }
        }
        assert_eq!(generate("("), None);
        assert_eq!(generate("(a{1000}){1000}"), None);
    }
}
