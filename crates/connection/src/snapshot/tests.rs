use super::*;
use std::sync::atomic::AtomicUsize;
use tidewire_store::Options;
use tokio::task::JoinSet;

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options::default(), Box::new(|_| {})).unwrap();
    (dir, store)
}

fn wanted(key: &str, revision: u64) -> Wanted {
    Wanted { key: key.to_owned(), revision, collection: None }
}

fn snapshot(head: Seq) -> Snapshot {
    Snapshot { head, revision: 1, frames: Some(Arc::new([Bytes::from_static(b"frame")])) }
}

#[tokio::test]
async fn whoever_asks_for_the_same_shares_one_read() {
    let (_dir, store) = store();
    let snapshots = Arc::new(Snapshots::default());
    let made = Arc::new(AtomicUsize::new(0));
    let mut asked = JoinSet::new();
    for number in 0..1000 {
        let (store, snapshots, made) = (store.clone(), snapshots.clone(), made.clone());
        asked.spawn(async move {
            let read = move |view: &View<'_>| {
                made.fetch_add(1, Relaxed);
                Ok(snapshot(view.head()?))
            };
            snapshots.take(&store, wanted(["a", "b"][number % 2], 1), read).await
        });
    }
    for taken in asked.join_all().await {
        assert_eq!(taken.unwrap().bytes(), 5);
    }
    assert_eq!((made.load(Relaxed), snapshots.reads()), (2, 2));
}

#[tokio::test]
async fn what_failed_or_was_read_under_other_definitions_is_not_shared() {
    let (_dir, store) = store();
    let snapshots = Snapshots::default();
    for round in 1..=3 {
        let failed = snapshots.take(&store, wanted("k", 1), |_| Err(StoreError::Closed)).await;
        assert!(failed.is_err());
        let taken = snapshots.take(&store, wanted("k", 2), |view| Ok(snapshot(view.head()?))).await;
        assert_eq!(taken.unwrap().revision, 1);
        assert_eq!(snapshots.reads(), 2 * round);
    }
}

#[test]
fn a_snapshot_serves_those_who_cannot_tell_it_from_a_new_one() {
    // (read at, asked at, last change of what it reads, serves as of)
    for (head, asked, touched, expected) in [
        (5, 5, None, Some(5)),
        (5, 4, None, Some(5)),
        (5, 6, None, None),
        (5, 6, Some(5), Some(6)),
        (5, 9, Some(2), Some(9)),
        (5, 3, Some(2), Some(5)),
        (5, 6, Some(6), None),
        (5, 4, Some(6), Some(5)),
    ] {
        let served = snapshot(head).at(asked, touched).map(|snapshot| snapshot.head);
        assert_eq!(served, expected, "{head} {asked} {touched:?}");
    }
}
