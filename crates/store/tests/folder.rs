mod support;

use support::{Folder, assert_dense, changes, get, insert, posts, record, save};
use tidewire_model::{TenantId, Value};
use tidewire_store::{Account, Options, Retention, Store, StoreError};

fn open_again(folder: &Folder) -> Result<Store, StoreError> {
    Store::open(folder.dir.path(), Options::default(), Box::new(|_| ()))
}

#[test]
fn a_folder_has_one_owner_at_a_time() {
    let folder = Folder::new();
    let store = folder.open();
    assert_eq!(open_again(&folder).err(), Some(StoreError::Locked));
    let epoch = store.epoch();
    store.close();
    store.close();
    let again = open_again(&folder).unwrap();
    assert_eq!(again.epoch(), epoch);
    drop(again);
    assert!(open_again(&folder).is_ok());
    assert_ne!(Folder::new().open().epoch(), epoch);
}

#[test]
fn the_last_handle_may_go_with_a_job() {
    let folder = Folder::new();
    let (store, handle) = (folder.open(), std::sync::mpsc::channel());
    let inside = store.clone();
    let answer = handle.0;
    let job = std::thread::spawn(move || {
        store.write_blocking(move |tx| {
            let head = tx.head();
            drop(inside);
            answer.send(()).map_err(|_| StoreError::Closed)?;
            head
        })
    });
    handle.1.recv().unwrap();
    assert_eq!(job.join().unwrap(), Ok(0));
}

#[test]
fn closing_does_what_waits_and_leaves_one_file() {
    let folder = Folder::new();
    let store = folder.open();
    let posts = save(&store, posts());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let written = runtime.block_on(async {
        let mut jobs = Vec::new();
        for number in 0..100 {
            let record = record(&posts, &number.to_string(), &[]);
            jobs.push(Box::pin(store.write(move |tx| tx.insert(record, ""))));
        }
        // polled once, each has put its job into the queue
        for job in &mut jobs {
            let waiting =
                std::future::poll_fn(|context| std::task::Poll::Ready(job.as_mut().poll(context))).await;
            drop(waiting);
        }
        store.close();
        jobs.len()
    });
    assert!(!folder.dir.path().join("data.db-wal").exists());
    let store = folder.open();
    assert_eq!(store.head(), written as u64);
    assert_dense(&changes(&store));
    assert!(get(&store, &posts, "99").is_some());
}

#[test]
fn the_write_ahead_log_begins_anew_while_writes_go_on() {
    let folder = Folder::new();
    let store = folder.open();
    let posts = save(&store, posts());
    let long = "x".repeat(100_000);
    let (mut longest, mut begun_anew) = (0, 0);
    for number in 0..20_000 {
        insert(&store, record(&posts, &number.to_string(), &[("title", Value::text(&long))])).unwrap();
        let now = store.checkpoints().waiting;
        begun_anew += u32::from(now < longest);
        longest = if now < longest { now } else { longest.max(now) };
        if begun_anew == 2 {
            break;
        }
    }
    assert_eq!(begun_anew, 2);
    let checkpoints = store.checkpoints();
    assert!(checkpoints.moved > 0 && checkpoints.seconds.read().sum > 0.0);
    store.close();
    let store = folder.open();
    assert_eq!(changes(&store).len() as u64, store.head());
    assert!(changes(&store).iter().all(|change| change.record().text("title") == long));
}

#[test]
fn settings_and_accounts_are_kept() {
    let folder = Folder::new();
    let store = folder.open();
    let account = |id: &str, code: &str, slug: &str| Account {
        id: TenantId::new(id),
        code: code.into(),
        slug: slug.into(),
        name: "N".into(),
        api_key_hash: String::new(),
        created: "2026-01-01 00:00:00.000Z".into(),
    };
    let saves = [
        (account("b", "BB0001", "bb"), None),
        (account("a", "AA0001", "aa"), None),
        (account("b", "BB0002", "bb"), None),
        (account("c", "AA0001", "cc"), Some("code")),
        (account("c", "CC0001", "aa"), Some("slug")),
    ];
    for (account, refused) in saves.clone() {
        let result = store.write_blocking(move |tx| tx.save_account(&account));
        let expected = refused.map(|field| StoreError::NotUnique { fields: vec![field.into()] });
        assert_eq!(result.err(), expected);
    }
    for json in ["1", "{\"a\":2}"] {
        store.write_blocking(|tx| tx.set_setting("k", json)).unwrap();
    }
    store.close();
    let store = folder.open();
    let (accounts, setting, none) = store
        .read_here(|view| Ok::<_, StoreError>((view.accounts()?, view.setting("k")?, view.setting("no")?)))
        .unwrap();
    assert_eq!(accounts, [saves[2].0.clone(), saves[1].0.clone()]);
    assert_eq!((setting.as_deref(), none), (Some("{\"a\":2}"), None));
}

/// 40 changes of some 40 bytes each; which bound leaves how many.
#[test]
fn the_log_keeps_what_its_bounds_allow() {
    let wide = Retention { count: 1000, age: 1000, size: 1 << 20 };
    let cases = [
        (wide, 40..=40),
        (Retention { count: 16, ..wide }, 16..=17),
        (Retention { size: 500, ..wide }, 5..=20),
    ];
    for (retention, expected) in cases {
        let folder = Folder::new();
        let (store, _) = folder.open_with(Options { retention, ..Options::default() });
        let posts = save(&store, posts());
        for number in 0..40 {
            insert(&store, record(&posts, &format!("{number:03}"), &[])).unwrap();
        }
        store.close();
        // old changes are deleted before the next job is taken: at the second answer that has been done
        let (store, _) = folder.open_with(Options { retention, ..Options::default() });
        for _ in 0..2 {
            store.write_blocking(|tx| tx.set_setting("k", "1")).unwrap();
        }
        let left = changes(&store);
        assert!(expected.contains(&left.len()), "{retention:?} left {}", left.len());
        assert_dense(&left);
        assert_eq!(left.last().map(|change| change.position.seq), Some(40));
        assert_eq!(store.floor(), left[0].position.seq - 1);
        assert_eq!(store.read_here(|view| view.floor()), Ok::<_, StoreError>(store.floor()));
        // offsets and positions go on, whatever was deleted
        insert(&store, record(&posts, "next", &[])).unwrap();
        assert_dense(&changes(&store));
    }
}

#[test]
fn a_log_without_any_change_left_still_knows_its_head() {
    let folder = Folder::new();
    let retention = Retention { count: 0, ..Retention::default() };
    for round in 0..3 {
        let (store, _) = folder.open_with(Options { retention, ..Options::default() });
        let posts = match round {
            0 => save(&store, posts()),
            _ => store.catalog().by_id("posts").unwrap().clone(),
        };
        let change = insert(&store, record(&posts, &round.to_string(), &[]));
        assert!(change.is_ok());
        store.write_blocking(|tx| tx.set_setting("k", "1")).unwrap();
        store.write_blocking(|tx| tx.set_setting("k", "2")).unwrap();
        assert_eq!((store.head(), store.floor(), changes(&store).len()), (round + 1, round + 1, 0));
    }
}

#[test]
fn a_folder_can_be_looked_into_beside_its_owner() {
    let folder = Folder::new();
    assert!(tidewire_store::examine(folder.dir.path()).is_err());
    let store = folder.open();
    let found = tidewire_store::examine(folder.dir.path()).unwrap();
    assert_eq!((found.integrity.as_str(), found.format), ("ok", found.known_format));
    store.close();
    // the first page of a table's tree
    let file = folder.dir.path().join("data.db");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[4096..8192].fill(0x5a);
    std::fs::write(&file, bytes).unwrap();
    let spoiled = tidewire_store::examine(folder.dir.path());
    assert!(spoiled.is_err() || spoiled.is_ok_and(|found| found.integrity != "ok"));
}
