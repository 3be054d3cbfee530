//! Writes beyond single fields: cascades, references, modifiers, auth records, upserts.

#![allow(clippy::unwrap_used)]

mod world;

use serde_json::{Value as Json, json};
use tidewire_model::{TenantId, Value};
use tidewire_records::{Asker, RecordError, delete, update, upsert};
use world::{World, faults};

fn open_rules(mut body: Json) -> Json {
    for rule in ["listRule", "viewRule", "createRule", "updateRule", "deleteRule"] {
        if body.get(rule).is_none() {
            body[rule] = json!("");
        }
    }
    body
}

fn relation(name: &str, to: &str, options: Json) -> Json {
    let mut field = json!({
        "name": name, "type": "relation", "maxSelect": 1, "collectionId": format!("<id of collection {to}>")
    });
    for (option, value) in world::object(options) {
        field[option] = value;
    }
    field
}

/// `authors`; `notes` that go with their author; `books` by several; `reviews` that must have a book.
fn library() -> World {
    let world = World::empty();
    let dates = json!({"name": "updated", "type": "autodate", "onCreate": true, "onUpdate": true});
    world.define(open_rules(
        json!({"name": "authors", "type": "base", "fields": [{"name": "name", "type": "text"}]}),
    ));
    world.define(open_rules(json!({"name": "notes", "type": "base", "fields": [
        relation("author", "authors", json!({"cascadeDelete": true}))]})));
    world.define(open_rules(json!({"name": "books", "type": "base", "fields": [
        relation("by", "authors", json!({"maxSelect": 5})), dates]})));
    world.define(open_rules(json!({"name": "reviews", "type": "base", "fields": [
        relation("book", "books", json!({"required": true}))]})));
    world.define(open_rules(
        json!({"name": "links", "type": "base", "fields": [{"name": "n", "type": "number"}]}),
    ));
    let links = world.collection("links");
    let mut fields = serde_json::to_value(&links.fields).unwrap();
    fields.as_array_mut().unwrap().push(json!({
        "name": "next", "type": "relation", "maxSelect": 1, "collectionId": &*links.id, "cascadeDelete": true
    }));
    world.alter("links", json!({ "fields": fields }));
    for (collection, body) in [
        ("authors", json!({"id": "author000000001", "name": "a"})),
        ("authors", json!({"id": "author000000002", "name": "b"})),
        ("notes", json!({"id": "note00000000001", "author": "author000000001"})),
        ("notes", json!({"id": "note00000000002", "author": "author000000002"})),
        ("books", json!({"id": "book00000000001", "by": ["author000000001", "author000000002"]})),
        ("books", json!({"id": "book00000000002", "by": ["author000000002"]})),
        ("reviews", json!({"id": "review000000001", "book": "book00000000001"})),
    ] {
        world.create(&world.guest(), collection, body).unwrap();
    }
    world.heard();
    world
}

#[test]
fn deletes_cascade_and_clean_up() {
    let world = library();
    world.delete(&world.guest(), "authors", "author000000001").unwrap();
    let expected =
        ["update books/book00000000001", "delete notes/note00000000001", "delete authors/author000000001"];
    assert_eq!(world.heard(), expected);
    let book = world.record("books", "book00000000001").unwrap();
    assert_eq!(book.get("by"), Some(&Value::list(["author000000002"])));
    assert!(book.text("updated") > "2");
}

#[test]
fn required_references_hold_a_record() {
    let world = library();
    let refused = world.delete(&world.guest(), "books", "book00000000001");
    assert!(matches!(refused, Err(RecordError::Referenced)), "{refused:?}");
    assert!(world.heard().is_empty());
    world.delete(&world.guest(), "books", "book00000000002").unwrap();
}

#[test]
fn circles_and_long_chains_are_deleted() {
    let world = library();
    let id = |n: usize| format!("link{n:011}");
    let length = 1000;
    let links = world.collection("links");
    world
        .store
        .write_blocking(move |tx| {
            for n in 0..length {
                let mut link = tidewire_model::Record::empty(links.clone(), TenantId::default());
                link.set("id", Value::text(&id(n)));
                // the last one closes the circle
                link.set("next", Value::text(&id((n + length - 1) % length)));
                tx.insert(link, "")?;
            }
            Ok::<_, RecordError>(())
        })
        .unwrap();
    world.heard();
    world.delete(&world.guest(), "links", &id(7)).unwrap();
    assert_eq!(world.heard().len(), length);
    assert!(world.record("links", &id(0)).is_none());
}

#[test]
fn truncation_deletes_one_by_one_in_one_tenant() {
    let world = library();
    let elsewhere = Asker { tenant: TenantId::new("other"), ..world.guest() };
    world.create(&elsewhere, "authors", json!({"id": "author000000009"})).unwrap();
    world.heard();
    let (asker, collection) = (world.superuser(), world.collection("authors"));
    let guest = world.guest();
    let refused = world.store.write_blocking({
        let collection = collection.clone();
        move |tx| delete::truncate(tx, &guest, &collection)
    });
    assert!(matches!(refused, Err(RecordError::SuperusersOnly)), "{refused:?}");
    world.store.write_blocking(move |tx| delete::truncate(tx, &asker, &collection)).unwrap();
    let heard = world.heard();
    assert_eq!(heard.iter().filter(|told| told.starts_with("delete authors/")).count(), 2, "{heard:?}");
    let left = world.delete(&world.guest(), "authors", "author000000009");
    assert!(matches!(left, Err(RecordError::NotFound)), "{left:?}");
    world.delete(&elsewhere, "authors", "author000000009").unwrap();
}

#[test]
fn upserts_go_by_id() {
    let world = library();
    for (body, expected) in [
        (json!({"id": "author000000001", "name": "new"}), "update authors/author000000001"),
        (json!({"id": "author000000003", "name": "c"}), "create authors/author000000003"),
    ] {
        let (asker, collection) = (world.guest(), world.collection("authors"));
        let prepared = world::prepared(&collection, body);
        world.store.write_blocking(move |tx| upsert::upsert(tx, &asker, &collection, &prepared)).unwrap();
        assert_eq!(world.heard(), [expected]);
    }
}

/// What a refused write tells.
fn told<T>(result: Result<T, RecordError>) -> Json {
    match result {
        Ok(_) => json!("ok"),
        Err(RecordError::Invalid(errors)) => {
            let codes = faults(&errors);
            world::object(codes).into_iter().map(|(name, fault)| (name, fault["code"].clone())).collect()
        }
        Err(error) => json!(error.to_string()),
    }
}

#[test]
fn writes_are_refused_with_reasons() {
    let world = library();
    let id = "author000000001";
    for (body, expected) in [
        (json!({}), json!("ok")),
        (json!({"id": id}), json!("ok")),
        (json!({"id": "author000000007"}), json!({"id": "validation_pk_change"})),
        (json!({"collectionId": "x", "expand": {}, "nosuch": 1}), json!("ok")),
    ] {
        assert_eq!(told(world.update(&world.guest(), "authors", id, body.clone())), expected, "{body}");
    }
    let twice = world.create(&world.guest(), "authors", json!({"id": id}));
    assert_eq!(told(twice), json!({"id": "validation_not_unique"}));
    let missing = world.update(&world.guest(), "authors", "author000000009", json!({}));
    assert_eq!(told(missing), json!("not found"));
}

#[test]
fn auth_records_have_rules_of_their_own() {
    let world = World::empty();
    let user = |email: &str| json!({"email": email, "password": "12345678", "passwordConfirm": "12345678"});
    let with = |mut body: Json, name: &str, value: Json| {
        body[name] = value;
        body
    };
    for (body, expected) in [
        (json!({}), json!({"password": "validation_required", "passwordConfirm": "validation_required"})),
        (json!({"password": "x"}), json!({"passwordConfirm": "validation_required"})),
        (
            with(user("a@b.co"), "passwordConfirm", json!("y")),
            json!({"passwordConfirm": "validation_values_mismatch"}),
        ),
        (with(user("a@b.co"), "verified", json!(true)), json!({"verified": "validation_values_mismatch"})),
        (user("nope"), json!({"email": "validation_is_email"})),
        (user(""), json!({"email": "validation_required"})),
        (
            json!({"email": "a@b.co", "password": "x", "passwordConfirm": "x"}),
            json!({"password": "validation_min_text_constraint"}),
        ),
        (user("a@b.co"), json!("ok")),
        (user("a@b.co"), json!({"email": "validation_not_unique"})),
    ] {
        assert_eq!(told(world.create(&world.guest(), "users", body.clone())), expected, "{body}");
    }
    let record = world.user("a@b.co").principal.record().cloned().unwrap();
    assert!(record.bool("verified") && record.text("tokenKey").len() == 50);
    assert!(record.text("password").len() > 20);
    let by_superuser = world.create(&world.superuser(), "users", user("s@b.co")).unwrap();
    assert!(!by_superuser.bool("verified"));
    let other =
        world.create(&world.superuser(), "_superusers", with(user("z@b.co"), "id", json!(record.id())));
    assert_eq!(told(other), json!({"id": "validation_invalid_auth_id"}));
}

#[test]
fn auth_records_are_changed_under_guard() {
    let world = World::empty();
    let body = json!({"email": "a@b.co", "password": "12345678", "passwordConfirm": "12345678"});
    let record = world.create(&world.guest(), "users", body).unwrap();
    let owner = world.user("a@b.co");
    let new = |old: &str| json!({"password": "abcdefgh", "passwordConfirm": "abcdefgh", "oldPassword": old});
    let update = |asker: &Asker, body: Json, fits: bool| {
        let (asker, users, id) = (asker.clone(), world.collection("users"), record.id().to_owned());
        let mut prepared = world::prepared(&users, body);
        prepared.old_password_fits = fits.then(|| record.text("password").to_owned());
        told(world.store.write_blocking(move |tx| update::update(tx, &asker, &users, &id, &prepared)))
    };
    let stored = || world.record("users", record.id()).unwrap();
    for (asker, body, fits, expected) in [
        (&owner, json!({"email": "c@d.co"}), false, json!({"email": "validation_values_mismatch"})),
        (&owner, json!({"verified": false}), false, json!({"verified": "validation_values_mismatch"})),
        (&owner, json!({"name": "n", "tokenKey": "x"}), false, json!("ok")),
        (&owner, json!({"password": ""}), false, json!({"password": "validation_required"})),
        (
            &owner,
            json!({"oldPassword": "x"}),
            false,
            json!({"password": "validation_required", "passwordConfirm": "validation_required"}),
        ),
        (&owner, new(""), false, json!({"oldPassword": "validation_required"})),
        (&owner, new("wrong"), false, json!({"oldPassword": "validation_invalid_old_password"})),
        (&world.guest(), json!({"name": "n"}), false, json!("not found")),
    ] {
        assert_eq!(update(asker, body.clone(), fits), expected, "{body}");
        assert_eq!(stored().text("tokenKey"), record.text("tokenKey"), "{body}");
    }
    let mut key = record.text("tokenKey").to_owned();
    for (asker, body) in [
        (&owner, new("12345678")),
        (&world.superuser(), json!({"email": "c@d.co"})),
        (&world.superuser(), new("")),
        (&world.superuser(), json!({"tokenKey": "k".repeat(40)})),
    ] {
        assert_eq!(update(asker, body.clone(), true), json!("ok"), "{body}");
        assert_ne!(stored().text("tokenKey"), key, "{body}");
        key = stored().text("tokenKey").to_owned();
    }
}

#[test]
fn the_last_superuser_stays() {
    let world = World::empty();
    let body = json!({"email": "s@b.co", "password": "1234567890", "passwordConfirm": "1234567890"});
    let first = world.create(&world.superuser(), "_superusers", body.clone()).unwrap();
    assert!(first.bool("verified"));
    let refused = world.delete(&world.superuser(), "_superusers", first.id());
    assert!(matches!(refused, Err(RecordError::BadRequest(_))), "{refused:?}");
}
