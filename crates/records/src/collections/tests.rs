//! Bodies and answers as a PocketBase server gave them, without dates and e-mail texts.

use super::{create, show};
use crate::bootstrap;
use crate::error::{Fault, FieldErrors};
use crate::{Body, RecordError};
use serde_json::{Map, Value as Json, json};
use std::sync::Arc;
use tidewire_model::{Catalog, Collection, TenantId, json};

const SYSTEM: &str = include_str!("../../tests/data/system_collections.json");
const BODIES: &str = include_str!("../../tests/data/collection_bodies.json");

fn catalog() -> Arc<Catalog> {
    Arc::new(Catalog::new(1, bootstrap::collections().into_iter().map(Arc::new).collect()))
}

fn facts(collection: &Collection) -> Json {
    let mut json = show(collection);
    if let Json::Object(map) = &mut json {
        for key in ["created", "updated", "verificationTemplate", "resetPasswordTemplate"] {
            map.remove(key);
        }
        map.remove("confirmEmailChangeTemplate");
        for key in ["authAlert", "otp"] {
            map.get_mut(key).and_then(Json::as_object_mut).and_then(|part| part.remove("emailTemplate"));
        }
    }
    json
}

fn faults_json(faults: &FieldErrors) -> Json {
    let one = |fault: &Fault| match fault {
        Fault::Nested(nested) => faults_json(nested),
        Fault::Field(error) => {
            let mut json = json!({ "code": error.code, "message": error.message });
            if !error.params.is_empty() {
                json["params"] = Json::Object(error.params.clone());
            }
            json
        }
    };
    Json::Object(faults.0.iter().map(|(name, fault)| (name.clone(), one(fault))).collect::<Map<_, _>>())
}

fn body(json: &Json) -> Body {
    json.as_object().cloned().unwrap()
}

fn checked(json: &Json) -> Result<Collection, RecordError> {
    create::checked(&catalog(), &TenantId::default(), &body(json))
}

#[test]
fn a_new_store_has_pocketbases_collections() {
    let expected: Vec<Json> = serde_json::from_str(SYSTEM).unwrap();
    let made = bootstrap::collections();
    assert_eq!(made.len(), expected.len());
    for (made, expected) in made.iter().zip(&expected) {
        assert_eq!(&facts(made), expected, "{}", made.name);
    }
}

#[test]
fn bodies_are_answered_as_pocketbase_answers_them() {
    let cases: Vec<Json> = serde_json::from_str(BODIES).unwrap();
    for case in &cases {
        let answer = match checked(&case["body"]) {
            Ok(collection) => json!({ "shown": facts(&collection) }),
            Err(RecordError::Invalid(faults)) => json!({ "faults": faults_json(&faults) }),
            Err(RecordError::BadRequest(_)) => json!({ "malformed": true }),
            Err(error) => panic!("{}: {error}", case["body"]),
        };
        let mut expected = case.clone();
        expected.as_object_mut().unwrap().remove("body");
        assert_eq!(json::to_string(&answer), json::to_string(&expected), "{}", case["body"]);
    }
}

#[test]
fn a_tenants_collection_is_its_own() {
    let (tenant, catalog) = (TenantId::new("t1"), catalog());
    let made = create::checked(&catalog, &tenant, &body(&json!({ "name": "users" }))).unwrap();
    assert_eq!(made.owner, Some(tenant));
    assert_eq!(checked(&json!({ "name": "posts" })).unwrap().owner, None);
    assert!(checked(&json!({ "name": "users" })).is_err());
}

#[test]
fn strange_bodies_are_refused() {
    let nested = |depth: usize| (0..depth).fold(json!(1), |inner, _| json!([inner]));
    for json in [
        json!({ "name": "x", "type": "auth", "id": "\u{e4}".repeat(60) }),
        json!({ "name": "x", "id": "\u{0}" }),
        json!({ "name": "\u{e4}\u{f6}" }),
        json!({ "name": "x", "type": "auth", "otp": { "duration": "x" } }),
        json!({ "name": "x", "type": "auth", "authToken": [] }),
        json!({ "name": "x", "type": "auth", "passwordAuth": { "identityFields": [1] } }),
        json!({ "name": "x", "indexes": [null] }),
        json!({ "name": "x", "indexes": ["create index \u{e4} on (" ] }),
        json!({ "name": "x", "fields": [nested(50)] }),
        json!({ "name": "x", "fields": [{ "name": "s", "type": "select", "values": [1] }] }),
        json!({ "name": "x", "fields": [{ "name": "s", "type": "text", "max": 1e300 }] }),
        json!({ "name": "x", "fields": [{ "name": "s", "type": "text", "max": 1.5 }] }),
        json!({ "name": "x", "fields": [{ "name": "s", "type": "url", "onlyDomains": ["\u{e4}.", "."] }] }),
    ] {
        assert!(checked(&json).is_err(), "{json}");
    }
}

#[test]
fn views_are_told_apart() {
    let error = checked(&json!({ "name": "v", "type": "view", "viewQuery": "select 1" }));
    assert!(matches!(error, Err(RecordError::Unsupported("view collections"))));
}
