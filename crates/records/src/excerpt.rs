//! Plain text of an HTML text, cut to a length.

use std::borrow::Cow;

/// Elements that show no text of their own.
const EXCLUDED: [&str; 18] = [
    "head", "style", "script", "iframe", "embed", "applet", "object", "svg", "img", "picture", "dialog",
    "template", "button", "form", "textarea", "input", "select", "option",
];
/// Elements that do not part words.
const INLINE: [&str; 19] = [
    "a", "abbr", "acronym", "b", "bdo", "big", "br", "cite", "code", "em", "i", "label", "q", "small",
    "span", "strong", "strike", "sub", "sup",
];
/// Elements that have no end.
const VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track",
    "wbr",
];
/// Elements whose content is no HTML.
const RAW: [&str; 6] = ["script", "style", "textarea", "title", "iframe", "noembed"];

/// At most `max` characters; `ellipsis` marks what was cut.
pub(crate) fn excerpt(html: &str, max: usize, ellipsis: bool) -> String {
    let mut text = Text { out: String::new(), after_space: true, enough: max.saturating_add(2) };
    read(html, &mut text);
    let whole = text.out.trim();
    match whole.char_indices().nth(max) {
        None => whole.to_owned(),
        Some((end, _)) => {
            let cut = whole[..end].trim();
            if ellipsis { format!("{cut}...") } else { cut.to_owned() }
        }
    }
}

struct Text {
    out: String,
    after_space: bool,
    /// bytes after which nothing more is read
    enough: usize,
}

impl Text {
    fn push(&mut self, text: &str) {
        for character in text.chars() {
            if matches!(character, ' ' | '\t' | '\n' | '\r' | '\u{c}') {
                self.part();
            } else {
                self.out.push(character);
                self.after_space = false;
            }
        }
    }

    fn part(&mut self) {
        if !self.after_space {
            self.out.push(' ');
            self.after_space = true;
        }
    }

    fn is_full(&self) -> bool {
        self.out.len() > self.enough
    }
}

fn read(html: &str, text: &mut Text) {
    let mut rest = html;
    while !rest.is_empty() && !text.is_full() {
        let Some(start) = rest.find('<') else {
            text.push(&decode(rest));
            return;
        };
        text.push(&decode(&rest[..start]));
        rest = markup(&rest[start..], text);
    }
}

/// Reads what starts with `<`; returns what follows it.
fn markup<'a>(rest: &'a str, text: &mut Text) -> &'a str {
    if let Some(comment) = rest.strip_prefix("<!--") {
        return comment.find("-->").map_or("", |end| &comment[end + 3..]);
    }
    let next = rest[1..].chars().next();
    match next {
        Some('!' | '?') => after_tag(rest),
        Some('/') | Some('a'..='z' | 'A'..='Z') => element(rest, text),
        _ => {
            text.push("<");
            &rest[1..]
        }
    }
}

fn element<'a>(rest: &'a str, text: &mut Text) -> &'a str {
    let name = tag_name(rest);
    let is_end = rest.starts_with("</");
    let after = after_tag(rest);
    if !INLINE.contains(&name.as_str()) && !EXCLUDED.contains(&name.as_str()) {
        text.part();
    }
    if is_end || VOID.contains(&name.as_str()) {
        return after;
    }
    if EXCLUDED.contains(&name.as_str()) {
        return after_element(after, &name);
    }
    if RAW.contains(&name.as_str()) {
        let end = find_end(after, &name).unwrap_or(after.len());
        text.push(&decode(&after[..end]));
        return &after[end..];
    }
    after
}

fn tag_name(tag: &str) -> String {
    let name = tag.trim_start_matches(['<', '/']);
    let end = name.find(|c: char| c.is_whitespace() || c == '>' || c == '/').unwrap_or(name.len());
    name[..end].to_ascii_lowercase()
}

/// What follows the `>` that ends this tag; quotes hide it.
fn after_tag(tag: &str) -> &str {
    let mut quote = None;
    for (index, byte) in tag.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return &tag[index + 1..],
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    ""
}

/// What follows an excluded element, with elements of the same name inside of it.
fn after_element<'a>(content: &'a str, name: &str) -> &'a str {
    if RAW.contains(&name) {
        return find_end(content, name).map_or("", |end| after_tag(&content[end..]));
    }
    let (mut rest, mut depth) = (content, 1usize);
    while let Some(start) = rest.find('<') {
        let tag = &rest[start..];
        rest = after_tag(tag);
        if tag_name(tag) == name {
            depth = if tag.starts_with("</") { depth - 1 } else { depth + 1 };
        }
        if depth == 0 {
            return rest;
        }
    }
    ""
}

/// Where `</name` stands.
fn find_end(content: &str, name: &str) -> Option<usize> {
    content.match_indices("</").map(|(index, _)| index).find(|index| tag_name(&content[*index..]) == name)
}

/// Character references to characters; unknown ones stay as they are.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let reference = rest.get(1..rest.len().min(12)).or_else(|| rest.get(1..)).unwrap_or_default();
        let found = reference.find(';').and_then(|end| Some((character(&reference[..end])?, end)));
        match found {
            Some((character, end)) => {
                out.push(character);
                rest = &rest[end + 2..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn character(reference: &str) -> Option<char> {
    if let Some(number) = reference.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code);
    }
    Some(match reference {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        "copy" => '©',
        "reg" => '®',
        "trade" => '™',
        "euro" => '€',
        "hellip" => '…',
        "ndash" => '–',
        "mdash" => '—',
        "lsquo" => '‘',
        "rsquo" => '’',
        "ldquo" => '“',
        "rdquo" => '”',
        "laquo" => '«',
        "raquo" => '»',
        "auml" => 'ä',
        "ouml" => 'ö',
        "uuml" => 'ü',
        "szlig" => 'ß',
        "eacute" => 'é',
        "egrave" => 'è',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_becomes_short_text() {
        for (html, max, expected) in [
            ("<p>Hello <b>big</b> world</p>", 100, "Hello big world"),
            ("<p>a</p><p>b</p>", 100, "a b"),
            ("a<b>b</b>c<div>d</div>e", 100, "abc d e"),
            ("x <script>if (a < b) {}</script>y", 100, "x y"),
            ("<style>p{}</style>text<!-- no --> on", 100, "text on"),
            ("1 &lt; 2 &amp; &#233;&#x21; &nosuch;", 100, "1 < 2 & é! &nosuch;"),
            ("a   \n\t b", 100, "a b"),
            ("a < b", 100, "a < b"),
            ("<svg><g><svg></svg></g>in</svg>out", 100, "out"),
            ("<a href='>'>link</a>", 100, "link"),
            ("héllo wörld", 5, "héllo..."),
            ("plain", 5, "plain"),
            ("plain", 3, "pla..."),
            ("<p", 5, ""),
            ("", 5, ""),
            ("&", 5, "&"),
            ("é&é", 5, "é&é"),
        ] {
            assert_eq!(excerpt(html, max, true), expected, "{html}");
        }
    }
}
