//! What readers see: hidden fields, e-mail addresses, expanded relations, limits of lists, gates of subscriptions.

#![allow(clippy::unwrap_used)]

mod world;

use serde_json::{Value as Json, json};
use std::sync::Arc;
use tidewire_model::json::Escape;
use tidewire_model::{Record, Timestamp};
use tidewire_records::gate::{Which, gate};
use tidewire_records::list::{ListRequest, count, list};
use tidewire_records::show::{Expand, Fields, Sight, show, show_all};
use tidewire_records::{Asker, RecordError};
use tidewire_rules::Truth;
use world::World;

fn shown(world: &World, asker: &Asker, record: &Arc<Record>, expand: &str, fields: &str) -> Json {
    let (expand, fields) = (Expand::parse(expand), Fields::parse(fields));
    world
        .store
        .read_here(|snapshot| show(snapshot, asker, record, expand.as_ref(), fields.as_ref()))
        .unwrap_or_else(|error: tidewire_store::StoreError| panic!("{error}"))
}

/// Both ways to JSON give the same.
fn check_written(world: &World, asker: &Asker, record: &Arc<Record>, fields: &str) -> Json {
    let sight = Sight::of(asker, &world.catalog(), &record.collection);
    let mut bytes = Vec::new();
    match Fields::parse(fields) {
        Some(fields) => sight.write_fields(record, &fields, Escape::Ascii, &mut bytes),
        None => sight.write(record, Escape::Ascii, &mut bytes),
    }
    let written: Json = serde_json::from_slice(&bytes).unwrap();
    let tree = shown(world, asker, record, "", fields);
    assert!(world::same(&written, &tree), "{written} {tree}");
    let keys: Vec<String> = world::object(written.clone()).into_iter().map(|(key, _)| key).collect();
    let text = String::from_utf8(bytes).unwrap();
    let places: Vec<usize> = keys.iter().map(|key| text.find(&format!("\"{key}\":")).unwrap()).collect();
    assert!(places.is_sorted(), "{text}");
    written
}

#[test]
fn hidden_fields_are_for_superusers() {
    let world = World::recorded();
    let row = world.record("ff", "rowrowrowrow001").unwrap();
    let guest = check_written(&world, &world.guest(), &row, "");
    assert!(guest.get("hid").is_none() && guest["t"] == "Alpha" && guest["collectionName"] == "ff");
    assert_eq!(check_written(&world, &world.superuser(), &row, "")["hid"], "h");
    assert_eq!(check_written(&world, &world.guest(), &row, "t,nosuch"), json!({"t": "Alpha"}));
    assert_eq!(check_written(&world, &world.guest(), &row, "nosuch"), json!({}));
    assert_eq!(check_written(&world, &world.guest(), &row, "j.b.c"), json!({"j": {"b": {"c": "deep"}}}));
}

#[test]
fn addresses_are_shown_to_whom_they_concern() {
    let world = World::recorded();
    let body = |email: &str, visible: bool| json!({"email": email, "emailVisibility": visible, "password": "12345678", "passwordConfirm": "12345678"});
    let hidden = world.create(&world.guest(), "users", body("a@b.co", false)).unwrap();
    let visible = world.create(&world.guest(), "users", body("c@d.co", true)).unwrap();
    let seen = |asker: &Asker, record: &Arc<Record>| {
        let json = check_written(&world, asker, record, "");
        assert!(json.get("password").is_none() && json.get("tokenKey").is_none());
        json.get("email").is_some()
    };
    assert!(!seen(&world.guest(), &hidden) && seen(&world.guest(), &visible));
    assert!(seen(&world.user("a@b.co"), &hidden) && !seen(&world.user("c@d.co"), &hidden));
    assert!(seen(&world.superuser(), &hidden));
    world.alter("users", json!({"manageRule": "@request.auth.email = 'c@d.co'"}));
    let hidden = world.record("users", hidden.id()).unwrap();
    assert!(seen(&world.user("c@d.co"), &hidden) && !seen(&world.guest(), &hidden));
}

#[test]
fn relations_are_expanded_for_who_may_see_them() {
    let world = World::recorded();
    let row = world.record("ff", "rowrowrowrow002").unwrap();
    let expanded =
        |asker: &Asker, text: &str| shown(&world, asker, &row, text, "expand").get("expand").cloned();
    let guest = world.guest();
    for (text, expected) in [
        ("nosuch", None),
        ("t", None),
        ("r.nosuch", None),
        ("r", Some(json!({"r": "blue"}))),
        ("r,nosuch", Some(json!({"r": "blue"}))),
        ("mr", Some(json!({"mr": ["red", "blue"]}))),
        ("fc_via_post", Some(json!({"fc_via_post": ["c1"]}))),
        ("fc(post)", Some(json!({"fc(post)": ["c1"]}))),
        ("fc_via_posts", Some(json!({"fc_via_posts": ["c1", ""]}))),
        ("fc_via_txt", None),
    ] {
        let brief = expanded(&guest, text).map(|json| names(&json));
        assert_eq!(brief, expected, "{text}");
    }
    let deep = shown(&world, &guest, &row, "fc_via_post.post.r", "expand");
    assert_eq!(deep["expand"]["fc_via_post"][0]["expand"]["post"]["expand"]["r"]["name"], "blue");
    world.alter("ft", json!({"viewRule": "name = 'red'"}));
    assert_eq!(expanded(&guest, "r"), Some(json!({})));
    assert_eq!(expanded(&guest, "mr").map(|json| names(&json)), Some(json!({"mr": ["red"]})));
    world.alter("ft", json!({ "viewRule": null }));
    assert_eq!(expanded(&guest, "r"), None);
    assert!(expanded(&world.superuser(), "r").is_some());
}

/// Each related record by its name or text.
fn names(expand: &Json) -> Json {
    let brief = |record: &Json| record.get("name").or(record.get("txt")).cloned().unwrap_or_default();
    let named = world::object(expand.clone()).into_iter().map(|(name, value)| match value {
        Json::Array(records) => (name, records.iter().map(brief).collect()),
        record => (name, brief(&record)),
    });
    Json::Object(named.collect())
}

#[test]
fn pages_are_expanded_as_single_records_are() {
    let world = World::recorded();
    let collection = world.collection("ff");
    let request = ListRequest { page: 1, per_page: 30, ..ListRequest::default() };
    let guest = world.guest();
    let page = world.store.read_here(|snapshot| list(snapshot, &guest, &collection, &request)).unwrap();
    assert_eq!(page.items.len(), 9);
    let expand = Expand::parse("r,mr,fc_via_post,fc_via_posts.post");
    let all = world
        .store
        .read_here(|snapshot| show_all(snapshot, &guest, &page.items, expand.as_ref(), None))
        .unwrap_or_else(|error: tidewire_store::StoreError| panic!("{error}"));
    for (record, json) in page.items.iter().zip(&all) {
        assert_eq!(json, &shown(&world, &guest, record, "r,mr,fc_via_post,fc_via_posts.post", ""));
    }
}

#[test]
fn lists_have_limits() {
    let world = World::recorded();
    let collection = world.collection("ff");
    let outcome = |asker: &Asker, filter: &str, sort: &str| {
        let request = ListRequest {
            page: 1,
            per_page: 30,
            filter: filter.to_owned(),
            sort: sort.to_owned(),
            skip_total: true,
        };
        match world.store.read_here(|snapshot| list(snapshot, asker, &collection, &request)) {
            Ok(page) => page.items.len().to_string(),
            Err(RecordError::BadRequest(_)) => "bad".to_owned(),
            Err(error) => error.to_string(),
        }
    };
    let (guest, superuser) = (world.guest(), world.superuser());
    let long = format!("t != '{}'", "x".repeat(3500));
    let many = vec!["n = 1"; 201].join(" || ");
    for (asker, filter, sort, expected) in [
        (&guest, "n > 1", "-n", "5"),
        (&guest, "(", "", "bad"),
        (&guest, "hid = ''", "", "bad"),
        (&superuser, "hid = ''", "", "8"),
        (&guest, "t = '@request.'", "", "Only superusers can filter by @request."),
        (&guest, "@collection.fc.txt = ''", "", "Only superusers can filter by @collection."),
        (&guest, "", "@request.auth.id", "Only superusers can filter by @request."),
        (&guest, &long, "", "bad"),
        (&guest, &many, "", "bad"),
        (&guest, "", "t,t,t,t,t,t,t,t", "9"),
        (&guest, "", "t,t,t,t,t,t,t,t,t", "bad"),
        (&guest, "", "nosuch", "bad"),
        (&guest, "", &"t".repeat(256), "bad"),
    ] {
        assert_eq!(outcome(asker, filter, sort), expected, "{filter} {sort}");
    }
    let counted = world.store.read_here(|snapshot| count(snapshot, &guest, &collection, "n > 1"));
    assert_eq!(counted.unwrap(), 5);
}

#[test]
fn gates_let_through_what_rule_and_filter_allow() {
    let world = World::recorded();
    world.alter("ff", json!({"viewRule": null, "listRule": "n >= 1"}));
    let row = |id: &str| world.record("ff", id).unwrap();
    let (one, three) = (row("rowrowrowrow001"), row("rowrowrowrow003"));
    let open = |asker: &Asker, which: Which, filter: &str, record: &Arc<Record>| {
        let residual = gate(&world.catalog(), &record.collection, which, asker, filter);
        residual.eval(record, Timestamp::now())
    };
    let sorting =
        Asker { query: [("sort".to_owned(), "@request.auth.id".to_owned())].into(), ..world.guest() };
    let user = world.user("user@example.com");
    for (asker, which, filter, record, expected) in [
        (&world.guest(), Which::List, "", &one, Truth::Yes),
        (&world.guest(), Which::List, "", &three, Truth::No),
        (&world.superuser(), Which::List, "", &three, Truth::Yes),
        (&world.guest(), Which::View, "", &one, Truth::No),
        (&world.guest(), Which::List, "t = 'Alpha'", &one, Truth::Yes),
        (&world.guest(), Which::List, "t = 'beta'", &one, Truth::No),
        (&world.guest(), Which::List, "nosuch = 1", &one, Truth::No),
        (&world.superuser(), Which::List, "hid = 'h'", &one, Truth::No),
        (&world.guest(), Which::List, "@collection.fc.txt = ''", &one, Truth::No),
        (&world.guest(), Which::List, "@request.auth.id != ''", &one, Truth::No),
        (&user, Which::List, "@request.auth.id != ''", &one, Truth::Yes),
        (&sorting, Which::List, "", &one, Truth::No),
    ] {
        assert_eq!(open(asker, which, filter, record), expected, "{which:?} {filter}");
    }
}
