//! What becomes of the writes of a job that fails while others of its transaction succeed.

#![allow(clippy::unwrap_used)]

mod support;

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use support::{Folder, assert_dense, changes, collection, insert, posts, record, save, tenant};
use tidewire_hooks::{Asking, Elsewhere, Event, Hands, Hooks, Occasion, Registration};
use tidewire_model::{Collection, Value};
use tidewire_store::{Options, Store, StoreError, Tx};

const SEQUENCES: [&[&str]; 17] = [
    &["insert a"],
    &["insert a", "insert b"],
    &["insert a", "update a"],
    &["insert a", "delete a"],
    &["insert a", "delete a", "insert a"],
    &["insert a", "insert old"],
    &["insert old", "insert a"],
    &["insert old", "insert a", "insert b"],
    &["update old", "insert a"],
    &["delete old", "insert old"],
    &["delete old"],
    &["set", "insert a"],
    &["insert a", "set"],
    &["define", "insert a"],
    &["insert a", "define"],
    &["insert a", "drop"],
    &["insert a", "widen", "insert b"],
];

#[test]
fn a_failing_job_is_undone_without_its_neighbours() {
    let folder = Folder::new();
    let store = folder.open();
    let posts = save(&store, posts());
    insert(&store, record(&posts, "old", &[("title", Value::text("as it was"))])).unwrap();
    let before = picture(&store);
    for steps in SEQUENCES {
        for panics in [false, true] {
            let (known, head) = (posts.clone(), store.head());
            among_others(&store, &posts, move |tx| {
                // steps that are refused belong to it
                let _ = steps.iter().map(|step| take(tx, &known, step)).collect::<Vec<_>>();
                assert!(!panics, "a job may panic");
                Err(StoreError::NoRecord("on purpose".into()))
            });
            let ids = |change: &Arc<tidewire_model::Change>| change.record().id().to_owned();
            let logged: Vec<_> = changes(&store).iter().filter(|c| c.position.seq > head).map(ids).collect();
            assert_eq!(logged, ["first", "last", "first", "last"], "{steps:?}");
            assert_eq!(picture(&store), before, "{steps:?}, {panics}");
        }
    }
    assert_dense(&changes(&store));
}

/// Is asked from outside of the store.
struct Far;

impl Elsewhere for Far {
    fn ask(&self, occasion: Occasion) -> Asking {
        Box::pin(async { (occasion, Ok(())) })
    }
}

#[test]
fn a_job_that_asks_is_undone_and_done_again_without_its_neighbours() {
    let folder = Folder::new();
    let hooks = Hooks::default();
    let never = |_: &mut Occasion, _: &mut dyn Hands| panic!("it lives elsewhere");
    let far = Registration::new(Event::RecordBeforeCreate, "far", Arc::new(never));
    let far = Registration { elsewhere: Some(Arc::new(Far)), ..far };
    let id = hooks.register(far.clone());
    let (store, _) = folder.open_with(Options { hooks, ..Options::default() });
    let posts = save(&store, posts());
    insert(&store, record(&posts, "old", &[("title", Value::text("as it was"))])).unwrap();
    let before = picture(&store);
    for steps in SEQUENCES {
        let (known, far, head) = (posts.clone(), far.clone(), store.head());
        let tries: Arc<Mutex<Vec<(String, i64)>>> = Arc::default();
        let trying = tries.clone();
        among_others(&store, &posts, move |tx| {
            trying.lock().unwrap().push((tidewire_model::id::record_id(), tx.now().millis()));
            let _ = steps.iter().map(|step| take(tx, &known, step)).collect::<Vec<_>>();
            let mut occasion = Occasion::new(Event::RecordBeforeCreate, tenant());
            let memory = tx.memory().unwrap();
            if memory.recall(id, &mut occasion).is_none() {
                memory.ask(id, &far, &occasion);
                // of no account: there is a question
                return Ok(());
            }
            Err(StoreError::NoRecord("on purpose".into()))
        });
        let tries = tries.lock().unwrap().clone();
        assert!(tries.len() == 2 && tries[0] == tries[1], "{tries:?}");
        let ids = |change: &Arc<tidewire_model::Change>| change.record().id().to_owned();
        let logged: Vec<_> = changes(&store).iter().filter(|c| c.position.seq > head).map(ids).collect();
        assert_eq!(logged, ["first", "last", "first", "last"], "{steps:?}");
        assert_eq!(picture(&store), before, "{steps:?}");
    }
    assert_dense(&changes(&store));
}

/// Runs a job that fails in one transaction with one insert before and one after it, then deletes what these made.
fn among_others(
    store: &Store,
    posts: &Arc<Collection>,
    job: impl FnOnce(&mut Tx<'_>) -> Result<(), StoreError> + Clone + Send + 'static,
) {
    let (open, gate) = channel::<()>();
    let gate = Arc::new(Mutex::new(gate));
    let add = |id| {
        let record = record(posts, id, &[]);
        store.write(move |tx: &mut Tx<'_>| tx.insert(record, ""))
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (held, made, failed, last, ()) = runtime.block_on(async {
        // the writer is held up until the other three wait together
        let held =
            store.write(move |_: &mut Tx<'_>| gate.lock().unwrap().recv().map_err(|_| StoreError::Closed));
        let opened = async { open.send(()).unwrap() };
        tokio::join!(held, add("first"), store.write(job), add("last"), opened)
    });
    held.unwrap();
    failed.unwrap_err();
    for record in [made.unwrap(), last.unwrap()] {
        store.write_blocking(move |tx| tx.delete(&record, "")).unwrap();
    }
}

fn take(tx: &mut Tx<'_>, posts: &Arc<Collection>, step: &str) -> Result<(), StoreError> {
    let (verb, id) = step.split_once(' ').unwrap_or((step, ""));
    let stored = |tx: &Tx<'_>| tx.get(posts, &tenant(), id)?.ok_or(StoreError::NoRecord(id.into()));
    match verb {
        "insert" => tx.insert(record(posts, id, &[]), "").map(|_| ()),
        "update" => {
            let old = stored(tx)?;
            tx.update(&old, record(posts, id, &[("title", Value::text("new"))]), "").map(|_| ())
        }
        "delete" => {
            let old = stored(tx)?;
            tx.delete(&old, "")
        }
        "set" => tx.set_setting("key", "1"),
        "define" => tx.save_collection(collection("more", &[], &[])).map(|_| ()),
        "drop" => tx.delete_collection(&posts.id),
        "widen" => {
            let mut wider = (**posts).clone();
            wider.fields.push(serde_json::from_value(
                serde_json::json!({"id": "f_w", "name": "wide", "type": "text"}),
            )?);
            tx.save_collection(wider).map(|_| ())
        }
        other => panic!("no such step: {other}"),
    }
}

/// All that a job may have changed.
fn picture(store: &Store) -> String {
    let catalog = store.catalog();
    store
        .read_here::<_, StoreError, _>(|view| {
            let mut text = format!("{:?}", view.setting("key")?);
            for collection in catalog.all() {
                text += &format!("\n{} {}", collection.id, collection.fields.len());
                for id in ["a", "b", "old", "first", "last"] {
                    let record = view.get(collection, &tenant(), id)?;
                    text += &format!("\n{id} {:?}", record.map(|record| record.values.clone()));
                }
            }
            Ok(text)
        })
        .unwrap()
}

#[test]
fn a_part_that_fails_is_undone_and_the_job_goes_on() {
    let folder = Folder::new();
    let store = folder.open();
    let posts = save(&store, posts());
    insert(&store, record(&posts, "old", &[])).unwrap();
    let refused = || StoreError::NoRecord("on purpose".into());
    let known = posts.clone();
    let written = store.write_blocking(move |tx| {
        tx.insert(record(&known, "bare", &[]), "")?;
        let inner = tx.attempt(|tx| {
            tx.insert(record(&known, "gone", &[]), "")?;
            let old = tx.get(&known, &tenant(), "old")?.ok_or_else(refused)?;
            tx.delete(&old, "")?;
            tx.save_collection(collection("fresh", &[], &[]))?;
            // a part within a part goes with it
            tx.attempt(|tx| tx.insert(record(&known, "deeper", &[]), ""))?;
            Err::<(), _>(refused())
        });
        assert_eq!(inner, Err(refused()));
        assert!(tx.get(&known, &tenant(), "gone")?.is_none() && tx.get(&known, &tenant(), "old")?.is_some());
        assert!(tx.catalog().by_id("fresh").is_none());
        tx.attempt(|tx| {
            let failed: Result<(), StoreError> = tx.attempt(|tx| {
                tx.insert(record(&known, "no", &[]), "")?;
                Err(refused())
            });
            assert!(failed.is_err());
            tx.insert(record(&known, "yes", &[]), "")
        })?;
        Ok::<_, StoreError>(())
    });
    assert_eq!(written, Ok(()));
    let all: Vec<String> = changes(&store).iter().map(|change| change.record().id().to_owned()).collect();
    assert_eq!(all, ["old", "bare", "yes"]);
    assert_dense(&changes(&store));
    // a part that panics takes the whole job with it, even if somebody catches it
    let known = posts.clone();
    let written = store.write_blocking(move |tx| {
        let part = std::panic::AssertUnwindSafe(|| {
            let _ = tx.attempt(|tx| -> Result<(), StoreError> {
                tx.insert(record(&known, "half", &[]), "")?;
                panic!("on purpose")
            });
        });
        assert!(std::panic::catch_unwind(part).is_err());
        Ok::<_, StoreError>(())
    });
    assert_eq!(written, Err(StoreError::Panicked));
    assert_eq!(changes(&store).len(), 3);
}
