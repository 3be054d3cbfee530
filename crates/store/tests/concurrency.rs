mod support;

use std::sync::Barrier;
use support::{Folder, assert_dense, changes, collection, get, insert, posts, record, save, tenant};
use tidewire_model::Value;
use tidewire_store::{Options, Snapshot, StoreError, Tx};

const WRITERS: usize = 32;
const WRITES: usize = 20;

#[test]
fn concurrent_writes_are_announced_once_in_the_order_of_their_positions() {
    let folder = Folder::new();
    let (store, announced) = folder.open_with(Options::default());
    let tables = [save(&store, posts()), save(&store, collection("other", &[], &[]))];
    let start = Barrier::new(WRITERS);
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (store, tables, start) = (&store, &tables, &start);
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                start.wait();
                for number in 0..WRITES {
                    let id = format!("{writer}-{number}");
                    let record = record(&tables[number % 2], &id, &[]);
                    let fails = number % 5 == 4;
                    let job = move |tx: &mut Tx<'_>| {
                        tx.insert(record, "")?;
                        if fails { Err(StoreError::NoRecord("on purpose".into())) } else { Ok(tx.head()?) }
                    };
                    let result = match number % 3 {
                        0 => store.write_blocking(job),
                        _ => runtime.block_on(store.write_shortly(None, job)),
                    };
                    assert_eq!(result.is_err(), fails, "{result:?}");
                    // what was answered can be read, here and in what is published
                    assert_eq!(get(store, &tables[number % 2], &id).is_some(), !fails);
                    assert!(result.is_ok_and(|seq| seq <= store.head()) || fails);
                }
            });
        }
    });
    let announced: Vec<_> =
        announced.lock().unwrap().iter().flat_map(|committed| committed.changes.to_vec()).collect();
    assert_eq!(announced.len(), WRITERS * WRITES * 4 / 5);
    assert_dense(&announced);
    let stored = changes(&store);
    let key = |change: &tidewire_model::Change| {
        (change.position.seq, change.position.offset, change.record().id().to_owned())
    };
    assert!(announced.iter().map(|c| key(c)).eq(stored.iter().map(|c| key(c))));
}

#[test]
fn an_announcement_can_be_read_when_it_comes() {
    let folder = Folder::new();
    let handle = std::sync::Arc::new(std::sync::OnceLock::<tidewire_store::Store>::new());
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let (inside, sink) = (handle.clone(), seen.clone());
    let announce = move |committed: tidewire_store::Committed| {
        let Some(store) = inside.get() else { return };
        for change in committed.changes.iter() {
            let found = get(store, &change.collection, change.record().id()).is_some();
            let listed = store.catalog().by_id(&change.collection.id).is_some();
            sink.lock().unwrap().push(found && listed && store.head() >= change.position.seq);
        }
        assert!(committed.changes.len() != 1, "a receiver may panic");
    };
    let store =
        tidewire_store::Store::open(folder.dir.path(), Options::default(), Box::new(announce)).unwrap();
    assert!(handle.set(store.clone()).is_ok());
    for number in 0..3 {
        let mut posts = posts();
        posts.id = format!("p{number}").into();
        store
            .write_blocking(move |tx| {
                let posts = tx.save_collection(posts)?;
                tx.insert(record(&posts, "1", &[]), "")
            })
            .unwrap();
    }
    assert_eq!(*seen.lock().unwrap(), [true, true, true]);
    store.close();
}

#[test]
fn a_view_stays_as_it_was_when_it_began() {
    let folder = Folder::new();
    let store = folder.open();
    let posts = save(&store, posts());
    insert(&store, record(&posts, "1", &[])).unwrap();
    let look = |view: &Snapshot<'_>| {
        let records = view.referencing(&posts, &tenant(), "title", "", 99)?;
        Ok::<_, StoreError>((
            records.len(),
            view.head()?,
            view.changes_after(0, 99)?.len(),
            view.catalog().revision,
        ))
    };
    let inside = store.read_here(|view| {
        let before = look(view)?;
        insert(&store, record(&posts, "2", &[]))?;
        save(&store, collection("posts", &[("f_x", "extra", "text", serde_json::json!({}))], &[]));
        Ok::<_, StoreError>((before, look(view)?))
    });
    assert_eq!(inside, Ok(((1, 1, 1, 1), (1, 1, 1, 1))));
    // a definition of before still reads what is there now
    let two = get(&store, &posts, "2").unwrap();
    assert_eq!((two.get("extra"), two.get("title")), (Some(&Value::text("")), None));
}

#[test]
fn writes_and_reads_work_from_inside_a_runtime() {
    let folder = Folder::new();
    let store = folder.open();
    let posts = save(&store, posts());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let record = record(&posts, "1", &[]);
        store.write(move |tx| tx.insert(record, "")).await.unwrap();
        assert_eq!(store.read(|view| view.head()).await, Ok(1));
        let panicked = store.read(|_| -> Result<(), StoreError> { panic!("a read may panic") }).await;
        assert_eq!(panicked, Err(StoreError::Panicked));
        assert_eq!(store.read(|view| view.head()).await, Ok(1));
        store.write_blocking(|tx| tx.set_setting("k", "1")).unwrap();
    });
    store.close();
    assert_eq!(runtime.block_on(store.read(|view| view.head())), Err(StoreError::Closed));
    assert_eq!(runtime.block_on(store.write(|tx| tx.head())), Err(StoreError::Closed));
}
