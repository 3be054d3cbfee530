//! What was acknowledged survives kill -9, and the change log has exactly the records.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use support::{Folder, assert_dense, changes, posts, record, save, tenant};
use tidewire_model::{TopicRule, Topics};
use tidewire_store::{Options, Store, StoreError};

const ROUNDS: usize = 4;
const WRITERS: usize = 8;
/// marks the working folder of a child, so that the child's part does nothing when it is run by hand
const MARK: &str = "child";

#[test]
fn acknowledged_writes_survive_a_kill() {
    let folder = Folder::new();
    std::fs::write(folder.dir.path().join(MARK), "").unwrap();
    let mut acknowledged = HashSet::new();
    for round in 1..=ROUNDS {
        // killed in the middle of its work, at another moment each time
        acknowledged.extend(run_and_kill(folder.dir.path(), 50 + 97 * round));
        let store = folder.open();
        let posts = store.catalog().by_id("posts").unwrap().clone();
        let stored = store.read_here(|view| view.referencing(&posts, &tenant(), "title", "", u64::MAX));
        let stored: HashSet<_> =
            stored.unwrap_or_else(|e: StoreError| panic!("{e}")).iter().map(|r| r.id().to_owned()).collect();
        let log = changes(&store);
        assert_dense(&log);
        let head = log.len() as u64;
        let (said, log): (Vec<_>, Vec<_>) = log.into_iter().partition(|change| change.message().is_some());
        let said: HashSet<_> =
            said.iter().filter_map(|change| change.message()).map(|m| m.data.trim_matches('"')).collect();
        // a message is kept if, and only if, its transaction is
        let announced = |id: &&String| id.ends_with('0');
        assert_eq!(said, stored.iter().filter(announced).map(String::as_str).collect());
        let logged: HashSet<_> = log.iter().map(|change| change.record().id().to_owned()).collect();
        assert_eq!((logged.len(), &logged), (log.len(), &stored));
        assert!(acknowledged.is_subset(&stored));
        assert_eq!((store.head(), log[0].position.seq), (head, 1));
        store.close();
    }
    assert!(acknowledged.len() >= 50 * ROUNDS);
}

/// Ids that the child had told to be written before it was killed.
fn run_and_kill(dir: &Path, acknowledgements: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .current_dir(dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    for line in lines.map_while(Result::ok) {
        if let Some((_, id)) = line.split_once("ack ") {
            acknowledged.push(id.to_owned());
        }
        if acknowledged.len() == acknowledgements {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    acknowledged
}

/// The process that is killed.
#[test]
#[ignore = "started by the test above"]
fn child() {
    if !Path::new(MARK).exists() {
        return;
    }
    let store = Store::open(Path::new("."), Options::default(), Box::new(|_| ())).unwrap();
    let posts = store.catalog().by_id("posts").cloned().unwrap_or_else(|| save(&store, posts()));
    let first = store.head();
    let kept = TopicRule { prefix: "jobs/".into(), durable: true, ..TopicRule::default() };
    store.write_blocking(move |tx| tx.set_topics(Topics { rules: vec![kept] })).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (store, posts) = (&store, &posts);
            scope.spawn(move || {
                for number in 0.. {
                    let id = format!("{first}-{writer}-{number}");
                    let (record, said) = (record(posts, &id, &[]), id.clone());
                    // some are undone, they must leave no hole
                    let fails = number % 7 == 6;
                    let written = store.write_blocking(move |tx| {
                        tx.insert(record, "")?;
                        if number % 10 == 0 {
                            tx.publish(&tenant(), "jobs/1", format!("\"{said}\"").into())?;
                        }
                        if fails { Err(StoreError::Closed) } else { Ok(()) }
                    });
                    if written.is_ok() {
                        let line = format!("ack {id}\n");
                        std::io::stdout().write_all(line.as_bytes()).unwrap();
                    }
                }
            });
        }
    });
}
