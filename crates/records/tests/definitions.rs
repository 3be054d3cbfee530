//! Definitions as they are made, changed, imported and deleted in a store.

#![allow(clippy::unwrap_used)]

use serde_json::{Value as Json, json};
use std::sync::Arc;
use tempfile::TempDir;
use tidewire_model::{Collection, Record, TenantId, Value};
use tidewire_records::bootstrap::bootstrap;
use tidewire_records::error::{Fault, FieldErrors};
use tidewire_records::{Body, RecordError, account, collections};
use tidewire_store::{Options, Store};

struct Place {
    store: Store,
    _dir: TempDir,
}

fn place() -> Place {
    let dir = TempDir::new().unwrap();
    let store = Store::open(dir.path(), Options::default(), Box::new(|_| {})).unwrap();
    bootstrap(&store).unwrap();
    Place { store, _dir: dir }
}

fn tenant() -> TenantId {
    TenantId::default()
}

fn body(json: Json) -> Body {
    json.as_object().cloned().unwrap()
}

enum Step {
    Create(Json),
    Update(&'static str, Json),
    Delete(&'static str),
    Import(Json, bool),
}
use Step::{Create, Delete, Import, Update};

impl Place {
    fn named(&self, name: &str) -> Option<Arc<Collection>> {
        self.store.catalog().find(&tenant(), name).cloned()
    }

    fn run(&self, step: Step) -> Result<(), RecordError> {
        match step {
            Create(json) => {
                self.store.write_blocking(move |tx| collections::create(tx, &tenant(), &body(json)).map(drop))
            }
            Update(name, json) => {
                let old = self.named(name).unwrap();
                self.store
                    .write_blocking(move |tx| collections::update(tx, &tenant(), &old, &body(json)).map(drop))
            }
            Delete(name) => {
                let old = self.named(name).unwrap();
                self.store.write_blocking(move |tx| collections::delete(tx, &old))
            }
            Import(json, delete_missing) => {
                let bodies: Vec<Body> = json.as_array().unwrap().iter().cloned().map(body).collect();
                self.store
                    .write_blocking(move |tx| collections::import(tx, &tenant(), &bodies, delete_missing))
            }
        }
    }

    /// Runs steps in order; each is answered by "ok" or by the paths and codes of its faults.
    fn check(&self, steps: Vec<(Step, &str)>) {
        for (number, (step, expected)) in steps.into_iter().enumerate() {
            let answer = match self.run(step) {
                Ok(()) => "ok".to_string(),
                Err(RecordError::Invalid(faults)) => codes("", &faults).join(" "),
                Err(RecordError::Referenced) => "referenced".to_string(),
                Err(error) => error.to_string(),
            };
            assert_eq!(answer, expected, "step {number}");
        }
    }

    fn fields(&self, name: &str) -> Vec<String> {
        self.named(name).unwrap().fields.iter().map(|field| field.name.to_string()).collect()
    }
}

fn codes(path: &str, faults: &FieldErrors) -> Vec<String> {
    let one = |(name, fault): (&String, &Fault)| match fault {
        Fault::Field(error) => vec![format!("{path}{name}:{}", error.code)],
        Fault::Nested(nested) => codes(&format!("{path}{name}."), nested),
    };
    faults.0.iter().flat_map(one).collect()
}

fn text(name: &str) -> Json {
    json!({ "name": name, "type": "text" })
}

#[test]
fn a_store_is_set_up_once() {
    let place = place();
    let before = place.store.catalog();
    bootstrap(&place.store).unwrap();
    assert_eq!(place.store.catalog().revision, before.revision);
    place.check(vec![(Delete("users"), "ok")]);
    bootstrap(&place.store).unwrap();
    assert!(place.named("users").is_none() && place.named("_superusers").is_some());
    let accounts = place.store.read_here(|snapshot| snapshot.accounts()).unwrap();
    assert_eq!(accounts.iter().map(|account| &*account.slug).collect::<Vec<_>>(), ["default", "system"]);
}

#[test]
fn updates_keep_what_they_must() {
    let place = place();
    place.check(vec![
        (Create(json!({ "name": "a", "fields": [text("t"), { "name": "n", "type": "number" }] })), "ok"),
        (Create(json!({ "name": "A" })), "name:validation_collection_name_exists"),
        (Update("a", json!({ "type": "auth" })), "type:validation_collection_type_change"),
        (Update("a", json!({ "type": "base", "system": false })), "ok"),
        (Update("a", json!({ "system": true })), "system:validation_collection_system_flag_change"),
        (Update("a", json!({ "id": "zzz" })), "not found"),
        (Update("a", json!({ "indexes": ["create index i on a (t)"] })), "ok"),
        (
            Update("a", json!({ "fields": [{ "name": "n", "type": "number" }] })),
            "indexes.0:validation_invalid_index_expression",
        ),
        (
            Update("a", json!({ "indexes": ["create index i on a (nosuch(t))"] })),
            "indexes.0:validation_invalid_index_expression",
        ),
        (
            Update("a", json!({ "fields": [text("t"), { "id": "number2571706943", "name": "n", "type": "bool" }] })),
            "ok",
        ),
        (Update("a", json!({ "name": "b" })), "ok"),
        (Update("users", json!({ "name": "b" })), "name:validation_collection_name_exists"),
        (Update("_superusers", json!({ "name": "s" })), "name:validation_collection_system_name_change"),
        (
            Update("_superusers", json!({ "listRule": "", "authRule": null })),
            "authRule:validation_collection_system_rule_change listRule:validation_collection_system_rule_change",
        ),
        (Update("users", json!({ "indexes": [] })), "ok"),
        (Delete("_superusers"), ""),
    ]);
    assert_eq!(place.fields("b"), ["id", "t", "n"]);
    assert_eq!(&*place.named("b").unwrap().indexes[0], "CREATE INDEX `i` ON `b` (`t`)");
    assert_eq!(place.named("users").unwrap().indexes.len(), 2);
}

#[test]
fn fields_are_known_by_id_then_by_name() {
    let place = place();
    let field = |id: &str, name: &str, kind: &str| json!({ "id": id, "name": name, "type": kind });
    place.check(vec![
        (
            Create(
                json!({ "name": "a", "fields": [field("f1", "one", "text"), field("f2", "two", "text")] }),
            ),
            "ok",
        ),
        (Update("a", json!({ "fields": [field("f1", "first", "text"), text("two"), text("three")] })), "ok"),
        (
            Update("a", json!({ "fields": [field("f1", "first", "bool")] })),
            "fields.1:validation_field_type_change",
        ),
        (
            Update(
                "a",
                json!({ "fields": [{ "name": "r", "type": "relation", "collectionId": "_pb_users_auth_" }] }),
            ),
            "ok",
        ),
        (
            Update(
                "a",
                json!({ "fields": [{ "name": "r", "type": "relation", "collectionId": "pbc_3142635823" }] }),
            ),
            "fields.1.collectionId:validation_field_relation_change",
        ),
        (Delete("users"), "referenced"),
        (Update("a", json!({ "fields": [] })), "ok"),
        (Delete("users"), "ok"),
    ]);
    assert_eq!(place.fields("a"), ["id"]);
}

#[test]
fn generated_text_must_be_valid() {
    let place = place();
    let with = |options: Json| {
        let mut field = text("t");
        field.as_object_mut().unwrap().extend(body(options));
        Create(json!({ "name": "a", "fields": [field] }))
    };
    let path = "fields.1.autogeneratePattern:";
    let [broken, wrong] = ["validation_invalid_regex", "validation_invalid_autogenerate_pattern_value"]
        .map(|code| format!("{path}{code}"));
    place.check(vec![
        (with(json!({ "autogeneratePattern": "[" })), &broken),
        (with(json!({ "pattern": "(" })), "fields.1.pattern:validation_invalid_regex"),
        (with(json!({ "autogeneratePattern": "[a-z]{20}", "max": 6 })), &wrong),
        (with(json!({ "autogeneratePattern": "[a-z]{20}", "pattern": "^x$" })), &wrong),
        (with(json!({ "autogeneratePattern": "[a-z]{20}", "pattern": "^[a-z]+$", "max": 20 })), "ok"),
    ]);
}

#[test]
fn a_renamed_field_keeps_its_data() {
    let place = place();
    place.check(vec![(Create(json!({ "name": "a", "fields": [text("one")] })), "ok")]);
    let collection = place.named("a").unwrap();
    let id = collection.fields[1].id.clone();
    let mut record = Record::empty(collection.clone(), tenant());
    record.set("id", Value::text("abcdefghijklmno"));
    record.set("one", Value::text("kept"));
    place.store.write_blocking(move |tx| tx.insert(record, "").map(drop)).unwrap();
    place
        .check(vec![(Update("a", json!({ "fields": [{ "id": id, "name": "two", "type": "text" }] })), "ok")]);
    let collection = place.named("a").unwrap();
    let found = place.store.read_here(|snapshot| snapshot.get(&collection, &tenant(), "abcdefghijklmno"));
    assert_eq!(found.unwrap().unwrap().text("two"), "kept");
}

#[test]
fn imports_come_as_one() {
    let place = place();
    let one =
        json!({ "name": "one", "fields": [{ "name": "r", "type": "relation", "collectionId": "id2" }] });
    let two = |field: &str| json!({ "id": "id2", "name": "two", "fields": [text(field)] });
    let failure = "collections:validation_collections_import_failure";
    place.check(vec![
        (Import(json!([one.clone()]), false), failure),
        (Import(json!([one, two("a b")]), false), failure),
        (Import(json!([one, two("t")]), false), "ok"),
        (Import(json!([two("u")]), false), "ok"),
    ]);
    assert_eq!(place.fields("two"), ["id", "u", "t"]);
    place.check(vec![(Import(json!([two("u")]), true), "ok")]);
    assert_eq!(place.fields("two"), ["id", "u"]);
    let catalog = place.store.catalog();
    let listed = catalog.all().iter().filter(|one| !one.internal);
    let names: Vec<&str> = listed.map(|one| &*one.name).collect();
    assert_eq!(names, ["_mfas", "_otps", "_externalAuths", "_authOrigins", "_superusers", "two"]);
}

#[test]
fn another_auth_rule_ends_sessions() {
    let place = place();
    let secret = || place.named("users").unwrap().auth.clone().unwrap().auth_token.secret;
    let first = secret();
    place.check(vec![(Update("users", json!({ "authToken": { "duration": 100 } })), "ok")]);
    assert_eq!(secret(), first);
    place.check(vec![(Update("users", json!({ "authRule": "verified = true" })), "ok")]);
    assert_ne!(secret(), first);
}

#[test]
fn rules_must_be_understood() {
    let place = place();
    place.check(vec![
        (
            Create(json!({ "name": "a", "listRule": "zz = 1", "viewRule": "a =" })),
            "listRule:validation_invalid_rule viewRule:validation_invalid_rule",
        ),
        (
            Create(
                json!({ "name": "a", "listRule": "t = 1 && @collection.a.t = ''", "fields": [text("t")] }),
            ),
            "ok",
        ),
        (Update("a", json!({ "fields": [] })), "listRule:validation_invalid_rule"),
        (
            Create(json!({ "name": "u", "type": "auth", "authRule": "zz = 1", "manageRule": "zz = 1" })),
            "authRule:validation_invalid_rule manageRule:validation_invalid_rule",
        ),
    ]);
}

#[test]
fn accounts_are_found_by_id_slug_or_code() {
    let place = place();
    let make =
        |slug: &'static str| place.store.write_blocking(move |tx| account::create(tx, slug, "", Some("key")));
    let made = make("acme").unwrap();
    assert!(made.code.len() == 6 && made.code[..2].chars().all(|c| c.is_ascii_uppercase()));
    assert_eq!((made.name.as_str(), made.id.as_str().len()), ("acme", 36));
    assert_eq!(made.api_key_hash, tidewire_auth::key_hash("key"));
    for slug in ["acme", "default", "", "-a", "A", "a b", "ä"] {
        assert!(matches!(make(slug), Err(RecordError::Invalid(_))), "{slug}");
    }
    for name in [made.id.as_str(), "acme", &made.code, &made.code.to_lowercase()] {
        let found = place.store.read_here(|snapshot| account::find(snapshot, name)).unwrap();
        assert_eq!(found.map(|account| account.id), Some(made.id.clone()), "{name}");
    }
    assert_eq!(place.store.read_here(|snapshot| account::find(snapshot, "nobody")).unwrap(), None);
}

/// What users are in an account stays whatever a client that does not know of it makes of the definition.
#[test]
fn users_keep_what_they_are_in_an_account() {
    let place = place();
    let own = ["accountRole", "accountGroups", "accountDisabled"];
    let shown = collections::show(&place.named("users").unwrap());
    assert!(own.iter().all(|name| !shown["fields"].to_string().contains(name)));
    let mut other = shown.clone();
    other["fields"].as_array_mut().unwrap().push(text("nickname"));
    for step in [
        Update("users", shown.clone()),
        Update("users", other),
        Update("users", json!({ "fields": [text("nickname")], "indexes": [] })),
        Update(
            "users",
            json!({ "fields": [{ "name": "accountDisabled", "type": "bool", "hidden": false }] }),
        ),
        Import(json!([{ "name": "users", "fields": [text("x")] }]), true),
        Import(json!([shown]), true),
    ] {
        place.run(step).unwrap();
        let users = place.named("users").unwrap();
        let kept = own.map(|name| users.field(name).is_some_and(|field| field.hidden && field.system));
        assert_eq!(kept, [true; 3]);
    }
}

#[test]
fn an_older_folder_gets_what_accounts_need() {
    let place = place();
    let made_before = |collection: &Collection| !collection.internal;
    let complete = |catalog: &tidewire_model::Catalog| {
        (catalog.all().len(), catalog.by_id(Collection::USERS_ID).unwrap().fields.len())
    };
    let (wanted, users) = (complete(&place.store.catalog()), place.named("users").unwrap());
    place
        .store
        .write_blocking(move |tx| {
            let mut record = Record::empty(users.clone(), tenant());
            for (field, value) in [("id", "u00000000000001"), ("email", "u@example.com"), ("tokenKey", "k")] {
                record.set(field, Value::text(value));
            }
            tx.insert(record, "")?;
            let mut old = Collection::clone(&users);
            old.fields.retain(|field| !field.name.starts_with("account"));
            tx.save_collection(old)?;
            for collection in tx.catalog().clone().all().iter().filter(|one| !made_before(one)) {
                tx.delete_collection(&collection.id)?;
            }
            Ok::<_, RecordError>(())
        })
        .unwrap();
    assert_ne!(complete(&place.store.catalog()), wanted);
    bootstrap(&place.store).unwrap();
    assert_eq!(complete(&place.store.catalog()), wanted);
    let users = place.named("users").unwrap();
    let found = place.store.read_here(|snapshot| snapshot.get(&users, &tenant(), "u00000000000001"));
    let user = found.unwrap().unwrap();
    assert_eq!((user.text("email"), user.bool("accountDisabled")), ("u@example.com", false));
}
