//! Recorded answers under one rule at a time.

mod world;

use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use tidewire_records::list::{ListRequest, list};
use tidewire_records::view::view;
use tidewire_records::{Asker, RecordError};
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

fn answer(world: &World, case: &Json) -> Json {
    let body = case["body"].clone();
    let (row, last) = ("rowrowrowrow002", "rowrowrowrow009");
    let collection = world.collection("ff");
    let done = match case["kind"].as_str().unwrap_or_default() {
        "listRule" => {
            return listed(world, &asker(world, case, "GET"))
                .unwrap_or_else(|e| json!({"status": status(&e)}));
        }
        "viewRule" => {
            let asker = asker(world, case, "GET");
            world.store.read_here(|snapshot| view(snapshot, &asker, &collection, row)).map(|_| 200)
        }
        "createRule" => world.create(&asker(world, case, "POST"), "ff", body).map(|_| 200),
        "updateRule" => world.update(&asker(world, case, "PATCH"), "ff", row, body).map(|_| 200),
        _ => world.delete(&asker(world, case, "DELETE"), "ff", last).map(|()| 204),
    };
    json!({ "status": done.unwrap_or_else(|error| status(&error)) })
}

fn check(world: &World, case: &Json) -> Result<(), String> {
    let mut rules: BTreeMap<&str, Json> = KINDS.iter().map(|kind| (*kind, json!(""))).collect();
    rules.insert(case["kind"].as_str().unwrap_or_default(), case["rule"].clone());
    world.alter("ff", json!(rules));
    let mut expected = json!({ "status": case["result"]["status"] });
    if let Some(ids) = case["result"].get("ids") {
        expected["ids"] = ids.clone();
    }
    let found = answer(world, case);
    if found == expected { Ok(()) } else { Err(format!("{case}: {found}")) }
}

#[test]
fn recorded_rules_decide_alike() {
    let cases: Vec<Json> = serde_json::from_str(CASES).unwrap();
    let savable: Vec<&Json> =
        cases.iter().filter(|case| case["result"].get("rule_status").is_none()).collect();
    let mut world = World::recorded();
    let mut wrong = Vec::new();
    for case in &savable {
        wrong.extend(check(&world, case).err());
        if case["kind"] != "listRule" && case["kind"] != "viewRule" {
            world = World::recorded();
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), savable.len(), wrong.join("\n"));
}
