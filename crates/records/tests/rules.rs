//! Recorded answers under one rule at a time.

#![allow(clippy::unwrap_used)]

mod world;

use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use tidewire_records::list::{ListRequest, list};
use tidewire_records::view::view;
use tidewire_records::{Asker, RecordError, create, delete, update};
use tidewire_store::StoreError;
use world::World;

const CASES: &str = include_str!("../../../tests/oracle/rules.json");
const KINDS: [&str; 5] = ["listRule", "viewRule", "createRule", "updateRule", "deleteRule"];

fn asker(world: &World, case: &Json, method: &str) -> Asker {
    let base = if case["who"] == "user" { world.user("user@example.com") } else { world.guest() };
    let query = case["query"].as_str().unwrap_or_default();
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let query = pairs.rev().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let headers: BTreeMap<String, String> = world::object(case["headers"].clone())
        .into_iter()
        .map(|(name, value)| {
            (name.to_lowercase().replace('-', "_"), value.as_str().unwrap_or_default().to_owned())
        })
        .collect();
    Asker { method: method.to_owned(), query, headers, ..base }
}

fn status(error: &RecordError) -> u16 {
    match error {
        RecordError::NotFound => 404,
        RecordError::SuperusersOnly | RecordError::Forbidden(_) => 403,
        RecordError::Store(StoreError::Database(_)) => 500,
        _ => 400,
    }
}

fn listed(world: &World, asker: &Asker) -> Result<Json, RecordError> {
    let filter = asker.query.get("filter").cloned().unwrap_or_default();
    let request = ListRequest { page: 1, per_page: 200, filter, sort: "id".into(), skip_total: false };
    let collection = world.collection("ff");
    let page = world.store.read_here(|snapshot| list(snapshot, asker, &collection, &request))?;
    assert_eq!(page.total, Some(page.items.len() as u64));
    let numbers = page.items.iter().map(|record| json!(record.id()[12..].parse::<u64>().unwrap_or_default()));
    Ok(json!({ "status": 200, "ids": numbers.collect::<Vec<_>>() }))
}

/// A write's status, brought out of a transaction that is then undone.
struct Undone(u16);

impl From<StoreError> for Undone {
    fn from(error: StoreError) -> Self {
        Self(status(&RecordError::Store(error)))
    }
}

fn written(world: &World, case: &Json) -> u16 {
    let (kind, body) = (case["kind"].clone(), case["body"].clone());
    let method = match kind.as_str() {
        Some("createRule") => "POST",
        Some("updateRule") => "PATCH",
        _ => "DELETE",
    };
    let (asker, collection) = (asker(world, case, method), world.collection("ff"));
    let prepared = world::prepared(&collection, body);
    let undone: Result<(), Undone> = world.store.write_blocking(move |tx| {
        let done = match method {
            "POST" => create::create(tx, &asker, &collection, &prepared).map(|_| 200),
            "PATCH" => update::update(tx, &asker, &collection, "rowrowrowrow002", &prepared).map(|_| 200),
            _ => delete::delete(tx, &asker, &collection, "rowrowrowrow009").map(|()| 204),
        };
        Err(Undone(done.unwrap_or_else(|error| status(&error))))
    });
    undone.map_or_else(|Undone(status)| status, |()| 0)
}

fn viewed(world: &World, case: &Json) -> u16 {
    let (asker, collection) = (asker(world, case, "GET"), world.collection("ff"));
    let seen = world.store.read_here(|snapshot| view(snapshot, &asker, &collection, "rowrowrowrow002"));
    seen.map_or_else(|error| status(&error), |_| 200)
}

fn check(world: &World, case: &Json) -> Result<(), String> {
    let kind = case["kind"].as_str().unwrap_or_default();
    let mut rules: BTreeMap<&str, Json> = KINDS.iter().map(|kind| (*kind, json!(""))).collect();
    rules.insert(kind, case["rule"].clone());
    world.alter("ff", json!(rules));
    let mut expected = json!({ "status": case["result"]["status"] });
    if let Some(ids) = case["result"].get("ids") {
        expected["ids"] = ids.clone();
    }
    let found = match kind {
        "listRule" => listed(world, &asker(world, case, "GET")),
        "viewRule" => Ok(json!({ "status": viewed(world, case) })),
        _ => Ok(json!({ "status": written(world, case) })),
    };
    let found = found.unwrap_or_else(|error| json!({ "status": status(&error) }));
    if found == expected { Ok(()) } else { Err(format!("{case}: {found}")) }
}

#[test]
fn recorded_rules_decide_alike() {
    let cases: Vec<Json> = serde_json::from_str(CASES).unwrap();
    let savable: Vec<&Json> =
        cases.iter().filter(|case| case["result"].get("rule_status").is_none()).collect();
    let world = World::recorded();
    let wrong: Vec<String> = savable.iter().filter_map(|case| check(&world, case).err()).collect();
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), savable.len(), wrong.join("\n"));
}
