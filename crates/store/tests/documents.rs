//! Open collections: what filters ask for often gets an index, and the index is used.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value as Json, json};
use std::sync::Arc;
use support::{Folder, collection, insert, record, save, tenant};
use tidewire_model::{Collection, Timestamp, Value};
use tidewire_rules::{DocumentFilter, Query};
use tidewire_store::{Store, StoreError};

const MANY: usize = 1200;

fn open() -> Collection {
    let mut open = collection("open", &[("f_d", "data", "json", json!({}))], &[]);
    open.open = true;
    open.owner = Some(tenant());
    open
}

fn filled(store: &Store, count: usize) -> Arc<Collection> {
    let open = save(store, open());
    let made = open.clone();
    store
        .write_blocking(move |tx| {
            for index in 0..count {
                let data = match index % 3 {
                    0 => json!({"user": format!("u{index}"), "n": index}),
                    1 => json!({"user": ["u3", format!("u{index}")], "n": index.to_string()}),
                    _ => json!({"it's": index}),
                };
                let id = format!("d{index}");
                tx.insert(record(&made, &id, &[("data", Value::Json(data))]), "")?;
            }
            Ok::<_, StoreError>(())
        })
        .unwrap();
    open
}

fn query(open: &Arc<Collection>, filter: &Json) -> Query {
    let filter = DocumentFilter::from_json(filter.as_object().unwrap()).unwrap();
    Query::new(open, &tenant(), Timestamp::now()).filter(&filter.residual(open))
}

fn ids(store: &Store, query: &Query) -> Vec<String> {
    let open = query.collection().clone();
    let found = store.read_here(|view| view.select(&open, query)).unwrap();
    found.iter().map(|record| record.id().to_owned()).collect()
}

fn plan(store: &Store, query: &Query) -> String {
    store.read_here(|view| view.explain(query)).unwrap().join("; ")
}

/// Asks as often as it takes; the writer makes the index before it does what is asked of it afterwards.
fn ask_often(store: &Store, query: &Query) {
    for _ in 0..16 {
        ids(store, query);
    }
    for _ in 0..200 {
        store.write_blocking(|_| Ok::<_, StoreError>(())).unwrap();
        if plan(store, query).contains("d:open:") {
            return;
        }
    }
}

#[test]
fn keys_that_are_often_asked_for_are_indexed() {
    let folder = Folder::new();
    let store = folder.open();
    let open = filled(&store, MANY);
    for (filter, expected) in [
        (json!({"user": "u3"}), vec!["d1", "d3", "d4"]),
        (json!({"n": "300", "user": "u300"}), vec!["d300"]),
        (json!({"n_in": "6,7"}), vec!["d6", "d7"]),
        (json!({"it's": 5}), vec!["d5"]),
    ] {
        let query = query(&open, &filter);
        let before: Vec<_> = ids(&store, &query).into_iter().take(3).collect();
        assert_eq!(before, expected, "{filter}");
        ask_often(&store, &query);
        let after: Vec<_> = ids(&store, &query).into_iter().take(3).collect();
        assert_eq!((after, before.len()), (before, expected.len()), "{filter}");
        let plan = plan(&store, &query);
        assert!(plan.contains("USING INDEX d:open:"), "{filter}: {plan}");
        assert!(!plan.contains("SCAN r"), "{filter}: {plan}");
    }
}

#[test]
fn an_index_outlives_the_process_and_new_documents_are_in_it() {
    let folder = Folder::new();
    let filter = json!({"user": "u3"});
    {
        let store = folder.open();
        let open = filled(&store, MANY);
        ask_often(&store, &query(&open, &filter));
        store.close();
    }
    let store = folder.open();
    let open = store.catalog().by_id("open").unwrap().clone();
    let query = query(&open, &filter);
    assert!(plan(&store, &query).contains("USING INDEX d:open:user"), "{}", plan(&store, &query));
    insert(&store, record(&open, "new", &[("data", Value::Json(json!({"user": "u3"})))])).unwrap();
    assert!(ids(&store, &query).contains(&"new".to_owned()));
}

#[test]
fn small_collections_get_no_index() {
    let folder = Folder::new();
    let store = folder.open();
    let open = filled(&store, 10);
    let query = query(&open, &json!({"user": "u3"}));
    ask_often(&store, &query);
    assert!(!plan(&store, &query).contains("d:open:"));
}

#[test]
fn a_collection_has_only_so_many_indexes() {
    let folder = Folder::new();
    let store = folder.open();
    let open = filled(&store, MANY);
    let queries: Vec<_> = (0..10).map(|index| query(&open, &json!({ format!("k{index}"): "x" }))).collect();
    queries.iter().for_each(|query| ask_often(&store, query));
    let indexed = queries.iter().filter(|query| plan(&store, query).contains("d:open:"));
    assert_eq!(indexed.count(), 8);
}
