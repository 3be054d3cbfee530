//! Rules in the language of their collection, filters in that of the client.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use serde_json::{Value as Json, json};
use tidewire_model::{Collection, Language, Timestamp};
use tidewire_records::collections::{self, RuleOf, check_rule};
use tidewire_records::gate::{Which, gate};
use tidewire_records::list::{ListRequest, list};
use tidewire_records::{Asker, RecordError, show};
use tidewire_rules::Truth;
use world::World;

/// Tasks of SnackBase, two users, and one task of each.
fn world() -> World {
    let world = World::empty();
    for name in ["ann", "bob"] {
        let body =
            json!({"email": format!("{name}@x.com"), "password": "12345678", "passwordConfirm": "12345678"});
        world.create(&world.superuser(), "users", body).unwrap();
    }
    let text = |name: &str| json!({"id": name, "name": name, "type": "text", "nullable": true});
    let mut author = text("created_by");
    author["extra"] = json!({"author": "ofcreate"});
    let id = json!({"id": "id", "name": "id", "type": "text", "system": true, "primaryKey": true, "required": true,
                    "pattern": "^[a-z0-9]+$", "autogeneratePattern": "[a-z0-9]{15}"});
    let definition = json!({
        "id": "tasks", "name": "tasks", "type": "base", "system": false, "language": "snackbase", "indexes": [],
        "created": "", "updated": "", "listRule": "@owns_record || @has_role('admin')", "viewRule": "@owns_record",
        "createRule": "@request.data.title IS NOT NULL", "updateRule": null, "deleteRule": null,
        "fields": [id, author, text("title"), text("status"),
            {"id": "at", "name": "created_at", "type": "autodate", "onCreate": true}]});
    let mut tasks: Collection = serde_json::from_value(definition).unwrap();
    tasks.index_fields();
    world
        .store
        .write_blocking(move |tx| collections::save(tx, tasks))
        .map_err(|error: RecordError| error)
        .unwrap();
    for (name, status) in [("ann", json!("open")), ("bob", Json::Null)] {
        world.create(&user(&world, name), "tasks", json!({"title": name, "status": status})).unwrap();
    }
    world
}

fn user(world: &World, name: &str) -> Asker {
    world.user(&format!("{name}@x.com"))
}

fn titles(world: &World, asker: &Asker, filter: &str) -> Result<String, String> {
    let request = ListRequest { page: 1, per_page: 30, filter: filter.to_owned(), ..ListRequest::default() };
    let tasks = world.collection("tasks");
    let page = world.store.read_here(|snapshot| list(snapshot, asker, &tasks, &request));
    let items = page.map_err(|error: RecordError| error.to_string())?.items;
    Ok(items.iter().map(|record| record.text("title")).collect::<Vec<_>>().join(" "))
}

#[test]
fn rules_hold_in_every_dialect_and_filters_in_one() {
    let world = world();
    let (ann, admin) = (user(&world, "ann"), world.superuser());
    for (language, asker, filter, expected) in [
        (Language::PocketBase, &ann, "", "ann"),
        (Language::SnackBase, &ann, "", "ann"),
        (Language::SnackBase, &ann, "title IS NULL", ""),
        (Language::PocketBase, &admin, "status != 'open'", "bob"),
        (Language::SnackBase, &admin, "status != 'open'", ""),
        (Language::PocketBase, &admin, "status = ''", "bob"),
        (Language::SnackBase, &admin, "status IS NULL && created_at > '2026-01-01T00:00:00Z'", "bob"),
        (Language::SnackBase, &admin, "account_id IN ('default')", "ann bob"),
    ] {
        let asker = Asker { language, ..asker.clone() };
        assert_eq!(titles(&world, &asker, filter).as_deref(), Ok(expected), "{language:?} {filter}");
    }
    for (language, filter, message) in [
        (Language::SnackBase, "title = ", "bad request: Unexpected token: EOF at position 8"),
        (Language::PocketBase, "title IS NULL", "bad request: invalid or incomplete filter expression"),
    ] {
        let asker = Asker { language, ..ann.clone() };
        assert!(titles(&world, &asker, filter).is_err_and(|error| error.starts_with(message)), "{filter}");
    }
}

#[test]
fn what_is_sent_is_judged_by_the_create_rule() {
    let world = world();
    let refused = world.create(&user(&world, "ann"), "tasks", json!({"status": "x"}));
    assert!(matches!(refused, Err(RecordError::RuleFailed)), "{refused:?}");
}

#[test]
fn a_gate_is_bound_to_who_listens() {
    let world = world();
    let (catalog, tasks) = (world.catalog(), world.collection("tasks"));
    let ann = Asker { language: Language::SnackBase, ..user(&world, "ann") };
    let own = gate(&catalog, &tasks, Which::View, &ann, "status = 'open'");
    let all = world.store.read_here(|snapshot| {
        let request = ListRequest { page: 1, per_page: 30, ..ListRequest::default() };
        list(snapshot, &world.superuser(), &tasks, &request)
    });
    for record in all.map_err(|error: RecordError| error).unwrap().items {
        let expected = if record.text("title") == "ann" { Truth::Yes } else { Truth::No };
        assert_eq!(own.eval(&record, Timestamp::now()), expected);
    }
    assert!(own.is_local() && own.equality().is_some());
    assert_eq!(gate(&catalog, &tasks, Which::View, &ann, "@request.auth.id = 1").constant(), Some(false));
}

#[test]
fn nulls_are_zero_values_where_no_null_is_known() {
    let world = world();
    let (tasks, admin) = (world.collection("tasks"), world.superuser());
    let request =
        ListRequest { page: 1, per_page: 30, filter: "title = 'bob'".to_owned(), ..ListRequest::default() };
    let shown = world.store.read_here(|snapshot| {
        let record = list(snapshot, &admin, &tasks, &request)?.items.remove(0);
        Ok::<_, RecordError>(show::show(snapshot, &admin, &record, None, None)?)
    });
    assert_eq!(shown.unwrap()["status"], "");
}

#[test]
fn rules_are_checked_when_they_are_saved() {
    let world = world();
    let (catalog, tasks) = (world.catalog(), world.collection("tasks"));
    for (of, text, at, message) in [
        (RuleOf::View, "title = ", Some(8), "Unexpected token: EOF at position 8"),
        (
            RuleOf::View,
            "@request.data.x = 1",
            None,
            "'@request.data.*' can only be used in create/update rules, not in 'view' rules",
        ),
        (
            RuleOf::List,
            "@is_public",
            None,
            "Field 'public' does not exist in collection. Available fields: account_id, created_at, created_by, id, status, title, updated_at, updated_by",
        ),
    ] {
        let fault = check_rule(&catalog, &tasks, of, text).unwrap_err();
        assert_eq!((fault.at, fault.message.as_str()), (at, message), "{text}");
    }
    for of in RuleOf::ALL {
        assert_eq!(check_rule(&catalog, &tasks, of, "@owns_record && @has_group('x')"), Ok(()));
    }
    assert_eq!(check_rule(&catalog, &tasks, RuleOf::Create, "@request.data.x = 1"), Ok(()));
}
