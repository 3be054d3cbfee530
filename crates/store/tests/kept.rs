//! Messages that are kept: changes of the log, each topic within its own bounds.

#![allow(clippy::unwrap_used)]

mod support;

use bytes::Bytes;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{Folder, assert_dense, changes, insert, posts, record, save, tenant};
use tidewire_model::{Change, Collection, Seq, TopicRule, Topics};
use tidewire_store::{Options, Retention, Store, StoreError, Tx};

fn rule(prefix: &str, max_messages: u64, max_bytes: u64) -> TopicRule {
    TopicRule { prefix: prefix.into(), durable: true, max_messages, max_bytes, ..TopicRule::default() }
}

fn set(store: &Store, rules: Vec<TopicRule>) {
    store.write_blocking(move |tx| tx.set_topics(Topics { rules })).unwrap();
}

fn publish(store: &Store, topic: &str, data: &str) {
    let (topic, data) = (topic.to_owned(), Bytes::copy_from_slice(data.as_bytes()));
    store.write_blocking(move |tx| tx.publish(&tenant(), &topic, data)).unwrap();
}

fn line(change: &Arc<Change>) -> String {
    match change.message() {
        Some(message) => format!("{} {}", message.topic, message.data),
        None => change.record().id().to_owned(),
    }
}

fn log(store: &Store) -> Vec<String> {
    let changes = changes(store);
    assert_dense(&changes);
    changes.iter().map(line).collect()
}

fn floor(store: &Store, topic: &str) -> Seq {
    store.read_here(|view| view.topic_floor(&tenant(), topic)).unwrap()
}

/// One job: `topic data` or the id of a record.
fn job(store: &Store, posts: &Arc<Collection>, steps: &'static [&str], ends_well: bool) {
    let posts = posts.clone();
    let done = store.write_blocking(move |tx: &mut Tx<'_>| {
        for step in steps {
            match step.split_once(' ') {
                Some((topic, data)) => tx.publish(&tenant(), topic, Bytes::from_static(data.as_bytes()))?,
                None => tx.insert(record(&posts, step, &[]), "").map(|_| ())?,
            }
        }
        if ends_well { Ok(()) } else { Err(StoreError::NoRecord("on purpose".into())) }
    });
    assert_eq!(done.is_ok(), ends_well);
}

#[test]
fn kept_messages_are_changes_of_the_log_and_survive_a_restart() {
    let folder = Folder::new();
    let (store, announced) = folder.open_with(Options::default());
    let posts = save(&store, posts());
    set(&store, vec![rule("k/", 0, 0)]);
    job(&store, &posts, &["a", "k/1 1", "b", "other 1", "k/1 2"], true);
    job(&store, &posts, &["k/1 3", "c"], false);
    job(&store, &posts, &["c", "k/1 3"], false);
    job(&store, &posts, &["k/2 {\"x\":\"y\"}"], true);
    let expected = ["a", "k/1 1", "b", "k/1 2", "k/2 {\"x\":\"y\"}"];
    assert_eq!(log(&store), expected);
    let told: Vec<String> = announced
        .lock()
        .unwrap()
        .iter()
        .flat_map(|all| all.changes.iter().map(line).collect::<Vec<_>>())
        .collect();
    assert_eq!(told, expected);
    assert_eq!(store.messages_waiting(), 1, "only what is not kept waits for its subscribers");
    let first = changes(&store)[1].clone();
    store.close();
    drop(store);
    let store = folder.open();
    assert!(store.catalog().topics().keeping("k/1").is_some());
    assert_eq!(log(&store), expected);
    let read = changes(&store)[1].clone();
    assert_eq!(read.message(), first.message());
    assert_eq!((read.position, read.at, &read.tenant), (first.position, first.at, &first.tenant));
    publish(&store, "k/1", "3");
    insert(&store, record(&posts, "d", &[])).unwrap();
    assert_eq!(log(&store)[5..], ["k/1 3", "d"]);
    assert_eq!((floor(&store, "k/1"), floor(&store, "nothing")), (0, 0));
}

#[test]
fn a_topic_stays_within_its_own_bounds() {
    let folder = Folder::new();
    let store = folder.open();
    set(&store, vec![rule("n/", 2, 0), rule("b/", 0, 10), rule("one", 1, 0)]);
    for number in 1..=4 {
        publish(&store, "n/1", &number.to_string());
        publish(&store, "n/2", &number.to_string());
        publish(&store, "b/", &format!("1234{number}"));
    }
    publish(&store, "b/", "12345678901234567890");
    let expected = [
        "n/1 ",
        "n/2 ",
        "b/ ",
        "n/1 ",
        "n/2 ",
        "b/ ",
        "n/1 3",
        "n/2 3",
        "b/ ",
        "n/1 4",
        "n/2 4",
        "b/ ",
        "b/ 12345678901234567890",
    ];
    assert_eq!(log(&store), expected);
    assert_eq!([floor(&store, "n/1"), floor(&store, "n/2"), floor(&store, "b/")], [4, 5, 12]);
    // what is undone comes back
    let undone = store.write_blocking(|tx| {
        tx.publish(&tenant(), "n/1", Bytes::from_static(b"5"))?;
        Err::<(), _>(StoreError::Closed)
    });
    assert_eq!((undone, log(&store).len()), (Err(StoreError::Closed), 13));
    assert_eq!((log(&store)[6].as_str(), floor(&store, "n/1")), ("n/1 3", 4));
}

/// The writer's thread looks after them when the store is opened; waits for it.
fn wait_for(store: &Store, expected: &[&str]) {
    let end = Instant::now() + Duration::from_secs(30);
    while log(store) != expected {
        assert!(Instant::now() < end, "{:?}", log(store));
        std::thread::yield_now();
    }
}

#[test]
fn a_topic_that_is_no_longer_durable_lets_its_messages_go() {
    let folder = Folder::new();
    let store = folder.open();
    set(&store, vec![rule("k/", 0, 0), rule("stays", 0, 0)]);
    for topic in ["k/1", "stays", "k/1"] {
        publish(&store, topic, "1");
    }
    set(&store, vec![rule("stays", 0, 0)]);
    publish(&store, "k/1", "2");
    store.close();
    drop(store);
    let store = folder.open();
    wait_for(&store, &["k/1 ", "stays 1", "k/1 "]);
    assert_eq!([floor(&store, "k/1"), floor(&store, "stays")], [3, 0]);
}

#[test]
fn messages_go_with_the_log() {
    let folder = Folder::new();
    let store = folder.open();
    set(&store, vec![rule("k/", 0, 0)]);
    let posts = save(&store, posts());
    for number in 1..=5 {
        publish(&store, "k/1", &number.to_string());
    }
    publish(&store, "k/2", "1");
    insert(&store, record(&posts, "a", &[])).unwrap();
    store.close();
    drop(store);
    let retention = Retention { count: 3, ..Retention::default() };
    let (store, _) = folder.open_with(Options { retention, ..Options::default() });
    wait_for(&store, &["k/1 5", "k/2 1", "a"]);
    // it is told after the commit that the log shows
    while store.floor() == 0 {
        std::thread::yield_now();
    }
    assert_eq!((store.floor(), floor(&store, "k/1"), floor(&store, "k/2")), (4, 4, 0));
}
