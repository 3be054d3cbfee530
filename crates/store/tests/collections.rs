mod support;

use serde_json::json;
use support::{
    Folder, assert_dense, changes, collection, get, insert, posts, record, save, tenant, try_save,
};
use tidewire_model::{TenantId, Value};
use tidewire_store::StoreError;

/// One field `before` holding `value`, made into the field `after`.
#[test]
fn data_follows_field_ids() {
    let select = |max: u64| json!({"values": ["a", "b"], "maxSelect": max});
    let cases = [
        (("f", "v", "text", json!({})), Value::text("a"), ("f", "w", "text", json!({})), Value::text("a")),
        (("f", "v", "text", json!({})), Value::text("a"), ("g", "v", "text", json!({})), Value::text("")),
        (
            ("f", "v", "text", json!({})),
            Value::text("7"),
            ("f", "v", "number", json!({})),
            Value::Number(0.0),
        ),
        (
            ("f", "v", "select", select(1)),
            Value::text("a"),
            ("f", "v", "select", select(2)),
            Value::list(["a"]),
        ),
        (
            ("f", "v", "select", select(1)),
            Value::text(""),
            ("f", "v", "select", select(2)),
            Value::list([""; 0]),
        ),
        (
            ("f", "v", "select", select(2)),
            Value::list(["a", "b"]),
            ("f", "w", "select", select(1)),
            Value::text("b"),
        ),
        (
            ("f", "v", "select", select(2)),
            Value::list([""; 0]),
            ("f", "v", "select", select(1)),
            Value::text(""),
        ),
    ];
    for (before, value, after, expected) in cases {
        let folder = Folder::new();
        let store = folder.open();
        let old = save(&store, collection("c", std::slice::from_ref(&before), &[]));
        let written = insert(&store, record(&old, "1", &[("v", value)])).unwrap();
        let new = save(&store, collection("c", std::slice::from_ref(&after), &[]));
        let stored = get(&store, &old, "1").unwrap();
        assert_eq!(stored.get(after.1), Some(&expected), "{after:?}");
        // a record of the old shape can be written on, and old images are read by the new definition
        let copy = (*written).clone();
        store.write_blocking(move |tx| tx.update(&written, copy, "")).unwrap();
        assert_eq!(get(&store, &new, "1").unwrap().get(after.1), Some(&expected), "{after:?}");
        if before.2 == after.2 {
            assert_eq!(changes(&store)[0].record().get(after.1), Some(&expected), "{after:?}");
        }
    }
}

#[test]
fn names_may_be_swapped_and_rows_keep_their_order() {
    let folder = Folder::new();
    let store = folder.open();
    let field = |id, name| (id, name, "text", json!({}));
    let old =
        save(&store, collection("c", &[field("f", "a"), field("g", "b")], &["CREATE INDEX i ON c (a)"]));
    for id in ["2", "1", "3"] {
        insert(&store, record(&old, id, &[("a", Value::text("A")), ("b", Value::text(id))])).unwrap();
    }
    let new = save(
        &store,
        collection("c", &[field("g", "a"), field("f", "b"), field("h", "c")], &["CREATE INDEX i ON c (a)"]),
    );
    let rows = store
        .read_here(|view| view.referencing(&new, &tenant(), "b", "A", 9))
        .unwrap_or_else(|e: StoreError| panic!("{e}"));
    let texts: Vec<_> = rows.iter().map(|r| [r.text("a"), r.text("b"), r.text("c")].join("/")).collect();
    assert_eq!(texts, ["2/A/", "1/A/", "3/A/"]);
}

#[test]
fn indexes_are_made_per_tenant_and_name_the_fields_they_refuse() {
    let cases: [(&str, &str, &str, bool, &[&str]); 9] = [
        ("CREATE UNIQUE INDEX i ON c (a)", "x", "x", true, &["a"]),
        ("CREATE UNIQUE INDEX i ON c (a)", "x", "X", false, &[]),
        ("create unique index if not exists `i` on `c` (`a` COLLATE NOCASE DESC);", "x", "X", true, &["a"]),
        ("CREATE UNIQUE INDEX \"main\".[i] ON 'c' ([a], \"b\") WHERE `a` != ''", "x", "x", true, &["a", "b"]),
        ("CREATE UNIQUE INDEX i ON c (a) WHERE a != ''", "", "", false, &[]),
        ("CREATE UNIQUE INDEX i ON c (lower(a), coalesce(b, ')'))", "x", "X", true, &["a", "b"]),
        ("CREATE INDEX i ON c (a)", "x", "x", false, &[]),
        ("CREATE UNIQUE INDEX\n i\tON c\n(\n `b`\n)", "x", "y", true, &["b"]),
        ("CREATE UNIQUE INDEX i ON c (substr(a, 1, 1))", "xa", "xb", true, &["a"]),
    ];
    for (index, first, second, refused, fields) in cases {
        let folder = Folder::new();
        let store = folder.open();
        let text = |id, name| (id, name, "text", json!({}));
        let c = save(&store, collection("c", &[text("f", "a"), text("g", "b")], &[index]));
        insert(&store, record(&c, "1", &[("a", Value::text(first))])).unwrap();
        let mut theirs = record(&c, "1", &[("a", Value::text(first))]);
        theirs.tenant = TenantId::new("other");
        insert(&store, theirs).unwrap();
        let result = insert(&store, record(&c, "2", &[("a", Value::text(second))]));
        let expected = refused.then(|| StoreError::NotUnique {
            fields: fields.iter().map(|field| field.to_string()).collect(),
        });
        assert_eq!(result.err(), expected, "{index}");
        assert_dense(&changes(&store));
    }
}

#[test]
fn indexes_that_cannot_be_made_are_refused_and_change_nothing() {
    for index in [
        "",
        "CREATE TABLE x (a)",
        "CREATE INDEX i ON c (nope)",
        "CREATE INDEX i ON c ()",
        "CREATE INDEX i ON c (a,)",
        "CREATE INDEX i ON c (a",
        "CREATE INDEX i ON c (a) WHERE",
        "CREATE INDEX i ON c (a) x",
        "CREATE INDEX i ON c (a) WHERE 1; DROP TABLE tw_state",
        "CREATE INDEX i ON c (a) WHERE a = 'x",
        "CREATE INDEX ON c (a)",
        "CREATE UNIQUE INDEX i ON c (a)",
    ] {
        let folder = Folder::new();
        let store = folder.open();
        let fields = [("f", "a", "text", json!({}))];
        let c = save(&store, collection("c", &fields, &[]));
        for id in ["1", "2"] {
            insert(&store, record(&c, id, &[])).unwrap();
        }
        let revision = store.catalog().revision;
        let result =
            try_save(&store, collection("c", &[("f", "b", "text", json!({})), fields[0].clone()], &[index]));
        assert!(
            matches!(&result, Err(StoreError::BadIndex { index: named, .. }) if named == index),
            "{index}: {result:?}"
        );
        assert_eq!(store.catalog().revision, revision);
        insert(&store, record(&c, "3", &[])).unwrap();
    }
}

#[test]
fn token_keys_are_unique_without_an_index_that_says_so() {
    let folder = Folder::new();
    let store = folder.open();
    let mut users = collection("u", &[("f", "tokenKey", "text", json!({}))], &[]);
    users.kind = tidewire_model::CollectionKind::Auth;
    let users = save(&store, users);
    insert(&store, record(&users, "1", &[("tokenKey", Value::text("k"))])).unwrap();
    let refused = insert(&store, record(&users, "2", &[("tokenKey", Value::text("k"))]));
    assert_eq!(refused.err(), Some(StoreError::NotUnique { fields: vec!["tokenKey".into()] }));
}

#[test]
fn the_catalog_keeps_the_order_of_creation_over_changes_and_restarts() {
    let folder = Folder::new();
    let (store, announced) = folder.open_with(Default::default());
    let make = |id| collection(id, &[("f", "a", "text", json!({}))], &[]);
    for id in ["b", "a", "B", "c"] {
        save(&store, make(id));
    }
    save(&store, collection("b", &[], &[]));
    store.write_blocking(|tx| tx.delete_collection("a")).unwrap();
    save(&store, make("a"));
    assert_eq!(
        store.write_blocking(|tx| tx.delete_collection("no")),
        Err(StoreError::NoCollection("no".into()))
    );
    let ids = |store: &tidewire_store::Store| {
        store.catalog().all().iter().map(|c| c.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&store), ["b", "B", "c", "a"]);
    let revision = store.catalog().revision;
    assert_eq!(announced.lock().unwrap().iter().filter(|committed| committed.catalog.is_some()).count(), 7);
    store.close();
    let store = folder.open();
    assert_eq!(
        (ids(&store), store.catalog().revision),
        (vec!["b".into(), "B".into(), "c".into(), "a".into()], revision)
    );
}

#[test]
fn changes_of_a_deleted_collection_stay_in_the_log_with_its_last_definition() {
    let folder = Folder::new();
    let store = folder.open();
    let posts = save(&store, posts());
    let other = save(&store, collection("other", &[], &[]));
    insert(&store, record(&posts, "1", &[("title", Value::text("t"))])).unwrap();
    store.write_blocking(|tx| tx.delete_collection("posts")).unwrap();
    insert(&store, record(&other, "1", &[])).unwrap();
    let log = changes(&store);
    assert_dense(&log);
    assert_eq!(log.len(), 2);
    assert_eq!((&*log[0].collection.name, log[0].record().text("title")), ("posts@1", "t"));
    assert!(store.catalog().by_id(&log[0].collection.id).is_none());
    assert!(get(&store, &posts, "1").is_none());
    assert_eq!(
        insert(&store, record(&posts, "2", &[])).err(),
        Some(StoreError::NoCollection("posts".into()))
    );
    // a new one of the same id starts empty, and what the old one wrote is not taken for its own
    let posts = save(&store, support::posts());
    assert!(get(&store, &posts, "1").is_none());
    insert(&store, record(&posts, "1", &[])).unwrap();
    let ids: Vec<_> = changes(&store).iter().map(|change| change.collection.id.to_string()).collect();
    assert_eq!(ids, ["posts@1", "other", "posts"]);
    let offsets: Vec<_> = changes(&store).iter().map(|change| change.position.offset).collect();
    assert_eq!(offsets, [1, 1, 2]);
}
