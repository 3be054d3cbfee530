mod support;

use serde_json::json;
use support::{Folder, assert_dense, changes, collection, get, insert, posts, record, save, tenant};
use tidewire_model::{Action, GeoPoint, TenantId, Value};
use tidewire_store::StoreError;

#[test]
fn every_kind_of_value_comes_back_as_it_was_written() {
    let folder = Folder::new();
    let cases = [
        ("text", json!({}), vec![Value::text(""), Value::text("h\u{e9} '\" \u{0} \n"), Value::text("12")]),
        ("number", json!({}), vec![Value::Number(0.0), Value::Number(-1.5), Value::Number(1e300)]),
        ("bool", json!({}), vec![Value::Bool(true), Value::Bool(false)]),
        ("select", json!({"values": ["a"]}), vec![Value::text("a")]),
        (
            "select",
            json!({"values": ["a"], "maxSelect": 2}),
            vec![Value::list(["a", "\"b\""]), Value::list([""; 0])],
        ),
        ("geoPoint", json!({}), vec![Value::Geo(GeoPoint { lon: 1.5, lat: -2.0 })]),
        (
            "json",
            json!({}),
            [
                json!(null),
                json!("12"),
                json!(12),
                json!(1.5),
                json!({"a": [1, null]}),
                json!("x"),
                json!(true),
            ]
            .map(Value::Json)
            .to_vec(),
        ),
    ];
    let mut store = folder.open();
    for (number, (kind, options, values)) in cases.into_iter().enumerate() {
        let id = format!("c{number}");
        let collection = save(&store, collection(&id, &[("f", "v", kind, options)], &[]));
        for (index, value) in values.iter().enumerate() {
            insert(&store, record(&collection, &index.to_string(), &[("v", value.clone())])).unwrap();
        }
        // once from the running store, once after a restart
        for _ in 0..2 {
            let collection = store.catalog().by_id(&id).unwrap().clone();
            for (index, value) in values.iter().enumerate() {
                let stored = get(&store, &collection, &index.to_string()).unwrap();
                assert_eq!(stored.get("v"), Some(value), "{kind}");
            }
            let logged: Vec<_> = changes(&store)
                .iter()
                .filter(|c| *c.collection.id == *id)
                .map(|c| c.record().get("v").cloned().unwrap())
                .collect();
            assert_eq!(logged, values, "{kind}");
            store.close();
            store = folder.open();
        }
    }
}

#[test]
fn create_update_and_delete_leave_both_images() {
    let folder = Folder::new();
    let store = folder.open();
    let posts = save(&store, posts());
    let transactions = store.write_blocking(|tx| {
        let one = tx.insert(record(&tx.catalog().by_id("posts").unwrap().clone(), "1", &[]), "users/u")?;
        let mut next = (*one).clone();
        next.set("title", Value::text("b"));
        let two = tx.update(&one, next, "users/u")?;
        tx.delete(&two, "")?;
        Ok::<_, StoreError>(tx.changes_after(0, 10)?.iter().map(|c| c.transaction).collect::<Vec<_>>())
    });
    assert_eq!(transactions.unwrap(), [1, 1, 1]);
    let seen: Vec<_> = changes(&store)
        .iter()
        .map(|change| {
            let title = |image: &Option<std::sync::Arc<tidewire_model::Record>>| {
                image.as_ref().map(|record| record.text("title").to_owned())
            };
            (change.action, title(&change.old), title(&change.new), change.actor.to_string())
        })
        .collect();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        seen,
        [
            (Action::Create, None, text(""), "users/u".to_owned()),
            (Action::Update, text(""), text("b"), "users/u".to_owned()),
            (Action::Delete, text("b"), None, String::new()),
        ]
    );
    assert!(get(&store, &posts, "1").is_none());
    assert_eq!(store.read_here(|view| view.changes_of(1)).map(|list| list.len()), Ok::<_, StoreError>(3));
}

#[test]
fn a_failing_job_leaves_no_trace_and_no_hole() {
    let folder = Folder::new();
    let (store, announced) = folder.open_with(Default::default());
    let posts = save(&store, posts());
    for number in 0..9 {
        let record = record(&posts, &number.to_string(), &[]);
        let result = store.write_blocking(move |tx| {
            tx.insert(record, "")?;
            match number % 3 {
                0 => Ok(()),
                1 => Err(StoreError::NoRecord("own error".into())),
                _ => panic!("a job may panic"),
            }
        });
        let expected = [Ok(()), Err(StoreError::NoRecord("own error".into())), Err(StoreError::Panicked)];
        assert_eq!(result, expected[number % 3]);
    }
    let changes = changes(&store);
    assert_dense(&changes);
    assert_eq!(changes.iter().map(|c| c.record().id().to_owned()).collect::<Vec<_>>(), ["0", "3", "6"]);
    assert_eq!(store.head(), 3);
    let count: usize = announced.lock().unwrap().iter().map(|committed| committed.changes.len()).sum();
    assert_eq!(count, 3);
}

#[test]
fn ids_are_unique_within_a_tenant_only() {
    let folder = Folder::new();
    let store = folder.open();
    let posts = save(&store, posts());
    insert(&store, record(&posts, "1", &[])).unwrap();
    let refused = insert(&store, record(&posts, "1", &[]));
    assert_eq!(refused.err(), Some(StoreError::NotUnique { fields: vec!["id".into()] }));
    let mut other = record(&posts, "1", &[("title", Value::text("theirs"))]);
    other.tenant = TenantId::new("other");
    insert(&store, other).unwrap();
    assert_eq!(get(&store, &posts, "1").unwrap().text("title"), "");
}

#[test]
fn records_are_found_by_id_field_and_reference() {
    let folder = Folder::new();
    let store = folder.open();
    let many = json!({"collectionId": "x", "maxSelect": 9});
    let fields = [
        ("f_m", "mail", "email", json!({})),
        ("f_o", "one", "relation", json!({"collectionId": "x"})),
        ("f_s", "some", "relation", many),
    ];
    let links = save(&store, collection("links", &fields, &[]));
    for (id, mail, one, some) in
        [("3", "A@b.c", "x", vec!["x", "y"]), ("1", "", "y", vec!["y"]), ("2", "a@b.c", "", vec![])]
    {
        let values = [("mail", Value::text(mail)), ("one", Value::text(one)), ("some", Value::list(some))];
        insert(&store, record(&links, id, &values)).unwrap();
    }
    let tenant = tenant();
    store
        .read_here(|view| {
            let many = view.get_many(&links, &tenant, &["1", "nope", "3"])?;
            assert_eq!(many.iter().map(|r| r.id()).collect::<Vec<_>>(), ["1", "3"]);
            for (text, nocase, id) in
                [("a@b.c", false, "2"), ("a@b.c", true, "3"), ("", false, "1"), ("q", true, "")]
            {
                let found = view.find_by(&links, &tenant, "mail", text, nocase)?;
                assert_eq!(found.map_or(String::new(), |r| r.id().to_owned()), id, "{text} {nocase}");
            }
            assert!(view.find_by(&links, &tenant, "no such field", "", false)?.is_none());
            for (field, id, limit, ids) in [
                ("one", "x", 9, vec!["3"]),
                ("some", "y", 9, vec!["3", "1"]),
                ("some", "y", 1, vec!["3"]),
                ("some", "z", 9, vec![]),
            ] {
                let found = view.referencing(&links, &tenant, field, id, limit)?;
                assert_eq!(found.iter().map(|r| r.id()).collect::<Vec<_>>(), ids, "{field} {id}");
            }
            Ok::<_, StoreError>(())
        })
        .unwrap();
}

#[test]
fn a_record_that_is_gone_cannot_be_written() {
    let folder = Folder::new();
    let store = folder.open();
    let posts = save(&store, posts());
    let one = insert(&store, record(&posts, "1", &[])).unwrap();
    let old = one.clone();
    store.write_blocking(move |tx| tx.delete(&old, "")).unwrap();
    let (old, new) = (one.clone(), (*one).clone());
    let updated = store.write_blocking(move |tx| tx.update(&old, new, ""));
    assert_eq!(updated.err(), Some(StoreError::NoRecord("1".into())));
    assert_eq!(store.write_blocking(move |tx| tx.delete(&one, "")), Err(StoreError::NoRecord("1".into())));
    assert_eq!(store.head(), 2);
}
