//! Open collections: what is written becomes keys of the document, and lists do not sort all of it.

#![allow(clippy::unwrap_used)]

mod world;

use serde_json::{Value as Json, json};
use std::sync::Arc;
use tidewire_model::{Collection, Record, TenantId, Timestamp};
use tidewire_records::{Asker, Prepared, RecordError, create, open, update};
use tidewire_rules::{Query, Sort};
use world::World;

fn tenant() -> TenantId {
    TenantId::new("t1")
}

fn asker(world: &World) -> Asker {
    Asker { tenant: tenant(), ..world.superuser() }
}

fn notes(world: &World) -> Arc<Collection> {
    let made = world.store.write_blocking(|tx| open::create(tx, &tenant(), "notes", |_| {}));
    made.unwrap_or_else(|error: RecordError| panic!("{error:?}"))
}

fn prepared(body: Json) -> Prepared {
    let Json::Object(body) = body else { panic!("a body is an object") };
    Prepared { body, ..Prepared::default() }
}

fn data(record: &Record) -> Json {
    record.get("data").unwrap().to_json()
}

#[test]
fn bodies_become_documents() {
    for (first, second, expected) in [
        (json!({"a": 1}), json!({"b": 2}), json!({"a": 1, "b": 2})),
        (json!({"a": 1}), json!({"a": null}), json!({"a": null})),
        (json!({"a": 1}), json!({"data": {"b": 2}}), json!({"b": 2})),
        (json!({"a": 1}), json!({"data": {"b": 2}, "c": 3}), json!({"b": 2, "c": 3})),
        (json!({"a": 1}), json!({"data": "text"}), json!({})),
        (json!({}), json!({}), json!({})),
        (json!({"a": 1, "collectionId": "x", "expand": {}}), json!({"collectionName": "y"}), json!({"a": 1})),
        (json!({"a": 1, "created_at": "2020-01-01"}), json!({"updated_at": ""}), json!({"a": 1})),
    ] {
        let world = World::empty();
        let (notes, asker) = (notes(&world), asker(&world));
        let (made, changed) = (prepared(first), prepared(second));
        let record = world.store.write_blocking(move |tx| {
            let record = create::create(tx, &asker, &notes, &made)?;
            update::update(tx, &asker, &notes, record.id(), &changed)
        });
        assert_eq!(data(&record.unwrap_or_else(|error: RecordError| panic!("{error:?}"))), expected);
    }
}

#[test]
fn names_stand_in_urls() {
    for (name, expected) in [
        ("a", true),
        ("with space", true),
        ("ünï", true),
        ("", false),
        (" ", false),
        ("a/b", false),
        ("_x", false),
    ] {
        assert_eq!(open::check_name(name).is_ok(), expected, "{name}");
    }
}

#[test]
fn the_newest_documents_are_found_by_an_index() {
    let world = World::empty();
    let notes = notes(&world);
    let newest = Sort::by_document(&notes, "created_at", true);
    let query = Query::new(&notes, &tenant(), Timestamp::now()).sort(&newest).page(100, 0);
    let plan = world.store.read_here(|view| view.explain(&query)).unwrap().join("; ");
    assert!(plan.contains("idx_created_at") && !plan.contains("TEMP B-TREE"), "{plan}");
}
