//! Recorded answers to creates with good and bad values.

#![allow(clippy::unwrap_used)]

mod world;

use serde_json::Value as Json;
use tidewire_records::RecordError;
use world::{World, faults, same};

const CASES: &str = include_str!("../../../tests/oracle/validation.json");

fn check(world: &World, case: &Json) -> Result<(), String> {
    let expected = &case["result"];
    let sent = || world.create(&world.guest(), "vt", case["body"].clone());
    if case["twice"] == true {
        let _ = sent();
    }
    let (status, found) = match sent() {
        Ok(record) => {
            let value = |name: &str| match name {
                "collectionId" => Json::String(record.collection.id.to_string()),
                name => record.get(name).map_or(Json::Null, |value| value.to_json()),
            };
            let members =
                world::object(expected.clone()).into_iter().map(|(name, _)| (name.clone(), value(&name)));
            let found = Json::Object(members.collect());
            world.delete(&world.superuser(), "vt", record.id()).map_err(|error| error.to_string())?;
            (200, found)
        }
        Err(RecordError::Invalid(errors)) => (400, faults(&errors)),
        Err(error) => return Err(format!("{case}: {error:?}")),
    };
    if case["status"] == status && same(&found, expected) {
        return Ok(());
    }
    Err(format!("{case}: {status} {found}"))
}

#[test]
fn recorded_creates_are_answered_alike() {
    let world = World::recorded();
    let cases: Vec<Json> = serde_json::from_str(CASES).unwrap();
    let wrong: Vec<String> = cases.iter().filter_map(|case| check(&world, case).err()).collect();
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
