//! `PATH[?options=JSON]`, as clients write a topic.

use crate::asker::snake_case;
use crate::query::Query;
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

/// A topic as it was posted, and what it means if its path names a collection.
#[derive(Clone, Debug, PartialEq)]
pub struct Topic {
    /// byte for byte what was posted: events echo it
    pub text: Box<str>,
    /// name or id, compared exactly
    pub collection: Box<str>,
    pub scope: Scope,
    pub options: Options,
}

/// Which records of the collection.
#[derive(Clone, Debug, PartialEq)]
pub enum Scope {
    /// `NAME/*` or just `NAME`: judged by the list rule
    All,
    /// `NAME/ID`: judged by the view rule
    One(Box<str>),
}

/// The option `options`: what rules see of a subscription, and what it asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    pub query: BTreeMap<String, String>,
    /// names in lower snake case
    pub headers: BTreeMap<String, String>,
}

impl Topic {
    pub fn parse(text: &str) -> Self {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let (collection, scope) = match path.split_once('/') {
            None => (path, Scope::All),
            Some((collection, "*")) => (collection, Scope::All),
            Some((collection, record)) => (collection, Scope::One(record.into())),
        };
        Self { text: text.into(), collection: collection.into(), scope, options: Options::parse(query) }
    }

    /// The custom topic that it names: options belong to the subscription.
    pub fn name(&self) -> &str {
        match self.text.split_once('?') {
            Some((path, _)) if self.options != Options::default() => path,
            _ => &self.text,
        }
    }

    /// A query option, "" if it is absent.
    pub fn option(&self, name: &str) -> &str {
        self.options.query.get(name).map_or("", String::as_str)
    }

    /// True for a query option that is "1" or "true".
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.option(name), "1" | "true")
    }
}

impl Options {
    /// Anything that cannot be understood counts as no options at all.
    fn parse(query: &str) -> Self {
        let query = query.split_once('#').map_or(query, |(query, _)| query);
        Self::read(Query::parse(query).get("options")).unwrap_or_default()
    }

    fn read(json: &str) -> Option<Self> {
        let Json::Object(map) = serde_json::from_str(json).ok()? else { return None };
        let query = texts(map.get("query"))?;
        let headers = texts(map.get("headers"))?;
        let headers = headers.into_iter().map(|(name, value)| (snake_case(&name), value)).collect();
        Some(Self { query, headers })
    }
}

fn texts(part: Option<&Json>) -> Option<BTreeMap<String, String>> {
    match part {
        None | Some(Json::Null) => Some(BTreeMap::new()),
        Some(Json::Object(map)) => Some(all_texts(map)),
        Some(_) => None,
    }
}

fn all_texts(map: &Map<String, Json>) -> BTreeMap<String, String> {
    map.iter().map(|(name, value)| (name.clone(), as_text(value))).collect()
}

fn as_text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Bool(_) | Json::Number(_) => tidewire_model::json::to_string(value),
        Json::Null | Json::Array(_) | Json::Object(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        for (text, collection, record) in [
            ("posts", "posts", None),
            ("posts/*", "posts", None),
            ("posts/*?x=1", "posts", None),
            ("posts?options=notjson", "posts", None),
            ("posts/abc", "posts", Some("abc")),
            ("posts/abc?options={}", "posts", Some("abc")),
            ("posts/", "posts", Some("")),
            ("posts/**", "posts", Some("**")),
            ("posts/* ", "posts", Some("* ")),
            ("posts/*#x", "posts", Some("*#x")),
            ("posts%2F*", "posts%2F*", None),
            ("POSTS/*", "POSTS", None),
            ("jobs/a/b", "jobs", Some("a/b")),
            ("?", "", None),
            ("", "", None),
        ] {
            let topic = Topic::parse(text);
            let scope = record.map_or(Scope::All, |record| Scope::One(record.into()));
            assert_eq!((&*topic.text, &*topic.collection, topic.scope), (text, collection, scope));
        }
    }

    fn pairs(map: &BTreeMap<String, String>) -> String {
        map.iter().map(|(name, value)| format!("{name}={value};")).collect()
    }

    #[test]
    fn options_are_read_from_every_encoder() {
        for (text, query, headers) in [
            (r#"p/*?options={"query":{"filter":"a = 1"}}"#, "filter=a = 1;", ""),
            ("p/*?options=%7B%22query%22%3A%7B%22filter%22%3A%22a%20%3D%201%22%7D%7D", "filter=a = 1;", ""),
            ("p/*?options=%7B%22query%22%3A%7B%22filter%22%3A%22a+%3D+1%22%7D%7D", "filter=a = 1;", ""),
            (
                r#"p?options={"query":{"a":5,"b":true,"c":[1],"d":{},"e":null,"f":1.5}}"#,
                "a=5;b=true;c=;d=;e=;f=1.5;",
                "",
            ),
            (r#"p?options={"headers":{"X-App-Instance":"cli"}}"#, "", "x_app_instance=cli;"),
            (r#"p?options={"headers":{"xAppInstance":1}}"#, "", "x_app_instance=1;"),
            (r#"p?options={"headers":null,"query":{"k":"v"}}"#, "k=v;", ""),
            (r#"p?x=1&options={"query":{"k":"v"}}&options={"query":{"k":"w"}}"#, "k=v;", ""),
            (r#"p?options={"Query":{"k":"v"}}"#, "", ""),
            (r#"p?options={"query":5,"headers":{"a":"b"}}"#, "", ""),
            (r#"p?options={"query":[]}"#, "", ""),
            ("p?options=[]", "", ""),
            ("p?options=null", "", ""),
            ("p?options=notjson", "", ""),
            ("p?options=%zz", "", ""),
            ("p?options=%7B%22query%22", "", ""),
            ("p?options=", "", ""),
            (r#"p#x?options={"query":{"k":"v"}}"#, "k=v;", ""),
            ("p", "", ""),
        ] {
            let options = Topic::parse(text).options;
            assert_eq!(
                (pairs(&options.query), pairs(&options.headers)),
                (query.into(), headers.into()),
                "{text}"
            );
        }
    }

    #[test]
    fn flags() {
        for (value, expected) in [("1", true), ("true", true), ("0", false), ("", false), ("yes", false)] {
            let topic = Topic::parse(&format!(r#"p?options={{"query":{{"leave":"{value}"}}}}"#));
            assert_eq!(topic.flag("leave"), expected, "{value}");
        }
    }
}
