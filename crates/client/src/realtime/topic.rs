use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value as Json, json};

/// what `encodeURIComponent` leaves as it is
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// What a subscription listens to, and with what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Topic {
    /// `posts/*`, `posts/RECORD_ID`, or a custom one
    pub(crate) name: String,
    /// its events are changes of records
    pub(crate) has_records: bool,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: Vec<(String, String)>,
    /// first the records as they are
    pub(crate) snapshot: bool,
}

impl Topic {
    /// As it is sent; with `since`, from there on. Copies of one topic differ in their text.
    pub(crate) fn text(&self, since: Option<&str>, copy: u32) -> String {
        let mut query: Map<String, Json> =
            self.query.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        if let Some(cursor) = since {
            query.insert("since".to_owned(), json!(cursor));
        }
        if self.snapshot {
            query.insert("snapshot".to_owned(), json!("1"));
        }
        if copy > 0 {
            query.insert("copy".to_owned(), json!(copy.to_string()));
        }
        if query.is_empty() && self.headers.is_empty() {
            return self.name.clone();
        }
        let headers: Map<String, Json> =
            self.headers.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        let options = json!({ "query": query, "headers": headers }).to_string();
        let mark = if self.name.contains('?') { '&' } else { '?' };
        format!("{}{mark}options={}", self.name, utf8_percent_encode(&options, COMPONENT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_written_as_the_server_reads_them() {
        let plain = Topic { name: "posts/*".to_owned(), ..Topic::default() };
        assert_eq!(plain.text(None, 0), "posts/*");
        assert_eq!(
            plain.text(Some("c"), 0),
            "posts/*?options=%7B%22headers%22%3A%7B%7D%2C%22query%22%3A%7B%22since%22%3A%22c%22%7D%7D"
        );
        let odd = Topic {
            query: vec![("filter".to_owned(), "a = \"é\n\"".to_owned())],
            name: "x?y".to_owned(),
            ..Topic::default()
        };
        let text = odd.text(None, 0);
        assert!(text.starts_with("x?y&options=%7B") && text.is_ascii() && !text.contains('\n'), "{text}");
    }
}
