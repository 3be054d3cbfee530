use crate::Error;
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

/// bytes of a topic that servers take
const LONGEST: usize = 2500;
/// of these, for what is added when it goes on after an event
const FOR_CURSOR: usize = 200;

impl Topic {
    /// An error if no server would take it, now or after a reconnect.
    pub(crate) fn check(&self, since: Option<&str>) -> Result<(), Error> {
        let length = self.text(None, 0).len() + FOR_CURSOR;
        let length = since.map_or(length, |since| length.max(self.text(Some(since), 0).len()));
        if length > LONGEST {
            return Err(Error::Invalid(format!(
                "the topic {:?} is too long with its options: {length} bytes as it is sent, {FOR_CURSOR} of them for a position; \
                 servers take {LONGEST}",
                self.name.chars().take(60).collect::<String>()
            )));
        }
        Ok(())
    }

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

    #[test]
    fn what_fits_now_fits_with_a_position_of_its_own() {
        let cursor = crate::realtime::position::cursor(u64::MAX, u64::MAX);
        for snapshot in [false, true] {
            let topic = |length| Topic { name: "x".repeat(length), snapshot, ..Topic::default() };
            let fits = (0..=LONGEST).rev().find(|length| topic(*length).check(None).is_ok()).unwrap();
            assert!(fits > LONGEST - FOR_CURSOR - 100, "{fits}");
            assert!(topic(fits).text(Some(&cursor), 99_999).len() <= LONGEST);
            let error = topic(fits + 1).check(None).unwrap_err().to_string();
            assert!(error.contains("2501 bytes") && error.len() < 300, "{error}");
            assert!(topic(fits).check(Some(&"c".repeat(300))).is_err());
        }
    }
}
