//! SQL LIKE: `%` any run, `_` one character, ASCII letters in any case.

use crate::node::LikeForm;

/// Longest pattern in bytes; SQLite refuses longer ones.
const MAX_PATTERN: usize = 50_000;

/// `None` where SQLite refuses the pattern.
pub(crate) fn like(text: &str, pattern: &str, form: LikeForm) -> Option<bool> {
    match form {
        LikeForm::Escaped => like_escaped(text, pattern),
        LikeForm::Contains => like_contains(text, pattern),
        LikeForm::Plain if pattern.contains('\\') => like_escaped(text, &pattern.replace('\\', "\\\\")),
        LikeForm::Plain => like_escaped(text, pattern),
    }
}

fn like_escaped(text: &str, pattern: &str) -> Option<bool> {
    if pattern.len() > MAX_PATTERN {
        return None;
    }
    Some(matches(until_nul(text), until_nul(pattern)))
}

/// `text LIKE '%' || part || '%'`
fn like_contains(text: &str, part: &str) -> Option<bool> {
    if !part.contains(['%', '_', '\\', '\0']) && part.len() + 2 <= MAX_PATTERN {
        return Some(contains(until_nul(text), part));
    }
    like_escaped(text, &format!("%{part}%"))
}

/// The pattern of a literal: wrapped in `%` unless it has a `%` of its own that is not escaped.
pub(crate) fn wrap(literal: &str) -> String {
    if has_wildcard(literal) { literal.to_owned() } else { format!("%{}%", escape(literal)) }
}

fn has_wildcard(literal: &str) -> bool {
    let mut before = '\0';
    for character in literal.chars() {
        if character == '%' && before != '\\' {
            return true;
        }
        before = if character == '\\' && before == '\\' { '\0' } else { character };
    }
    false
}

/// Puts a backslash before `\`, `%` and `_`, from the end on; one that has a backslash already keeps just that.
fn escape(literal: &str) -> String {
    let characters: Vec<char> = literal.chars().collect();
    let mut reversed = Vec::with_capacity(characters.len() * 2);
    let mut special = false;
    for (index, character) in characters.iter().enumerate().rev() {
        if special {
            if *character != '\\' {
                reversed.push('\\');
            }
            special = false;
        } else {
            special = matches!(character, '\\' | '%' | '_');
        }
        reversed.push(*character);
        if index == 0 && special {
            reversed.push('\\');
        }
    }
    reversed.iter().rev().collect()
}

fn until_nul(text: &str) -> &str {
    text.split('\0').next().unwrap_or(text)
}

fn contains(text: &str, part: &str) -> bool {
    let (text, part) = (text.as_bytes(), part.as_bytes());
    part.is_empty() || text.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part))
}

enum Piece {
    Run,
    One,
    Exactly(char),
    /// an escape character at the end: nothing fits
    Never,
    End,
}

/// The first piece of a pattern, and what follows it.
fn piece(pattern: &str) -> (Piece, &str) {
    let mut characters = pattern.chars();
    let piece = match characters.next() {
        None => Piece::End,
        Some('%') => Piece::Run,
        Some('_') => Piece::One,
        Some('\\') => characters.next().map_or(Piece::Never, Piece::Exactly),
        Some(other) => Piece::Exactly(other),
    };
    (piece, characters.as_str())
}

/// Remembers only the last `%`: one that matched shortest can always be lengthened instead of an earlier one.
fn matches(mut text: &str, mut pattern: &str) -> bool {
    let mut retry: Option<(&str, &str)> = None;
    loop {
        let (first, rest) = piece(pattern);
        let mut characters = text.chars();
        let fits = match first {
            Piece::Run => {
                retry = Some((text, rest));
                pattern = rest;
                continue;
            }
            Piece::End if text.is_empty() => return true,
            Piece::One => characters.next().is_some(),
            Piece::Exactly(wanted) => {
                characters.next().is_some_and(|found| wanted.eq_ignore_ascii_case(&found))
            }
            Piece::End | Piece::Never => false,
        };
        if fits {
            (text, pattern) = (characters.as_str(), rest);
            continue;
        }
        let Some((from, after)) = retry else { return false };
        let mut later = from.chars();
        if later.next().is_none() {
            return false;
        }
        retry = Some((later.as_str(), after));
        (text, pattern) = (later.as_str(), after);
    }
}
