use crate::backlog::Room;
use crate::catalog::Catalog;
use crate::change::{Change, Seq};
use crate::collection::Collection;
use crate::field::Field;
use crate::tenant::TenantId;
use crate::time::Timestamp;
use bytes::Bytes;
use std::sync::{Arc, LazyLock};

/// bytes
pub const MAX_TOPIC: usize = 2500;
/// bytes of one message's data
pub const MAX_DATA: usize = 256 << 10;
/// The id of the collection of kept messages.
pub const MESSAGES_ID: &str = "tw:message";
/// Names that the protocols themselves give a meaning.
const RESERVED: [&str; 2] = ["PB_CONNECT", "@oauth2"];

/// Something said on a custom topic, at its place among the changes.
#[derive(Debug)]
pub struct Message {
    pub id: Box<str>,
    pub tenant: TenantId,
    pub topic: Box<str>,
    /// one line of ASCII JSON
    pub data: Bytes,
    pub at: Timestamp,
    /// the change that it follows
    pub after: Seq,
    /// its place in the backlog, until it was delivered
    pub room: Option<Room>,
}

/// A message as its change in the log tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept<'a> {
    pub id: &'a str,
    pub topic: &'a str,
    /// "" once the message is no longer kept: its place in the log stays
    pub data: &'a str,
}

/// Messages that are kept are changes of this collection, which has no table, stands in no catalog, and is found by no name.
pub fn messages() -> &'static Arc<Collection> {
    static MESSAGES: LazyLock<Arc<Collection>> = LazyLock::new(|| {
        let field = |name: &str| Field { id: name.into(), name: name.into(), ..Field::default() };
        let mut collection = Collection::default();
        (collection.id, collection.name) = (MESSAGES_ID.into(), MESSAGES_ID.into());
        (collection.system, collection.internal) = (true, true);
        collection.fields = vec![field("id"), field("topic"), field("data")];
        collection.index_fields();
        Arc::new(collection)
    });
    &MESSAGES
}

impl Change {
    /// The message that it keeps, if it is none of a record.
    pub fn message(&self) -> Option<Kept<'_>> {
        if !Arc::ptr_eq(&self.collection, messages()) {
            return None;
        }
        match &*self.new.as_ref()?.values {
            [id, topic, data] => Some(Kept { id: id.as_str(), topic: topic.as_str(), data: data.as_str() }),
            _ => None,
        }
    }
}

/// Why a message cannot be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    #[error("the topic must not be blank")]
    NoTopic,
    #[error("a topic must have no more than 2500 bytes")]
    LongTopic,
    #[error("a topic must not contain line breaks")]
    LineBreak,
    #[error("the topic is reserved for record events")]
    Reserved,
    #[error("the data must be no more than 256 KiB")]
    LargeData,
    #[error("the data must be one line of ASCII")]
    NotOneLine,
}

impl Message {
    /// Whether a message of this tenant may have this topic and this data.
    pub fn check(catalog: &Catalog, tenant: &TenantId, topic: &str, data: &[u8]) -> Result<(), MessageError> {
        check_topic(catalog, tenant, topic)?;
        Self::check_data(data)
    }

    /// The same for the data alone.
    pub fn check_data(data: &[u8]) -> Result<(), MessageError> {
        if data.len() > MAX_DATA {
            return Err(MessageError::LargeData);
        }
        // anything else could break a frame or be garbled
        let is_plain = |byte: &u8| (0x20..0x7f).contains(byte);
        if data.is_empty() || !data.iter().all(is_plain) { Err(MessageError::NotOneLine) } else { Ok(()) }
    }
}

fn check_topic(catalog: &Catalog, tenant: &TenantId, topic: &str) -> Result<(), MessageError> {
    if topic.trim().is_empty() {
        return Err(MessageError::NoTopic);
    }
    if topic.len() > MAX_TOPIC {
        return Err(MessageError::LongTopic);
    }
    if topic.contains(['\r', '\n']) {
        return Err(MessageError::LineBreak);
    }
    if is_reserved(catalog, tenant, topic) { Err(MessageError::Reserved) } else { Ok(()) }
}

/// Topics of the protocol, of collections, and of records that could exist.
fn is_reserved(catalog: &Catalog, tenant: &TenantId, topic: &str) -> bool {
    let path = topic.split('?').next().unwrap_or_default();
    let (first, rest) = path.split_once('/').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let of_records = |collection: &Collection| match rest {
        None | Some("*") => true,
        Some(id) => collection.may_hold(id),
    };
    RESERVED.contains(&first) || catalog.find(tenant, first).is_some_and(|found| of_records(found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::{RECORD_ID, TextOptions};
    use crate::{Field, FieldKind};
    use std::sync::Arc;

    fn check(topic: &str, data: &[u8]) -> Result<(), MessageError> {
        let mut posts = Collection::default();
        (posts.id, posts.name) = ("pbc_1".into(), "posts".into());
        let options = TextOptions { min: 15, max: 15, pattern: RECORD_ID.into(), ..TextOptions::default() };
        posts.fields = vec![Field { name: "id".into(), kind: FieldKind::Text(options), ..Field::default() }];
        posts.index_fields();
        let catalog = Catalog::new(1, vec![Arc::new(posts)]);
        Message::check(&catalog, &TenantId::default(), topic, data)
    }

    #[test]
    fn topics_that_look_like_record_events_are_refused() {
        let (long, longest) = ("x".repeat(MAX_TOPIC + 1), "x".repeat(MAX_TOPIC));
        for (topic, expected) in [
            ("jobs/finished", Ok(())),
            ("post", Ok(())),
            ("a b", Ok(())),
            (&longest, Ok(())),
            ("", Err(MessageError::NoTopic)),
            ("  ", Err(MessageError::NoTopic)),
            (&long, Err(MessageError::LongTopic)),
            ("a\nb", Err(MessageError::LineBreak)),
            ("a\rb", Err(MessageError::LineBreak)),
            ("posts", Err(MessageError::Reserved)),
            ("POSTS/*", Err(MessageError::Reserved)),
            ("posts/abcdefghijklmno", Err(MessageError::Reserved)),
            ("posts/abcdefghijklmno?x", Err(MessageError::Reserved)),
            ("posts/finished", Ok(())),
            ("posts/abcdefghijklmn-", Ok(())),
            ("posts/abcdefghijklmno/x", Ok(())),
            ("posts/", Ok(())),
            ("posts?x=1", Err(MessageError::Reserved)),
            ("pbc_1/*", Err(MessageError::Reserved)),
            ("PB_CONNECT", Err(MessageError::Reserved)),
            ("@oauth2", Err(MessageError::Reserved)),
        ] {
            assert_eq!(check(topic, b"null"), expected, "{topic}");
        }
    }

    #[test]
    fn data_is_one_line_of_bounded_length() {
        let (long, longest) = (vec![b'1'; MAX_DATA + 1], vec![b'1'; MAX_DATA]);
        for (data, expected) in [
            (&b"{}"[..], Ok(())),
            (&longest, Ok(())),
            (&long, Err(MessageError::LargeData)),
            (b"", Err(MessageError::NotOneLine)),
            (b"{\n}", Err(MessageError::NotOneLine)),
            (b"{\r}", Err(MessageError::NotOneLine)),
            ("\"\u{e9}\"".as_bytes(), Err(MessageError::NotOneLine)),
        ] {
            assert_eq!(check("t", data), expected);
        }
    }
}
