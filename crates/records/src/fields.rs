//! The `fields=` option: which parts of an answer are kept.

use crate::excerpt::excerpt;
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

/// Names in one option; more are ignored.
const NAMES: usize = 500;
/// Parts of one path; JSON that was read is not deeper.
const DEPTH: usize = 128;

/// A tree of picked names with `:excerpt` modifiers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields {
    children: BTreeMap<Box<str>, Pick>,
}

/// What is picked of one name: all of it, or parts.
#[derive(Clone, Debug, PartialEq)]
enum Pick {
    Whole(Option<Excerpt>),
    Parts(Fields),
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Excerpt {
    /// characters
    max: usize,
    ellipsis: bool,
}

impl Fields {
    /// `None` for an empty text: everything is shown.
    pub fn parse(text: &str) -> Option<Self> {
        let mut fields = Self::default();
        for item in split(text).into_iter().take(NAMES) {
            let (path, modifier) = item.split_once(':').map_or((item, None), |(p, m)| (p, Excerpt::parse(m)));
            let names: Vec<&str> = path.split('.').take(DEPTH).collect();
            fields.add(&names, modifier);
        }
        (!fields.children.is_empty()).then_some(fields)
    }

    /// A name that is picked whole wins over its parts.
    fn add(&mut self, names: &[&str], modifier: Option<Excerpt>) {
        let mut at = self;
        for (index, name) in names.iter().enumerate() {
            if index + 1 == names.len() {
                at.children.insert((*name).into(), Pick::Whole(modifier));
                return;
            }
            let pick = at.children.entry((*name).into()).or_insert_with(|| Pick::Parts(Self::default()));
            match pick {
                Pick::Whole(_) => return,
                Pick::Parts(parts) => at = parts,
            }
        }
    }

    /// Keeps what is picked of any JSON (used for auth answers and lists as well).
    pub fn pick(&self, json: &Json) -> Json {
        match json {
            Json::Object(map) => Json::Object(self.pick_map(map)),
            Json::Array(items) if items.first().is_some_and(Json::is_object) => {
                items.iter().map(|item| self.pick(item)).collect()
            }
            other => other.clone(),
        }
    }

    fn pick_map(&self, map: &Map<String, Json>) -> Map<String, Json> {
        let kept = |(name, value): (&String, &Json)| {
            let picked = match self.find(name)? {
                Pick::Whole(None) => value.clone(),
                Pick::Whole(Some(modifier)) => modifier.apply(value),
                Pick::Parts(parts) => parts.pick(value),
            };
            Some((name.clone(), picked))
        };
        map.iter().filter_map(kept).collect()
    }

    fn find(&self, name: &str) -> Option<&Pick> {
        self.children.get(name).or_else(|| self.children.get("*"))
    }

    /// Whether every pick is a whole value of the first level, so that no JSON tree is needed.
    pub(crate) fn is_flat(&self) -> bool {
        self.children.values().all(|pick| matches!(pick, Pick::Whole(None)))
    }

    pub(crate) fn keeps(&self, name: &str) -> bool {
        self.find(name).is_some()
    }
}

impl Excerpt {
    /// `excerpt(max[,withEllipsis])`; anything else changes nothing.
    fn parse(text: &str) -> Option<Self> {
        let arguments = text.trim().strip_prefix("excerpt(")?.strip_suffix(')')?;
        let (max, ellipsis) = arguments.split_once(',').unwrap_or((arguments, ""));
        let max = max.trim().parse().ok().filter(|max| *max > 0)?;
        Some(Self { max, ellipsis: matches!(ellipsis.trim(), "1" | "t" | "T" | "true" | "TRUE" | "True") })
    }

    fn apply(self, value: &Json) -> Json {
        match value {
            Json::String(html) => Json::String(excerpt(html, self.max, self.ellipsis)),
            other => other.clone(),
        }
    }
}

/// At commas outside of brackets; empty items are left out.
fn split(text: &str) -> Vec<&str> {
    let mut items = Vec::new();
    let (mut start, mut depth) = (0, 0usize);
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                items.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    items.push(&text[start..]);
    items.into_iter().map(str::trim).filter(|item| !item.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(text: &str, expected: Json) {
        let json = json!({
            "id": "1", "title": "<p>Hello <b>big</b> world</p>", "n": 5,
            "meta": {"a": 1, "b": {"c": 2, "d": 3}},
            "list": ["x"],
            "expand": {"author": {"name": "me", "id": "2"}, "tags": [{"name": "r", "id": "3"}, {"name": "b", "id": "4"}]},
        });
        let picked = Fields::parse(text).map_or(json.clone(), |fields| fields.pick(&json));
        let expected = if expected.is_null() { json } else { expected };
        assert_eq!(picked, expected, "{text}");
    }

    #[test]
    fn parts_are_picked() {
        for (text, expected) in [
            ("", json!(null)),
            (" , ", json!(null)),
            ("*", json!(null)),
            ("id, n", json!({"id": "1", "n": 5})),
            ("nosuch", json!({})),
            ("meta.b.c", json!({"meta": {"b": {"c": 2}}})),
            ("meta.b.c,meta", json!({"meta": {"a": 1, "b": {"c": 2, "d": 3}}})),
            ("meta,meta.b.c", json!({"meta": {"a": 1, "b": {"c": 2, "d": 3}}})),
            ("n.x,list.y", json!({"n": 5, "list": ["x"]})),
            ("expand.author.name", json!({"expand": {"author": {"name": "me"}}})),
            ("expand.tags.name", json!({"expand": {"tags": [{"name": "r"}, {"name": "b"}]}})),
            ("expand.*.id", json!({"expand": {"author": {"id": "2"}, "tags": [{"id": "3"}, {"id": "4"}]}})),
            ("meta.*", json!({"meta": {"a": 1, "b": {"c": 2, "d": 3}}})),
            ("title:excerpt(5)", json!({"title": "Hello"})),
            ("id,title:excerpt(9,true)", json!({"id": "1", "title": "Hello big..."})),
            ("n:excerpt(1)", json!({"n": 5})),
        ] {
            check(text, expected);
        }
    }

    #[test]
    fn long_paths_do_no_harm() {
        let fields = Fields::parse(&"a.".repeat(100_000));
        assert!(fields.is_some());
    }
}
