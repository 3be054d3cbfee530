//! Messages on custom topics, as parts of their transactions.

#![allow(clippy::unwrap_used)]

mod support;

use bytes::Bytes;
use std::sync::Arc;
use support::{Announced, Folder, posts, record, save, tenant};
use tidewire_model::{BacklogBounds, Collection, MessageError};
use tidewire_store::{Options, Store, StoreError, Tx};

/// What was announced since the last look: changes by their id, messages by topic and data.
fn heard(announced: &Announced) -> Vec<String> {
    let mut lines = Vec::new();
    for committed in std::mem::take(&mut *announced.lock().unwrap()) {
        let mut messages = committed.messages.iter().peekable();
        let say = |message: &Arc<tidewire_model::Message>| {
            format!("{} {}", message.topic, String::from_utf8_lossy(&message.data))
        };
        for change in committed.changes.iter() {
            while let Some(message) = messages.next_if(|message| message.after < change.position.seq) {
                lines.push(say(message));
            }
            lines.push(change.record().id().to_owned());
        }
        lines.extend(messages.map(say));
    }
    lines
}

fn say(tx: &mut Tx<'_>, topic: &str, data: &str) -> Result<(), StoreError> {
    tx.publish(&tenant(), topic, Bytes::copy_from_slice(data.as_bytes()))
}

/// `insert ID` or `TOPIC DATA`, in one job.
fn job(store: &Store, posts: &Arc<Collection>, steps: &'static [&str], ends_well: bool) -> bool {
    let posts = posts.clone();
    let done = store.write_blocking(move |tx: &mut Tx<'_>| {
        for step in steps {
            let (verb, rest) = step.split_once(' ').unwrap();
            match verb {
                "insert" => tx.insert(record(&posts, rest, &[]), "").map(|_| ())?,
                topic => say(tx, topic, rest)?,
            }
        }
        if ends_well { Ok(()) } else { Err(StoreError::NoRecord("on purpose".into())) }
    });
    done.is_ok()
}

#[test]
fn a_message_stands_where_it_was_written() {
    let folder = Folder::new();
    let (store, announced) = folder.open_with(Options::default());
    let posts = save(&store, posts());
    heard(&announced);
    for (steps, ends_well, expected) in [
        (&["t 1"][..], true, &["t 1"][..]),
        (&["insert a", "t 1", "insert b", "t 2", "u 3"], true, &["a", "t 1", "b", "t 2", "u 3"]),
        (&["t 1", "insert c"], true, &["t 1", "c"]),
        (&["t 1", "insert d", "t 2"], false, &[]),
        (&["t 1", "insert a"], true, &[]),
        (&["t 1", "nothing\n 2"], true, &[]),
        (&["t \"after\"", "insert d"], true, &["t \"after\"", "d"]),
    ] {
        job(&store, &posts, steps, ends_well);
        assert_eq!(heard(&announced), expected, "{steps:?}");
    }
    assert_eq!(store.messages_waiting(), 0);
}

#[test]
fn messages_alone_are_not_written_to_the_disk() {
    let folder = Folder::new();
    let (store, announced) = folder.open_with(Options::default());
    let posts = save(&store, posts());
    assert!(job(&store, &posts, &["insert a"], true));
    heard(&announced);
    let log = folder.dir.path().join("data.db-wal");
    let read = || (std::fs::read(&log).unwrap(), store.head(), store.checkpoints().waiting);
    let before = read();
    for _ in 0..100 {
        assert!(job(&store, &posts, &["t 1"], true));
    }
    assert!(read() == before);
    assert_eq!(heard(&announced).len(), 100);
    assert!(job(&store, &posts, &["t 1", "insert b"], true));
    assert!(read() != before);
}

#[test]
fn publishers_are_refused_while_too_much_is_on_its_way() {
    let folder = Folder::new();
    let messages = BacklogBounds { count: 3, bytes: 1000 };
    let (store, announced) = folder.open_with(Options { messages, ..Options::default() });
    let posts = save(&store, posts());
    assert!(job(&store, &posts, &["t 1", "t 2"], true));
    // a job that is undone gives back what it took
    assert!(!job(&store, &posts, &["t 3", "insert a"], false));
    assert_eq!(store.messages_waiting(), 2);
    assert!(!job(&store, &posts, &["t 3", "t 4", "insert a"], true));
    let full = store.write_blocking(|tx| say(tx, "t", "3").and_then(|()| say(tx, "t", "4")));
    assert_eq!(full, Err(StoreError::TooManyMessages));
    assert_eq!(store.messages_waiting(), 2);
    assert_eq!(heard(&announced), ["t 1", "t 2"]);
    assert_eq!(store.messages_waiting(), 0);
    assert!(job(&store, &posts, &["t 1", "t 2", "t 3"], true));
}

#[test]
fn bad_messages_are_refused() {
    let folder = Folder::new();
    let (store, announced) = folder.open_with(Options::default());
    save(&store, posts());
    heard(&announced);
    for (topic, data, error) in [
        ("", "1", MessageError::NoTopic),
        ("a\r\nevent:b", "1", MessageError::LineBreak),
        ("posts/*", "1", MessageError::Reserved),
        ("t", "1\n\ndata:2", MessageError::NotOneLine),
        ("t", "", MessageError::NotOneLine),
    ] {
        let refused = store.write_blocking(move |tx| say(tx, topic, data));
        assert_eq!(refused, Err(StoreError::BadMessage(error)));
    }
    assert_eq!(heard(&announced), [""; 0]);
}
